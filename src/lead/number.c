/*
 * Digits and exponent are added up as text; no step depends on the exponent's size.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lead/number.h"

/* Past every exponent that could be made good by a text's worth of digits. */
#define EXPONENT_LIMIT INT64_C(1000000000000)

/* ${digits} (without point, zeros at either end trimmed) times 10 ^ ${exponent}. */
struct decimal {
	const char *first, *last;	/* first and last digit that is not zero */
	int64_t exponent;		/* of the last digit */
	bool negative;
};

static int64_t
read_exponent(const char *p, const char *end)
{
	bool negative = *p == '-';
	int64_t value = 0;

	if (*p == '-' || *p == '+')
		p++;
	for (; p < end; p++)
		if (value < EXPONENT_LIMIT)
			value = value * 10 + (*p - '0');
	return negative ? -value : value;
}

/* Take the number apart; false when it is zero. */
static bool
read_decimal(const char *text, size_t len, struct decimal *d)
{
	const char *p = text, *end = text + len, *point = NULL;

	*d = (struct decimal){ .negative = *p == '-' };
	for (p += d->negative; p < end && *p != 'e' && *p != 'E'; p++) {
		if (*p == '.') {
			point = p;
		} else if (*p != '0') {
			if (d->first == NULL)
				d->first = p;
			d->last = p;
		}
	}
	if (d->first == NULL)
		return false;
	if (point == NULL)
		point = p;
	d->exponent = d->last < point ? point - d->last - 1 : point - d->last;
	if (p < end)
		d->exponent += read_exponent(p + 1, end);
	return true;
}

bool
number_integer(const char *text, size_t len, int64_t *value)
{
	struct decimal d;
	const char *p;
	int64_t n = 0, i;

	*value = 0;
	if (!read_decimal(text, len, &d))
		return true;
	/* 17 digits or more are too large; fewer cannot overflow. */
	if (d.exponent < 0 || d.exponent > 16 || d.last - d.first + d.exponent > 16)
		return false;
	for (p = d.first; p <= d.last; p++)
		if (*p != '.')
			n = n * 10 + (*p - '0');
	for (i = 0; i < d.exponent; i++)
		n *= 10;
	if (n > NUMBER_MAX_INTEGER)
		return false;
	*value = d.negative ? -n : n;
	return true;
}

int64_t
number_decimals(const char *text, size_t len)
{
	struct decimal d;

	return read_decimal(text, len, &d) && d.exponent < 0 ? -d.exponent : 0;
}

/* Add one in the last place to "d.ddde±x"; the digits are never all nines. */
static void
round_up_digits(char *scientific)
{
	char *p = strchr(scientific, 'e');

	while (--p > scientific) {
		if (*p == '.')
			continue;
		if (*p != '9') {
			(*p)++;
			return;
		}
		*p = '0';
	}
	if (*p != '9')
		(*p)++;
}

/*
 * Print the shortest "d.ddde±x" that reads back as ${d}, a positive number.
 * Decimals of up to 15 digits survive a normal double, so 15 (and trimming) finds
 * all that are shorter; denormals hold fewer.  Below a power of two doubles stand
 * closer than above: there the nearest 16 digits may miss where the next do not.
 */
static void
print_shortest(double d, char *out, size_t size)
{
	int digits, unused;

	for (digits = isnormal(d) ? 15 : 1; digits <= 17; digits++) {
		snprintf(out, size, "%.*e", digits - 1, d);
		if (strtod(out, NULL) == d)
			return;
		if (digits == 16 && frexp(d, &unused) == 0.5) {
			round_up_digits(out);
			if (strtod(out, NULL) == d)
				return;
		}
	}
}

/* ECMA-262, Number::toString: k digits, the point behind the n-th of them. */
static size_t
js_size(double d)
{
	char text[40];
	const char *e, *last;
	int k, n;

	print_shortest(d, text, sizeof(text));
	e = strchr(text, 'e');
	for (last = e - 1; last > text && (*last == '0' || *last == '.'); last--)
		;
	k = last == text ? 1 : (int)(last - text);
	n = (int)strtol(e + 1, NULL, 10) + 1;
	if (n > 0 && n <= 21)
		return (size_t)(n >= k ? n : k + 1);
	if (n > -6 && n <= 0)
		return (size_t)(2 - n + k);
	return (size_t)(k + (k > 1) + snprintf(text, sizeof(text), "e%+d", n - 1));
}

size_t
number_js_size(const char *text, size_t len)
{
	double d;

	/* As it stands: up to 15 digits, no point, no exponent, no "-0". */
	if (len <= 15 && memchr(text, '.', len) == NULL &&
	    memchr(text, 'e', len) == NULL && memchr(text, 'E', len) == NULL)
		return text[0] == '-' && text[1] == '0' ? 1 : len;
	d = strtod(text, NULL);
	if (d == 0)
		return 1;
	if (isinf(d))
		return 4;
	return d < 0 ? 1 + js_size(-d) : js_size(d);
}
