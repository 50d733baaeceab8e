/*
 * libjq's word for an end is any of four: a value, nothing, an error, or a halt; and
 * to some versions an error is nothing.  Each program is wrapped so that its end can
 * be told from all of them.
 */
#include "program/compiled.h"

#include <stdlib.h>
#include <string.h>

#include "program/program.h"

/*
 * Every program stands between these.  Its input is an array of the five
 * variables and the payload: binding them so, not as compile-time arguments,
 * lets a program be compiled once for all leads.  Each of its outputs becomes an
 * array, and behind the last one there is a 0: where that is missing, it did not
 * come to its end.  (The empty line ends a comment that jq 1.8 would continue.)
 *
 * To libjq 1.6 an error whose value is null is nothing but empty, and cannot be
 * caught either; a later one raises it as it is.  "error" is made to do one or
 * the other, for no lead may be left out by an error.
 */
static const char prologue[] = "def _leadrelay_error:error;"
    "def error:if .==null then _leadrelay_error,"
    "(\"an error whose value is null\"|_leadrelay_error) else _leadrelay_error end;"
    "def error(f):f|error;.[0] as $id|.[1] as $event|"
    ".[2] as $received_at|.[3] as $source|.[4] as $destination|.[5]|";
static const char opening[] = "((";
static const char closing[] = "\n\n)|[.]),0";

/* Append ${text} without our own line before the program it quotes. */
static void
add_message(struct buf *out, const char *text)
{
	const char *ours = strstr(text, prologue);

	if (ours != NULL) {
		buf_add(out, text, (size_t)(ours - text));
		text = ours + sizeof(prologue) - 1;
	}
	buf_puts(out, text);
}

/* libjq's error callback: keep the messages, line by line. */
static void
take_error(void *arg, jv msg)
{
	struct compiled *c = arg;
	jv text = c->lib.jq_format_error(msg);

	if (c->said.len != 0)
		buf_putc(&c->said, '\n');
	if (c->lib.jv_get_kind(text) == JV_KIND_STRING &&
	    c->said.len < WIRE_MESSAGE_MAX)
		add_message(&c->said, c->lib.jv_string_value(text));
	c->lib.jv_free(text);
}

/* libjq's input callback: there is no further one. */
static jv
no_input(jq_state *jq, void *arg)
{
	const struct compiled *c = arg;

	(void)jq;
	return c->lib.jv_invalid();
}

/* A jq that is told where nothing can be found, with ${text}; NULL: ${said}. */
static jq_state *
compile(struct compiled *c, const char *text)
{
	struct libjq *lib = &c->lib;
	jq_state *jq = lib->jq_init();

	buf_reset(&c->said);
	if (jq == NULL) {
		buf_puts(&c->said, "out of memory");
		return NULL;
	}
	lib->jq_set_error_cb(jq, take_error, c);
	/* jq 1.6 leaves these two as the memory was: input and debug would jump there. */
	lib->jq_set_input_cb(jq, no_input, c);
	lib->jq_set_debug_cb(jq, NULL, NULL);
	/* No folder to include modules from. */
	lib->jq_set_attr(jq, lib->jv_string("JQ_LIBRARY_PATH"), lib->jv_array());
	if (!lib->jq_compile(jq, text))
		lib->jq_teardown(&jq);		/* sets it to NULL */
	if (jq == NULL && c->said.len == 0)
		buf_puts(&c->said, "does not compile");
	return jq;
}

/* What is wrong with it alone: so that a message quotes nothing of ours. */
static void
find_fault(struct compiled *c, const char *text)
{
	struct buf alone = { 0 };
	jq_state *jq;

	buf_puts(&alone, prologue);
	buf_puts(&alone, text);
	if (buf_ok(&alone) && (jq = compile(c, alone.data)) != NULL) {
		c->lib.jq_teardown(&jq);
		buf_puts(&c->said, "does not compile");
	}
	buf_free(&alone);
}

/* What is kept of a program. */
struct compiled_program {
	struct compiled_program *next;
	jq_state *jq;
	char text[];
};

jq_state *
compiled_find(const struct compiled *c, const char *text)
{
	const struct compiled_program *p;

	for (p = c->first; p != NULL; p = p->next)
		if (strcmp(p->text, text) == 0)
			return p->jq;
	return NULL;
}

