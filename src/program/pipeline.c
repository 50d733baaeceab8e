#include "program/pipeline.h"

#include <json-c/json.h>
#include <string.h>

#include "base/json.h"
#include "outbox/event.h"

#define MESSAGE_MAX 500		/* bytes of a program's message that are kept */

static void
finish(struct pipeline *p, enum pipeline_end end)
{
	p->busy = false;
	p->done(p, end);
}

static bool
is_no(const struct buf *out)
{
	return strcmp(out->data, "false") == 0 || strcmp(out->data, "null") == 0;
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

static void
hold(struct pipeline *p, enum programs_which which, const char *message)
{
	quote(p, which, message);
	finish(p, PIPELINE_HOLD);
}

static void
skip(struct pipeline *p, enum programs_which which)
{
	p->which = which;
	buf_reset(&p->reason);
	buf_puts(&p->reason, programs_name(which));
	finish(p, PIPELINE_SKIP);
}

/* It could not be run, for a reason that is nobody's here. */
static void
quote_trouble(struct pipeline *p, const struct buf *why)
{
	buf_reset(&p->reason);
	buf_printf(&p->reason, "jq programs cannot be run: %s",
	    why->data != NULL ? why->data : "out of memory");
}

static void
submit(struct pipeline *p, enum programs_which which,
    void (*done)(struct programs_run *run, enum program_state state,
    const struct buf *out))
{
	p->run.which = which;
	p->run.claim = p->claim;
	p->run.owner = p;
	p->run.done = done;
	programs_submit(p->programs, &p->run);
}

/* Did the run end without a verdict?  Then the pipeline has ended. */
static bool
has_failed(struct programs_run *run, enum program_state state,
    const struct buf *out)
{
	struct pipeline *p = run->owner;

	if (state == PROGRAM_ERROR) {
		hold(p, run->which, out->data != NULL ? out->data : "");
	} else if (state == PROGRAM_FAULTY) {
		quote(p, run->which, out->data);
		finish(p, PIPELINE_TROUBLE);	/* no lead can mend that */
	} else if (state == PROGRAM_TROUBLE) {
		quote_trouble(p, out);
		finish(p, PIPELINE_TROUBLE);
	}
	return state != PROGRAM_OUTPUT && state != PROGRAM_EMPTY;
}

/* --- out ------------------------------------------------------------------ */

static void
judge_compiled(struct programs_run *run, enum program_state state,
    const struct buf *out)
{
	if (!has_failed(run, state, out))
		finish(run->owner, PIPELINE_ON);
}

/* It would go: will its answer be understood? */
static void
see_judge(struct pipeline *p)
{
	if (!programs_has(p->programs, PROGRAMS_SUCCESS_WHEN)) {
		finish(p, PIPELINE_ON);
		return;
	}
	p->run.input = NULL;
	submit(p, PROGRAMS_SUCCESS_WHEN, judge_compiled);
}

static void
transform_done(struct programs_run *run, enum program_state state,
    const struct buf *out)
{
	struct pipeline *p = run->owner;

	if (has_failed(run, state, out))
		return;
	if (state == PROGRAM_EMPTY) {
		skip(p, PROGRAMS_TRANSFORM);
		return;
	}
	buf_add(&p->body, out->data, out->len);
	if (buf_ok(&p->body))
		see_judge(p);
	else
		hold(p, PROGRAMS_TRANSFORM, "out of memory");
}

static void
transform(struct pipeline *p)
{
	if (programs_has(p->programs, PROGRAMS_TRANSFORM))
		submit(p, PROGRAMS_TRANSFORM, transform_done);
	else
		see_judge(p);
}

static void
when_done(struct programs_run *run, enum program_state state, const struct buf *out)
{
	struct pipeline *p = run->owner;

	if (has_failed(run, state, out))
		return;
	if (state == PROGRAM_EMPTY || is_no(out))
		skip(p, PROGRAMS_WHEN);
	else
		transform(p);
}

void
pipeline_out(struct pipeline *p, struct programs *programs,
    const struct delivery_claim *claim,
    void (*done)(struct pipeline *p, enum pipeline_end end))
{
	bool when = programs_has(programs, PROGRAMS_WHEN);
	const char *fault;
	size_t at;

	p->programs = programs;
	p->claim = claim;
	p->done = done;
	p->busy = true;
	p->record[0] = '\0';
	p->uncaptured = false;
	p->out = true;
	if (!when && !programs_has(programs, PROGRAMS_TRANSFORM)) {
		see_judge(p);
		return;
	}
	buf_reset(&p->body);
	/* libjq takes more than is JSON. */
	fault = json_scan(claim->payload, claim->payload_len, NULL, 0, &at);
	if (fault != NULL) {
		hold(p, when ? PROGRAMS_WHEN : PROGRAMS_TRANSFORM,
		    "the payload is no JSON object");
		return;
	}
	p->run.input = claim->payload;
	p->run.len = claim->payload_len;
	if (when)
		submit(p, PROGRAMS_WHEN, when_done);
	else
		transform(p);
}

/* --- back ----------------------------------------------------------------- */

static void
go_without_record(struct pipeline *p, const char *why)
{
	p->uncaptured = true;
	quote(p, PROGRAMS_CAPTURE, why);
}

/* Take the record from ${json}, a string or number.  False: it is no record. */
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
	good = text != NULL && strlen(text) <= PIPELINE_RECORD_MAX;
	if (good)
		memcpy(p->record, text, strlen(text) + 1);
	(void)json_object_put(value);
	return good;
}

