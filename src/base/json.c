/*
 * json: one pass over the text with a stack of its own, no tree.
 *
 * Names are kept only while their object is open: each open object owns the
 * tail of one array from ${first_name} on, and gives it back when it closes.
 * Repeats are looked for at that moment, by sorting; nothing hostile can be hashed
 * into one bucket, because there are none.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/utf8.h"

static const char unexpected[] = "unexpected character";
static const char unfinished[] = "unexpected end of text";
static const char no_memory[] = "out of memory";

struct name {
	const char *bytes;		/* unescaped */
	size_t len;
	size_t at;			/* offset in the text */
};

struct container {
	size_t first_name;		/* where its names begin */
	bool object;
};

struct scan {
	const unsigned char *text, *pos, *end;
	const char *fault;		/* the phrase, once there is one */
	struct container stack[JSON_MAX_DEPTH];
	size_t depth;
	struct buf names;		/* each a struct name */
	char *unescaped;		/* room for every name with an escape */
	size_t unescaped_len;
	struct json_member *wanted;
	size_t wanted_count;
	struct json_member *open;	/* wanted, its value being scanned */
};

static bool
fail(struct scan *s, const char *fault)
{
	s->fault = fault;
	return false;
}

/* What is wrong where something else than the next byte was expected. */
static bool
fail_here(struct scan *s)
{
	return fail(s, s->pos < s->end ? unexpected : unfinished);
}

static void
skip_space(struct scan *s)
{
	while (s->pos < s->end && (*s->pos == ' ' || *s->pos == '\n' ||
	    *s->pos == '\r' || *s->pos == '\t'))
		s->pos++;
}

/* Step over the byte ${c}, if it is next. */
static bool
take(struct scan *s, unsigned char c)
{
	if (s->pos == s->end || *s->pos != c)
		return false;
	s->pos++;
	return true;
}

static bool
is_digit(const struct scan *s)
{
	return s->pos < s->end && *s->pos >= '0' && *s->pos <= '9';
}

/* Four hexadecimal digits at ${p}, or -1. */
static int
hex4(const char *p, const char *end)
{
	int value = 0, i;

	if (end - p < 4)
		return -1;
	for (i = 0; i < 4; i++) {
		if (p[i] >= '0' && p[i] <= '9')
			value = value * 16 + p[i] - '0';
		else if ((p[i] | 0x20) >= 'a' && (p[i] | 0x20) <= 'f')
			value = value * 16 + (p[i] | 0x20) - 'a' + 10;
		else
			return -1;
	}
	return value;
}

/*
 * The character that is escaped at ${p}, by two escapes for a surrogate pair.  Returns
 * their length, or 0 and a phrase in ${*fault}.
 */
static size_t
get_escape(const char *p, const char *end, uint32_t *c, const char **fault)
{
	static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
	const char *letter;
	int unit, low;

	*fault = end - p < 2 ? unfinished : "bad escape";
	if (end - p < 2 || p[1] == '\0')
		return 0;
	if ((letter = strchr(letters, p[1])) != NULL) {
		*c = (uint32_t)meant[letter - letters];
		return 2;
	}
	if (p[1] != 'u' || (unit = hex4(p + 2, end)) == -1)
		return 0;
	*c = (uint32_t)unit;
	if (unit < 0xd800 || unit > 0xdfff)
		return 6;
	*fault = "lone surrogate";
	if (unit >= 0xdc00 || end - p < 12 || p[6] != '\\' || p[7] != 'u')
		return 0;
	low = hex4(p + 8, end);
	*c = 0x10000 + ((*c & 0x3ff) << 10) + ((uint32_t)low & 0x3ff);
	return low < 0xdc00 || low > 0xdfff ? 0 : 12;
}

