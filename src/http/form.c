/*
 * One pass over text that the scanner let pass: a value is written under the name that
 * was built on the way down.
 */
#include "http/form.h"

#include <stdbool.h>
#include <string.h>

#include "base/json.h"

/* Where the encoder stands: the text, and the name of the value to come. */
struct form {
	const char *p;
	const char *end;
	struct buf name;	/* already encoded: "a%5Bb%5D" */
	struct buf scratch;	/* the string just read, unescaped */
	struct buf *out;
	int depth;
	const char *why;
};

static void form_value(struct form *fm);

/* Blanks are "+" here, and everything but "*-._" is encoded. */
static void
add_encoded(struct buf *out, const char *s, size_t len)
{
	for (const char *end = s + len; s < end; s++)
		if (*s == ' ')
			buf_putc(out, '+');
		else
			buf_percent(out, s, 1, "*-._");
}

static void
skip_blanks(struct form *fm)
{
	while (fm->p < fm->end && strchr(" \t\r\n", *fm->p) != NULL &&
	    *fm->p != '\0')
		fm->p++;
}

/* The next character that is no blank, or NUL at the end. */
static char
peek(struct form *fm)
{
	skip_blanks(fm);
	return fm->p < fm->end ? *fm->p : '\0';
}

/* A string into ${scratch}. */
static void
take_string(struct form *fm)
{
	const char *raw = ++fm->p;

	while (fm->p < fm->end && *fm->p != '"')
		fm->p += *fm->p == '\\' ? 2 : 1;
	if (fm->p > fm->end)
		fm->p = fm->end;
	buf_reset(&fm->scratch);
	if (buf_reserve(&fm->scratch, (size_t)(fm->p - raw)))
		fm->scratch.len = (size_t)(json_unescape(raw, (size_t)(fm->p - raw),
		    fm->scratch.data) - fm->scratch.data);
	if (fm->p < fm->end)
		fm->p++;
}

static void
add_pair(struct form *fm, const char *value, size_t len)
{
	if (fm->out->len != 0)
		buf_putc(fm->out, '&');
	buf_add(fm->out, fm->name.data, fm->name.len);
	buf_putc(fm->out, '=');
	add_encoded(fm->out, value, len);
}

/* A member's or element's value under its own name. */
static void
form_child(struct form *fm, const char *key, size_t len)
{
	size_t outer = fm->name.len;

	if (outer != 0)
		buf_puts(&fm->name, "%5B");
	add_encoded(&fm->name, key, len);
	if (outer != 0)
		buf_puts(&fm->name, "%5D");
	form_value(fm);
	fm->name.len = outer;
	if (fm->name.data != NULL)
		fm->name.data[outer] = '\0';
}

static void
form_object(struct form *fm)
{
	for (fm->p++; fm->why == NULL && peek(fm) == '"';) {
		take_string(fm);
		(void)peek(fm);		/* the colon */
		fm->p++;
		form_child(fm, fm->scratch.data != NULL ? fm->scratch.data : "",
		    fm->scratch.len);
		if (peek(fm) == ',')
			fm->p++;
	}
	fm->p++;
}

static void
form_array(struct form *fm)
{
	struct buf index = { 0 };
	unsigned long i;
	char c;

	fm->p++;
	for (i = 0; fm->why == NULL && (c = peek(fm)) != ']' && c != '\0'; i++) {
		buf_reset(&index);
		buf_printf(&index, "%lu", i);
		form_child(fm, index.data, index.len);
		if (peek(fm) == ',')
			fm->p++;
	}
	fm->p++;
	buf_free(&index);
}

static void
form_value(struct form *fm)
{
	const char *word;
	char c = peek(fm);

	if (c == '{' || c == '[') {
		if (++fm->depth > FORM_MAX_DEPTH)
			fm->why = "it nests too deep for a form";
		else if (c == '{')
			form_object(fm);
		else
			form_array(fm);
		fm->depth--;
		return;
	}
	if (c == '"') {
		take_string(fm);
		add_pair(fm, fm->scratch.data != NULL ? fm->scratch.data : "",
		    fm->scratch.len);
		return;
	}
	for (word = fm->p; fm->p < fm->end &&
	    strchr(",]} \t\r\n", *fm->p) == NULL;)
		fm->p++;
	if (c != 'n')
		add_pair(fm, word, (size_t)(fm->p - word));
}

const char *
form_encode(const char *json, size_t len, struct buf *out)
{
	struct form fm = { .p = json, .end = json + len, .out = out };

	if (peek(&fm) != '{')
		return "a form is made of an object";
	form_value(&fm);
	if (!buf_ok(&fm.name) || !buf_ok(&fm.scratch) || !buf_ok(out))
		fm.why = "out of memory";
	buf_free(&fm.name);
	buf_free(&fm.scratch);
	return fm.why;
}

void
form_add(struct buf *out, const char *name, const char *value)
{
	if (value == NULL)
		return;
	if (out->len != 0)
		buf_putc(out, '&');
	add_encoded(out, name, strlen(name));
	buf_putc(out, '=');
	add_encoded(out, value, strlen(value));
}