static void
capture_done(struct programs_run *run, enum program_state state,
    const struct buf *out)
{
	struct pipeline *p = run->owner;

	if (state == PROGRAM_TROUBLE) {
		p->uncaptured = true;
		quote_trouble(p, out);
	} else if (state != PROGRAM_OUTPUT && state != PROGRAM_EMPTY) {
		go_without_record(p, out->data != NULL ? out->data : "");
	} else if (state == PROGRAM_OUTPUT && strcmp(out->data, "null") != 0 &&
	    !take_record(p, out)) {
		go_without_record(p, "its output is neither a number nor a string "
		    "of at most 200 bytes");
	}
	finish(p, PIPELINE_ON);
}

static void
capture(struct pipeline *p)
{
	if (programs_has(p->programs, PROGRAMS_CAPTURE))
		submit(p, PROGRAMS_CAPTURE, capture_done);
	else
		finish(p, PIPELINE_ON);
}

static void
success_when_done(struct programs_run *run, enum program_state state,
    const struct buf *out)
{
	struct pipeline *p = run->owner;

	if (has_failed(run, state, out))
		return;
	if (state == PROGRAM_EMPTY || is_no(out))
		finish(p, PIPELINE_REFUSED);
	else
		capture(p);
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
	p->run.input = answer;
	p->run.len = len;
	if (!asked && !programs_has(p->programs, PROGRAMS_CAPTURE)) {
		finish(p, PIPELINE_ON);
	} else if (!is_json(answer, len)) {
		p->uncaptured = true;
		quote(p, asked ? PROGRAMS_SUCCESS_WHEN : PROGRAMS_CAPTURE, len == 0 ?
		    "the answer is empty" : len >= PIPELINE_ANSWER_MAX ?
		    "the answer is too long" : "the answer is no JSON");
		finish(p, asked ? PIPELINE_HOLD : PIPELINE_ON);
	} else if (asked) {
		submit(p, PROGRAMS_SUCCESS_WHEN, success_when_done);
	} else {
		capture(p);
	}
}

void
pipeline_cancel(struct pipeline *p)
{
	if (p->busy)
		programs_cancel(p->programs, &p->run);
	p->busy = false;
}

void
pipeline_destroy(struct pipeline *p)
{
	buf_free(&p->body);
	buf_free(&p->reason);
}
