/*
 * Counts as JSON.stringify would print, without printing.
 */
#include <stdlib.h>
#include <string.h>

#include "lead/compact.h"
#include "lead/number.h"

/* The bytes of one code unit written as \uXXXX, when JSON.stringify prints it. */
static size_t
unit_size(const char *digits)
{
	char hex[5] = "";
	unsigned long unit;

	memcpy(hex, digits, 4);
	unit = strtoul(hex, NULL, 16);
	if (unit < 0x20)
		return unit != 0 && strchr("\b\f\n\r\t", (int)unit) != NULL ? 2 : 6;
	if (unit == '"' || unit == '\\')
		return 2;
	if (unit < 0x80)
		return 1;
	if (unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff))
		return 2;		/* a pair of surrogates is 4 bytes */
	return 3;
}

/* A string from its first quote; *p is left behind its last. */
static size_t
string_size(const char **p)
{
	size_t size = 2;
	const char *q = *p + 1;

	while (*q != '"') {
		if (*q != '\\') {
			size++;
			q++;
		} else if (q[1] == 'u') {
			size += unit_size(q + 2);
			q += 6;
		} else {
			size += q[1] == '/' ? 1 : 2;
			q += 2;
		}
	}
	*p = q + 1;
	return size;
}

size_t
compact_size(const char *text, size_t len, size_t enough)
{
	const char *p = text, *end = text + len;
	size_t size = 0, number_len;

	while (p < end && size <= enough) {
		if (strchr(" \t\n\r", *p) != NULL) {
			p++;
		} else if (*p == '"') {
			size += string_size(&p);
		} else if (*p == '-' || (*p >= '0' && *p <= '9')) {
			/* What follows the value is no part of a number. */
			number_len = strspn(p, "+-.0123456789Ee");
			size += number_js_size(p, number_len);
			p += number_len;
		} else {		/* punctuation, true, false, null */
			size++;
			p++;
		}
	}
	return size;
}