/* A string, from its first quote; *escaped says whether it holds a backslash. */
static bool
scan_string(struct scan *s, bool *escaped)
{
	const char *fault;
	uint32_t meant;
	unsigned char c;
	size_t n;

	*escaped = false;
	for (s->pos++; s->pos < s->end;) {
		c = *s->pos;
		if (c == '"') {
			s->pos++;
			return true;
		} else if (c == '\\') {
			*escaped = true;
			n = get_escape((const char *)s->pos, (const char *)s->end,
			    &meant, &fault);
			if (n == 0)
				return fail(s, fault);
			s->pos += n;
		} else if (c >= 0x80) {
			n = utf8_get((const char *)s->pos,
			    (size_t)(s->end - s->pos), &meant);
			if (n == 0)
				return fail(s, "bad UTF-8");
			s->pos += n;
		} else if (c < 0x20) {
			return fail(s, "control character in a string");
		} else {
			s->pos++;
		}
	}
	return fail(s, unfinished);
}

static bool
scan_digits(struct scan *s)
{
	if (!is_digit(s))
		return fail(s, "bad number");
	while (is_digit(s))
		s->pos++;
	return true;
}

static bool
scan_number(struct scan *s)
{
	(void)take(s, '-');
	if (take(s, '0')) {
		if (is_digit(s))
			return fail(s, "bad number");
	} else if (!scan_digits(s))
		return false;
	if (take(s, '.') && !scan_digits(s))
		return false;
	if (take(s, 'e') || take(s, 'E')) {
		if (!take(s, '+'))
			(void)take(s, '-');
		return scan_digits(s);
	}
	return true;
}

static bool
scan_literal(struct scan *s, const char *literal)
{
	for (; *literal != '\0'; literal++)
		if (!take(s, (unsigned char)*literal))
			return fail_here(s);
	return true;
}

char *
json_unescape(const char *raw, size_t len, char *out)
{
	const char *end = raw + len, *fault;
	uint32_t c;

	while (raw < end) {
		if (*raw != '\\') {
			*out++ = *raw++;
		} else {
			raw += get_escape(raw, end, &c, &fault);
			out = utf8_put(out, c);
		}
	}
	return out;
}

/* Give a name with escapes its plain bytes.  They are fewer than in the text. */
static bool
unescape_name(struct scan *s, struct name *name)
{
	const char *raw = name->bytes;
	char *out;

	if (s->unescaped == NULL)
		s->unescaped = malloc((size_t)(s->end - s->text));
	if (s->unescaped == NULL)
		return fail(s, no_memory);
	out = s->unescaped + s->unescaped_len;
	name->bytes = out;
	name->len = (size_t)(json_unescape(raw, name->len, out) - out);
	s->unescaped_len += name->len;
	if (memchr(name->bytes, '\0', name->len) != NULL)
		return fail(s, "NUL in a member name");
	return true;
}

/* Is this top-level member one that the caller wants?  Its value comes next. */
static void
open_wanted(struct scan *s, const struct name *name)
{
	struct json_member *m;

	for (size_t i = 0; i < s->wanted_count; i++) {
		m = &s->wanted[i];
		if (strlen(m->name) == name->len &&
		    memcmp(m->name, name->bytes, name->len) == 0) {
			s->open = m;
			m->value = (const char *)s->pos;
			return;
		}
	}
}

static void
close_wanted(struct scan *s)
{
	if (s->depth != 1 || s->open == NULL)
		return;
	s->open->len = (size_t)((const char *)s->pos - s->open->value);
	s->open = NULL;
}

/* A member's name and its colon, up to where its value begins. */
static bool
scan_name(struct scan *s)
{
	const unsigned char *quote;
	struct name name;
	bool escaped;

	skip_space(s);
	if (s->pos == s->end || *s->pos != '"')
		return fail_here(s);
	quote = s->pos;
	if (!scan_string(s, &escaped))
		return false;
	name.at = (size_t)(quote - s->text);
	name.bytes = (const char *)quote + 1;
	name.len = (size_t)(s->pos - quote) - 2;
	if (escaped && !unescape_name(s, &name)) {
		s->pos = quote;
		return false;
	}
	buf_add(&s->names, &name, sizeof(name));
	if (!buf_ok(&s->names))
		return fail(s, no_memory);
	skip_space(s);
	if (!take(s, ':'))
		return fail_here(s);
	skip_space(s);
	if (s->depth == 1)
		open_wanted(s, &name);
	return true;
}

