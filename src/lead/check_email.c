/*
 * The WHATWG HTML production for e-mail input, with code points from U+00A0 on
 * allowed as well (RFC 6531 addresses; U+0080 to U+009F are controls), and SMTP's limits.
 */
#include <string.h>

#include <json-c/json.h>

#include "lead/check.h"
#include "lead/rules.h"

#define MAX_LOCAL_BYTES 64
#define MAX_LABEL_POINTS 63

static bool
is_alnum(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9');
}

/* Bytes of the code point from U+00A0 on at ${p}, in valid UTF-8; else 0. */
static size_t
beyond_ascii(const unsigned char *p)
{
	if (p[0] < 0x80 || (p[0] == 0xc2 && p[1] < 0xa0))
		return 0;
	return p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
}

/* The local part, up to the '@'; NULL when there is none. */
static const unsigned char *
skip_local(const unsigned char *p, const unsigned char *end)
{
	const unsigned char *start = p;
	size_t len;

	while (p < end && *p != '@') {
		if (*p >= 0x80)
			len = beyond_ascii(p);
		else
			len = is_alnum(*p) ||
			    (*p != '\0' && strchr(".!#$%&'*+/=?^_`{|}~-", *p) != NULL);
		if (len == 0)
			return NULL;
		p += len;
	}
	if (p == end || p == start || p - start > MAX_LOCAL_BYTES)
		return NULL;
	return p;
}

/* One label of the domain; NULL when it is none. */
static const unsigned char *
skip_label(const unsigned char *p, const unsigned char *end)
{
	size_t points = 0, len;
	bool hyphen = true;		/* one may not come first or last */

	for (; p < end && *p != '.'; p += len, points++) {
		if (*p == '-' && points > 0) {
			hyphen = true;
			len = 1;
			continue;
		}
		hyphen = false;
		len = *p >= 0x80 ? beyond_ascii(p) : is_alnum(*p);
		if (len == 0)
			return NULL;
	}
	return hyphen || points > MAX_LABEL_POINTS ? NULL : p;
}

static bool
is_email(const char *str, size_t len, size_t max)
{
	const unsigned char *p = (const unsigned char *)str, *end = p + len;

	if (len > max)
		return false;
	p = skip_local(p, end);
	while (p != NULL && p < end)	/* at the '@' or a '.' */
		if ((p = skip_label(p + 1, end)) == end)
			return true;
	return false;
}

static void
judge_email(struct report *r, struct json_object *value)
{
	if (!is_email(json_object_get_string(value),
	    (size_t)json_object_get_string_len(value), r->rule->max))
		report_field(r, "email", "must be a valid e-mail address");
}

#define TEXT(number) TEXT_OF(number)
#define TEXT_OF(digits) #digits
#define BEYOND "\\u00a0-\\udbff\\udfff"
#define LABEL "[a-zA-Z0-9" BEYOND "](?:[a-zA-Z0-9" BEYOND "-]{0,61}[a-zA-Z0-9" BEYOND "])?"

const struct check check_email = { judge_email, ", \"maxLength\": %u, \"pattern\": "
    "\"^[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~" BEYOND "-]+@" LABEL "(?:\\\\." LABEL ")*$\", "
    "\"x-leadrelay-rule\": { \"maxBytes\": %u, "
    "\"maxLocalBytes\": " TEXT(MAX_LOCAL_BYTES) " }" };