jq_state *
compiled_add(struct compiled *c, const char *text, struct buf *why)
{
	struct compiled_program *p = malloc(sizeof(*p) + strlen(text) + 1);
	struct buf whole = { 0 };
	jq_state *jq = NULL;

	buf_puts(&whole, prologue);
	buf_puts(&whole, opening);
	buf_puts(&whole, text);
	buf_puts(&whole, closing);
	if (p != NULL && buf_ok(&whole) && (jq = compile(c, whole.data)) == NULL)
		find_fault(c, text);
	buf_free(&whole);
	if (jq == NULL) {
		buf_add(why, c->said.data, c->said.len);
		free(p);
		return NULL;
	}
	memcpy(p->text, text, strlen(text) + 1);
	p->jq = jq;
	p->next = c->first;
	c->first = p;
	return jq;
}

/* A value as text: a string's own characters, anything else as JSON.  Consumed. */
static void
add_value(struct compiled *c, jv value, struct buf *out)
{
	struct libjq *lib = &c->lib;

	if (lib->jv_get_kind(value) != JV_KIND_STRING)
		value = lib->jv_dump_string(value, 0);
	buf_add(out, lib->jv_string_value(value),
	    (size_t)lib->jv_string_length_bytes(lib->jv_copy(value)));
	lib->jv_free(value);
}

static enum wire_kind
refuse(struct buf *out, const char *why)
{
	buf_reset(out);
	buf_puts(out, why);
	return WIRE_ERROR;
}

/* ${out} is libjq's message, or its program's: as far as it says anything. */
static enum wire_kind
worded(struct buf *out)
{
	if (out->len == 0)
		return refuse(out, "it ended in an error without words");
	/* What input raises, and inputs catches: of jq 1.6, of later ones. */
	if (buf_ok(out) && (strcmp(out->data, "break") == 0 ||
	    strcmp(out->data, "No more inputs") == 0))
		return refuse(out, "it asked for a further input: there is only one");
	return WIRE_ERROR;
}

/* It ended without its 0: why.  ${end}, which is consumed, is what came instead. */
static enum wire_kind
explain(struct compiled *c, jq_state *jq, jv end, struct buf *out)
{
	struct libjq *lib = &c->lib;
	jv msg;

	buf_reset(out);
	if (lib->jq_halted(jq)) {
		lib->jv_free(end);
		msg = lib->jq_get_error_message(jq);
		if (lib->jv_get_kind(msg) == JV_KIND_INVALID) {
			lib->jv_free(msg);
			return refuse(out, "it called halt");
		}
		add_value(c, msg, out);
		while (out->len > 0 && out->data[out->len - 1] == '\n')
			out->data[--out->len] = '\0';
		return worded(out);
	}
	if (lib->jv_invalid_has_msg(lib->jv_copy(end))) {
		add_value(c, lib->jv_invalid_get_msg(end), out);
		return worded(out);
	}
	lib->jv_free(end);
	return refuse(out, "it ended in an error whose value is null");
}

/* The first output is in ${out}: was it the only one? */
static enum wire_kind
see_the_end(struct compiled *c, jq_state *jq, struct buf *out)
{
	jv next = c->lib.jq_next(jq);
	jv_kind kind = c->lib.jv_get_kind(next);

	if (kind == JV_KIND_INVALID)
		return explain(c, jq, next, out);
	c->lib.jv_free(next);
	if (kind == JV_KIND_ARRAY)
		return refuse(out, "it has more than one output");
	return WIRE_OUTPUT;
}

enum wire_kind
compiled_run(struct compiled *c, jq_state *jq, const char *input, size_t len,
    struct buf *out)
{
	struct libjq *lib = &c->lib;
	jv value;

	buf_reset(out);
	value = lib->jv_parse_sized(input, (int)len);
	if (lib->jv_get_kind(value) == JV_KIND_INVALID) {
		lib->jv_free(value);
		return refuse(out, "its input is no JSON");
	}
	lib->jq_start(jq, value, 0);
	value = lib->jq_next(jq);
	switch (lib->jv_get_kind(value)) {
	case JV_KIND_INVALID:
		return explain(c, jq, value, out);
	case JV_KIND_ARRAY:
		break;
	default:
		lib->jv_free(value);
		return WIRE_EMPTY;
	}
	value = lib->jv_dump_string(lib->jv_array_get(value, 0), 0);
	add_value(c, value, out);
	if (out->len > PROGRAM_OUTPUT_MAX || !buf_ok(out))
		return refuse(out, "its output is larger than 1 MB");
	return see_the_end(c, jq, out);
}
