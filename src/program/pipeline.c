/*
 * The way is a row of steps, each a program; a step whose program is not there is
 * passed over.  Out and back are two stretches of the one row.
 */
#include "program/pipeline.h"

#include <json-c/json.h>
#include <string.h>

#include "base/json.h"
#include "config/config.h"
#include "outbox/event.h"

#define MESSAGE_MAX 500		/* bytes of a program's message that are kept */

static const struct step {
	enum programs_which which;
	bool compile_only;
} steps[] = {
	{ PROGRAMS_WHEN, false },
	{ PROGRAMS_TRANSFORM, false },
	{ PROGRAMS_SUCCESS_WHEN, true },	/* would its answer be understood? */
#define BACK 3
	{ PROGRAMS_SUCCESS_WHEN, false },
	{ PROGRAMS_CAPTURE, false },
#define END 5
};

static void run_done(struct program_run *run, enum program_state state,
    const struct buf *out);

static void
finish(struct pipeline *p, enum pipeline_end end)
{
	p->busy = false;
	p->done(p, end);
}

/* What ${which} said, no longer than anybody reads. */
static void
quote(struct pipeline *p, enum programs_which which, const char *message)
{
	size_t len = strlen(message);

	if (len > MESSAGE_MAX) {
		len = MESSAGE_MAX;
		while (len > 0 && ((unsigned char)message[len] & 0xc0) == 0x80)
			len--;		/* no half characters */
	}
	p->which = which;
	buf_reset(&p->reason);
	buf_printf(&p->reason, "%s: %.*s", programs_name(which), (int)len, message);
}

/* --- the row -------------------------------------------------------------- */

/* The step ended without a verdict. */
static void
fail(struct pipeline *p, enum program_state state, const struct buf *out)
{
	enum programs_which which = steps[p->step].which;
	enum pipeline_end end = state == PROGRAM_ERROR ? PIPELINE_HOLD :
	    PIPELINE_TROUBLE;		/* no lead can mend what does not compile, either */

	if (state == PROGRAM_TROUBLE) {
		buf_reset(&p->reason);
		buf_printf(&p->reason, "jq programs cannot be run: %s",
		    out->data != NULL ? out->data : "out of memory");
	} else {
		quote(p, which, out->data != NULL ? out->data : "");
	}
	if (which == PROGRAMS_CAPTURE) {
		p->uncaptured = true;
		end = PIPELINE_ON;
	}
	finish(p, end);
}

static void
submit(struct pipeline *p, const char *text)
{
	const struct delivery_claim *claim = p->claim;
	const char *input = steps[p->step].compile_only ? NULL :
	    p->step < BACK ? claim->payload : p->answer;
	const struct buf none = { 0 };

	buf_reset(&p->text);
	buf_puts(&p->text, text);
	if (!buf_ok(&p->text)) {
		fail(p, PROGRAM_TROUBLE, &none);
		return;
	}
	p->run = (struct program_run){
		.text = p->text.data,
		.group = p->programs,
		.input = input,
		.len = p->step < BACK ? claim->payload_len : p->answer_len,
		.variables = {
			.id = claim->id,
			.event = claim->name,
			.received_at = text_format_time(claim->received_ms,
			    p->received_at),
			.source = claim->source,
			.destination = p->programs->config->name
		},
		.done = run_done
	};
	program_submit(p->programs->pool, &p->run);
}

/* From ${step} on, up to ${end}. */
static void
go(struct pipeline *p, size_t step)
{
	size_t end = p->out ? BACK : END;

	while (step < end && !programs_has(p->programs, steps[step].which))
		step++;
	p->step = step;
	if (step == end)
		finish(p, PIPELINE_ON);
	else
		submit(p, programs_text(p->programs, steps[step].which));
}

/* --- what comes of a step ------------------------------------------------- */

/* Take the record from ${json}, a string or number, or null.  False: it is none. */
static bool
take_record(struct pipeline *p, const struct buf *json)
{
	struct json_object *value = json_tokener_parse(json->data);
	enum json_type type = json_object_get_type(value);
	const char *text = NULL;
	bool good;

	if (type == json_type_string)
		text = json_object_get_string(value);
	else if (type == json_type_int || type == json_type_double)
		text = json->data;		/* as libjq wrote it */
	else if (strcmp(json->data, "null") == 0)
		text = "";
	good = text != NULL && strlen(text) <= PIPELINE_RECORD_MAX;
	if (good)
		memcpy(p->record, text, strlen(text) + 1);
	(void)json_object_put(value);
	return good;
}

