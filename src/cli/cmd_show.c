/*
 * show: two visitors of one event, for people and for programs.  The store calls
 * with the event first, then each delivery followed by its attempts.
 */
#include "cli/cmd.h"

#include <string.h>

#include "base/base64url.h"
#include "base/clock.h"
#include "base/exits.h"
#include "base/json.h"
#include "cli/object.h"
#include "cli/print.h"
#include "cli/row.h"
#include "cli/scope.h"
#include "cli/setup.h"

/* An event being shown. */
struct show {
	const char *id;
	struct review review;
	bool found;			/* the store's answer */
	bool in_delivery;		/* JSON: one is open, with its attempts */
	struct buf out;
};

static bool
is_json(const char *text, size_t len)
{
	size_t at;

	return text != NULL && json_scan(text, len, NULL, 0, &at) == NULL;
}

/* --- for people --- */

static void
text_line(struct buf *out, const char *label, const char *value)
{
	if (value == NULL || value[0] == '\0')
		return;
	buf_printf(out, "%-12s ", label);
	print_string(out, value);
	buf_putc(out, '\n');
}

static void
text_payload(struct buf *out, const struct store_event *event)
{
	buf_printf(out, "\npayload (%zu bytes):\n  ", event->payload_len);
	if (event->payload == NULL)
		buf_puts(out, "erased");
	else if (is_json(event->payload, event->payload_len))
		print_json(out, event->payload, event->payload_len, 2);
	else
		print_text(out, event->payload, event->payload_len);
	buf_putc(out, '\n');
}

static void
text_event(void *arg, const struct store_event *event)
{
	struct show *show = arg;
	struct buf *out = &show->out;

	text_line(out, "id", event->id);
	text_line(out, "source", event->source);
	text_line(out, "lead", event->lead);
	text_line(out, "event", event->name);
	buf_printf(out, "%-12s %s", "state", event->state);
	if (event->hold[0] != '\0')
		buf_printf(out, " (%s)", row_hold_words(event->hold));
	buf_printf(out, "\n%-12s ", "received");
	print_moment(out, event->received_ms, show->review.now_ms);
	buf_printf(out, "\n%-12s %lld\n", "sequence", (long long)event->sequence);
	if (event->closed_ms != 0) {
		buf_printf(out, "%-12s ", "closed");
		print_moment(out, event->closed_ms, show->review.now_ms);
		buf_putc(out, '\n');
	}
	text_line(out, "note", event->note);
	if (event->violations != NULL) {
		buf_puts(out, "\nviolations:\n  ");
		print_json(out, event->violations, strlen(event->violations), 2);
		buf_putc(out, '\n');
	}
	text_payload(out, event);
}

static void
text_delivery(void *arg, const struct store_row *row)
{
	struct show *show = arg;
	struct buf why = { 0 };

	/* A held event stands in the list as a row without destination. */
	if (row->destination == NULL)
		return;
	buf_puts(&show->out, "\ndelivery to ");
	print_string(&show->out, row->destination);
	buf_printf(&show->out, ": %s", delivery_state_name(row->state));
	if (row->settled_ms != 0) {
		buf_putc(&show->out, ' ');
		print_moment(&show->out, row->settled_ms, show->review.now_ms);
	}
	row_why(&why, row, &show->review);
	if (why.len > 0) {
		buf_puts(&show->out, ": ");
		print_text(&show->out, why.data, why.len);
	}
	buf_free(&why);
	buf_putc(&show->out, '\n');
}

static void
text_attempt(void *arg, const struct store_attempt *attempt)
{
	struct show *show = arg;
	struct buf *out = &show->out;

	buf_printf(out, "  attempt %d  ", attempt->number);
	print_moment(out, attempt->started_ms, show->review.now_ms);
	if (attempt->took_ms == -1)
		buf_puts(out, "  -  ");
	else
		buf_printf(out, "  %lld ms  ", (long long)attempt->took_ms);
	if (attempt->status != 0)
		buf_printf(out, "HTTP %d", attempt->status);
	if (attempt->error != NULL) {
		buf_puts(out, attempt->status != 0 ? ", " : "");
		print_string(out, attempt->error);
	}
	buf_puts(out, attempt->counted ? "\n" : " (not counted)\n");
	if (attempt->answer != NULL && attempt->answer_len > 0) {
		buf_puts(out, "    answer: ");
		print_text(out, attempt->answer, attempt->answer_len);
		buf_putc(out, '\n');
	}
}