static bool
same_name(const struct name *a, const struct name *b)
{
	return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

/* Equal names by where they stand. */
static int
compare_names(const void *va, const void *vb)
{
	const struct name *a = va, *b = vb;
	int order;

	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	order = memcmp(a->bytes, b->bytes, a->len);
	return order != 0 ? order : a->at < b->at ? -1 : 1;
}

/* The first name in the text that was there before, or NULL. */
static const struct name *
find_repeated(void *all, size_t count)
{
	struct name *names = all, *first = NULL;

	if (count > 1)
		qsort(names, count, sizeof(*names), compare_names);
	for (size_t i = 1; i < count; i++)
		if (same_name(&names[i - 1], &names[i]) &&
		    (first == NULL || names[i].at < first->at))
			first = &names[i];
	return first;
}

static bool
enter(struct scan *s, bool object)
{
	if (s->depth == JSON_MAX_DEPTH)
		return fail(s, "nested too deep");
	s->pos++;
	s->stack[s->depth].object = object;
	s->stack[s->depth].first_name = s->names.len;
	s->depth++;
	return true;
}

static bool
leave(struct scan *s)
{
	struct container *c = &s->stack[s->depth - 1];
	const struct name *twice;

	if (c->object && s->names.len != c->first_name) {
		twice = find_repeated(s->names.data + c->first_name,
		    (s->names.len - c->first_name) / sizeof(*twice));
		if (twice != NULL) {
			s->pos = s->text + twice->at;
			return fail(s, "duplicate member name");
		}
		s->names.len = c->first_name;
	}
	s->pos++;
	s->depth--;
	return true;
}

/* A whole scalar, or the opening of a container. */
static bool
scan_value(struct scan *s)
{
	bool escaped;

	if (s->pos == s->end)
		return fail(s, unfinished);
	switch (*s->pos) {
	case '{':
		return enter(s, true);
	case '[':
		return enter(s, false);
	case '"':
		return scan_string(s, &escaped);
	case 't':
		return scan_literal(s, "true");
	case 'f':
		return scan_literal(s, "false");
	case 'n':
		return scan_literal(s, "null");
	default:
		if (*s->pos != '-' && !is_digit(s))
			return fail(s, unexpected);
		return scan_number(s);
	}
}

/*
 * From behind a value, or the opening of a container (${opened}): close what
 * closes here, and come to where the next value begins, or to depth 0.
 */
static bool
scan_between(struct scan *s, bool opened)
{
	const struct container *c;

	for (; s->depth > 0; opened = false) {
		if (!opened)
			close_wanted(s);
		skip_space(s);
		if (s->pos == s->end)
			return fail(s, unfinished);
		c = &s->stack[s->depth - 1];
		if (*s->pos == (c->object ? '}' : ']')) {
			if (!leave(s))
				return false;
			continue;
		}
		if (!opened && !take(s, ','))
			return fail(s, unexpected);
		if (c->object)
			return scan_name(s);
		skip_space(s);
		return true;
	}
	return true;
}

static bool
scan_document(struct scan *s)
{
	size_t depth;

	skip_space(s);
	if (s->pos == s->end || *s->pos != '{')
		return fail(s, "not a JSON object");
	do {
		depth = s->depth;
		if (!scan_value(s) || !scan_between(s, s->depth > depth))
			return false;
	} while (s->depth > 0);
	skip_space(s);
	return s->pos == s->end || fail(s, "text after the object");
}

static void
forget_wanted(struct scan *s)
{
	for (size_t i = 0; i < s->wanted_count; i++) {
		s->wanted[i].value = NULL;
		s->wanted[i].len = 0;
	}
}

const char *
json_scan(const char *text, size_t len, struct json_member *wanted,
    size_t wanted_count, size_t *at)
{
	struct scan s = {
		.text = (const unsigned char *)text,
		.pos = (const unsigned char *)text,
		.end = (const unsigned char *)text + len,
		.wanted = wanted, .wanted_count = wanted_count,
	};

	forget_wanted(&s);
	if (!scan_document(&s)) {
		*at = (size_t)(s.pos - s.text);
		forget_wanted(&s);
	}
	buf_free(&s.names);
	free(s.unescaped);
	return s.fault;
}