/* A value came of the step, or with ${empty} none: what follows? */
static void
take(struct pipeline *p, bool empty, const struct buf *out)
{
	enum programs_which which = steps[p->step].which;
	bool no = empty || strcmp(out->data, "false") == 0 ||
	    strcmp(out->data, "null") == 0;

	if (which == PROGRAMS_SUCCESS_WHEN && no) {
		finish(p, PIPELINE_REFUSED);
		return;
	}
	if (which == PROGRAMS_TRANSFORM ? empty : which == PROGRAMS_WHEN && no) {
		p->which = which;
		buf_reset(&p->reason);
		buf_puts(&p->reason, programs_name(which));
		finish(p, PIPELINE_SKIP);
		return;
	}
	if (which == PROGRAMS_TRANSFORM)
		buf_add(&p->body, out->data, out->len);
	if (!buf_ok(&p->body)) {
		quote(p, which, "out of memory");
		finish(p, PIPELINE_HOLD);
		return;
	}
	if (which == PROGRAMS_CAPTURE && !empty && !take_record(p, out)) {
		p->uncaptured = true;
		quote(p, which, "its output is neither a number nor a string of at "
		    "most 200 bytes");
	}
	go(p, p->step + 1);
}

static void
run_done(struct program_run *run, enum program_state state, const struct buf *out)
{
	struct pipeline *p = (struct pipeline *)((char *)run -
	    offsetof(struct pipeline, run));
	const struct step *step = &steps[p->step];
	const char *former;

	if (programs_judge(p->programs, step->which, run->text, state, out, &former))
		submit(p, former);
	else if (state != PROGRAM_OUTPUT && state != PROGRAM_EMPTY)
		fail(p, state, out);
	else if (step->compile_only)
		go(p, p->step + 1);
	else
		take(p, state == PROGRAM_EMPTY, out);
}

/* --- out and back --------------------------------------------------------- */

void
pipeline_out(struct pipeline *p, struct programs *programs,
    const struct delivery_claim *claim,
    void (*done)(struct pipeline *p, enum pipeline_end end))
{
	bool when = programs_has(programs, PROGRAMS_WHEN);
	bool asked = when || programs_has(programs, PROGRAMS_TRANSFORM);
	size_t at;

	p->programs = programs;
	p->claim = claim;
	p->done = done;
	p->busy = true;
	p->record[0] = '\0';
	p->uncaptured = false;
	p->out = true;
	buf_reset(&p->body);
	/* libjq takes more than is JSON. */
	if (asked && json_scan(claim->payload, claim->payload_len, NULL, 0,
	    &at) != NULL) {
		quote(p, when ? PROGRAMS_WHEN : PROGRAMS_TRANSFORM,
		    "the payload is no JSON object");
		finish(p, PIPELINE_HOLD);
		return;
	}
	go(p, 0);
}

/* Is it JSON, whatever kind of value, and all of it? */
static bool
is_json(const char *text, size_t len)
{
	static const char blanks[] = " \t\r\n";
	struct json_member answer = { .name = "answer" };
	struct buf object = { 0 };
	size_t at;
	bool good;

	while (len != 0 && strchr(blanks, text[len - 1]) != NULL)
		len--;
	while (len != 0 && strchr(blanks, text[0]) != NULL)
		text++, len--;
	buf_puts(&object, "{\"answer\":");
	buf_add(&object, text, len);
	buf_putc(&object, '}');
	good = len != 0 && buf_ok(&object) && json_scan(object.data, object.len,
	    &answer, 1, &at) == NULL && answer.len == len;
	buf_free(&object);
	return good;
}

void
pipeline_back(struct pipeline *p, const char *answer, size_t len,
    void (*done)(struct pipeline *p, enum pipeline_end end))
{
	bool asked = programs_has(p->programs, PROGRAMS_SUCCESS_WHEN);

	p->done = done;
	p->busy = true;
	p->out = false;
	p->answer = answer;
	p->answer_len = len;
	if ((asked || programs_has(p->programs, PROGRAMS_CAPTURE)) &&
	    !is_json(answer, len)) {
		p->uncaptured = true;
		quote(p, asked ? PROGRAMS_SUCCESS_WHEN : PROGRAMS_CAPTURE, len == 0 ?
		    "the answer is empty" : len >= PIPELINE_ANSWER_MAX ?
		    "the answer is too long" : "the answer is no JSON");
		finish(p, asked ? PIPELINE_HOLD : PIPELINE_ON);
		return;
	}
	go(p, BACK);
}

void
pipeline_cancel(struct pipeline *p)
{
	if (p->busy)
		program_cancel(p->programs->pool, &p->run);
	p->busy = false;
}

void
pipeline_destroy(struct pipeline *p)
{
	buf_free(&p->text);
	buf_free(&p->body);
	buf_free(&p->reason);
}