/* --- for programs --- */

static void
json_payload(struct buf *out, const struct store_event *event)
{
	bool readable = is_json(event->payload, event->payload_len);
	struct buf encoded = { 0 };

	object_json(out, "payload", readable ? event->payload : NULL,
	    event->payload_len);
	/* Bytes that are no JSON travel in a form that loses none of them. */
	if (!readable && event->payload != NULL)
		base64url_add(&encoded, event->payload, event->payload_len);
	object_string(out, "payload_base64url", encoded.data);
	out->oom |= !buf_ok(&encoded);
	buf_free(&encoded);
}

static void
json_event(void *arg, const struct store_event *event)
{
	struct show *show = arg;
	struct buf *out = &show->out;

	object_open(out);
	object_string(out, "id", event->id);
	object_string(out, "source", event->source);
	object_string(out, "lead", event->lead);
	object_string(out, "event", event->name);
	object_string(out, "state", event->state);
	object_string(out, "hold", event->hold[0] != '\0' ? event->hold : NULL);
	object_number(out, "sequence", event->sequence);
	object_moment(out, "received_at", event->received_ms);
	object_moment(out, "closed_at", event->closed_ms);
	object_string(out, "note", event->note);
	object_json(out, "violations", event->violations,
	    event->violations != NULL ? strlen(event->violations) : 0);
	json_payload(out, event);
	object_array(out, "deliveries");
}

static void
json_close_delivery(struct show *show)
{
	if (show->in_delivery)
		buf_puts(&show->out, "]}");
	show->in_delivery = false;
}

static void
json_delivery(void *arg, const struct store_row *row)
{
	struct show *show = arg;

	if (row->destination == NULL)
		return;
	json_close_delivery(show);
	object_open(&show->out);
	row_members(&show->out, row, false);
	object_array(&show->out, "attempts");
	show->in_delivery = true;
}

static void
json_attempt(void *arg, const struct store_attempt *attempt)
{
	struct show *show = arg;
	struct buf *out = &show->out;

	object_open(out);
	object_number(out, "number", attempt->number);
	object_moment(out, "started_at", attempt->started_ms);
	object_number_unless(out, "took_ms", attempt->took_ms, -1);
	object_number_unless(out, "status", attempt->status, 0);
	object_bool(out, "counted", attempt->counted);
	object_string(out, "error", attempt->error);
	object_bytes(out, "answer", attempt->answer, attempt->answer_len);
	object_close(out);
}

static const struct store_visitor text_visitor = {
	text_event, text_delivery, text_attempt, NULL
};
static const struct store_visitor json_visitor = {
	json_event, json_delivery, json_attempt, NULL
};

int
cmd_show(const struct args *args, struct setup *setup)
{
	bool json = args_flag(args, "json");
	struct store_fault fault = { 0 };
	struct store_visitor visitor = json ? json_visitor : text_visitor;
	struct show show = { 0 };
	struct scope scope = { 0 };
	struct store *store;
	int status;

	visitor.arg = &show;
	if ((status = setup_outbox(setup, args, OUTBOX_READ)) != EXIT_DONE ||
	    (status = scope_ids(&scope, setup, args, SCOPE_ID_SHOWN)) !=
	    EXIT_DONE)
		goto out;
	show.id = scope.ids.list[0];
	if (review_take(setup->outbox, setup->config, clock_wall_ms(),
	    &show.review, &fault) == -1 ||
	    (store = outbox_begin(setup->outbox, &fault)) == NULL ||
	    outbox_end(setup->outbox, store_show(store, show.id, &visitor,
	    &show.found), &fault) == -1) {
		status = setup_store_failed(setup->config, &fault);
		goto out;
	}
	if (!show.found) {
		status = print_fail(EXIT_NOINPUT, "no event %s in the outbox",
		    show.id);
		goto out;
	}
	if (json) {
		json_close_delivery(&show);
		buf_puts(&show.out, "]}\n");
	}
	status = print_end(&show.out, false);
out:
	buf_free(&show.out);
	review_free(&show.review);
	scope_free(&scope);
	return status;
}
