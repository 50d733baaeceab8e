/*
 * The WHATWG HTML production for e-mail input, with code points from U+00A0 on
 * allowed as well (RFC 6531 addresses; U+0080 to U+009F are controls), and SMTP's limits.
 */
#include <string.h>

#include <json-c/json.h>

#include "base/utf8.h"
#include "lead/check.h"
#include "lead/rules.h"

#define MAX_LOCAL_BYTES 64
#define MAX_LABEL_POINTS 63
#define ALNUM "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

/* Bytes of the character at ${p}: a letter, a digit, one of ${marks}, or beyond ASCII; else 0. */
static size_t
take(const char *p, const char *end, const char *marks)
{
	uint32_t c;
	size_t len = utf8_get(p, (size_t)(end - p), &c);

	if (len == 1)
		return c != 0 && (strchr(ALNUM, *p) != NULL || strchr(marks, *p) != NULL);
	return len != 0 && c >= 0xa0 ? len : 0;
}

/* The local part, up to the '@'; NULL when there is none. */
static const char *
skip_local(const char *p, const char *end)
{
	const char *start = p;
	size_t len;

	for (; p < end && *p != '@'; p += len)
		if ((len = take(p, end, ".!#$%&'*+/=?^_`{|}~-")) == 0)
			return NULL;
	return p == end || p == start || p - start > MAX_LOCAL_BYTES ? NULL : p;
}

/* One label of the domain; NULL when it is none. */
static const char *
skip_label(const char *p, const char *end)
{
	size_t points = 0, len;
	bool hyphen = true;		/* one may not come first or last */

	for (; p < end && *p != '.'; p += len, points++) {
		hyphen = *p == '-';
		if ((len = take(p, end, points > 0 ? "-" : "")) == 0)
			return NULL;
	}
	return hyphen || points > MAX_LABEL_POINTS ? NULL : p;
}

static bool
is_email(const char *p, size_t len, size_t max)
{
	const char *end = p + len;

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
