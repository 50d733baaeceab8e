/*
 * text: no locale and no time zone has a say in any of it.
 */
#include "base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DAY_MS INT64_C(86400000)

struct unit {
	const char *name;
	int64_t factor;
};

static const struct unit durations[] = {
	{ "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 },
	{ "d", DAY_MS }, { "w", 7 * DAY_MS }, { NULL, 0 }
};

static const struct unit sizes[] = {
	{ "", 1 }, { "k", 1024 }, { "m", 1048576 }, { "g", 1073741824 },
	{ "K", 1024 }, { "M", 1048576 }, { "G", 1073741824 }, { NULL, 0 }
};

/* Digits, then a unit out of ${units}: the product, or -1. */
static int64_t
parse_with_unit(const char *str, const struct unit *units)
{
	long long n;
	char *p;

	/* strtoll would take blanks and a sign, too. */
	if (*str < '0' || *str > '9')
		return -1;
	errno = 0;
	n = strtoll(str, &p, 10);
	if (errno != 0)
		return -1;
	for (; units->name != NULL; units++)
		if (strcmp(p, units->name) == 0)
			return __builtin_mul_overflow(n, units->factor, &n) ?
			    -1 : n;
	return -1;
}

int
text_parse_duration(const char *str, int64_t *ms)
{
	int64_t n;

	n = strcmp(str, "0") == 0 ? 0 : parse_with_unit(str, durations);
	if (n == -1)
		return -1;
	*ms = n;
	return 0;
}

int
text_parse_size(const char *str, uint64_t *bytes)
{
	int64_t n;

	if ((n = parse_with_unit(str, sizes)) == -1)
		return -1;
	*bytes = (uint64_t)n;
	return 0;
}

int
text_parse_int(const char *str, int64_t min, int64_t max, int64_t *value)
{
	const char *digits = str + (*str == '-');
	long long n;
	char *end;

	/* strtoll would take blanks and a plus, too. */
	if (*digits < '0' || *digits > '9')
		return -1;
	errno = 0;
	n = strtoll(str, &end, 10);
	if (*end != '\0' || errno != 0 || n < min || n > max)
		return -1;
	*value = n;
	return 0;
}

/* Exactly ${digits} digits at *p, moved past; -1 when they are not there. */
static int
take_digits(const char **p, int digits)
{
	int n = 0;

	while (digits-- > 0) {
		if (**p < '0' || **p > '9')
			return -1;
		n = n * 10 + (*(*p)++ - '0');
	}
	return n;
}

static bool
take_char(const char **p, const char *any)
{
	if (**p == '\0' || strchr(any, **p) == NULL)
		return false;
	(*p)++;
	return true;
}

/* "hh:mm[:ss[.fraction]]" and a zone, into ${tm} and ${zone_s}. */
static int
parse_clock(const char **p, struct tm *tm, int *zone_s)
{
	int hh, mm;
	char sign;

	if ((tm->tm_hour = take_digits(p, 2)) == -1 || !take_char(p, ":") ||
	    (tm->tm_min = take_digits(p, 2)) == -1)
		return -1;
	if (take_char(p, ":") && (tm->tm_sec = take_digits(p, 2)) == -1)
		return -1;
	if (take_char(p, ".")) {
		if (take_digits(p, 1) == -1)
			return -1;
		while (take_digits(p, 1) != -1)
			;
	}
	if (take_char(p, "Zz"))
		return 0;
	sign = **p;
	if (!take_char(p, "+-") || (hh = take_digits(p, 2)) == -1 ||
	    !take_char(p, ":") || (mm = take_digits(p, 2)) == -1 ||
	    hh > 23 || mm > 59)
		return -1;
	*zone_s = (sign == '-' ? -1 : 1) * (hh * 3600 + mm * 60);
	return 0;
}

int
text_parse_when(const char *str, int64_t now_ms, int64_t *ms)
{
	struct tm tm = { 0 }, real;
	const char *p = str;
	int zone_s = 0;
	int64_t ago;
	time_t t;

	if (text_parse_duration(str, &ago) == 0) {
		*ms = ago > now_ms ? 0 : now_ms - ago;
		return 0;
	}
	if ((tm.tm_year = take_digits(&p, 4)) == -1 || !take_char(&p, "-") ||
	    (tm.tm_mon = take_digits(&p, 2)) == -1 || !take_char(&p, "-") ||
	    (tm.tm_mday = take_digits(&p, 2)) == -1)
		return -1;
	if (take_char(&p, "Tt ") && parse_clock(&p, &tm, &zone_s) == -1)
		return -1;
	if (*p != '\0' || tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
		return -1;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	/* timegm makes 31 June 1 July; midnight of a real day stays on its day. */
	real = (struct tm){ .tm_year = tm.tm_year, .tm_mon = tm.tm_mon,
	    .tm_mday = tm.tm_mday };
	t = timegm(&real);
	if (real.tm_mday != tm.tm_mday || real.tm_mon != tm.tm_mon)
		return -1;
	t += tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec - zone_s;
	*ms = (int64_t)t * 1000;
	return 0;
}

int
text_parse_http_date(const char *str, int64_t *ms)
{
	static const char *const forms[] = {
		"%a, %d %b %Y %T GMT",		/* IMF-fixdate */
		"%a, %d-%b-%y %T GMT",		/* RFC 850 */
		"%a %b %d %T %Y",		/* asctime */
	};
	const char *end;
	struct tm tm;

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		memset(&tm, 0, sizeof(tm));
		end = strptime(str, forms[i], &tm);
		if (end == NULL || *end != '\0' || tm.tm_year < 70)
			continue;
		*ms = (int64_t)timegm(&tm) * 1000;
		return 0;
	}
	return -1;
}

char *
text_format_time(int64_t ms, char out[TEXT_TIME_SIZE])
{
	time_t t = (time_t)(ms / 1000);
	struct tm tm;
	size_t len;

	gmtime_r(&t, &tm);
	len = strftime(out, TEXT_TIME_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(out + len, TEXT_TIME_SIZE - len, ".%03dZ",
	    (int)(ms % 1000));
	return out;
}

char *
text_format_duration(int64_t ms, char out[TEXT_DURATION_SIZE])
{
	const struct unit *big = durations + 4;		/* days */
	const struct unit *small;
	int64_t rest;

	if (ms < 0)
		ms = 0;
	while (big > durations && ms < big->factor)
		big--;
	small = big - 1;
	if (big <= durations + 1)			/* seconds: no "1s 20ms" */
		rest = 0;
	else
		rest = ms % big->factor / small->factor;
	if (rest == 0)
		(void)snprintf(out, TEXT_DURATION_SIZE, "%" PRId64 "%s",
		    ms / big->factor, big->name);
	else
		(void)snprintf(out, TEXT_DURATION_SIZE, "%" PRId64 "%s %" PRId64
		    "%s", ms / big->factor, big->name, rest, small->name);
	return out;
}
