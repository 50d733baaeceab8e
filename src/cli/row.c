/* What list and show say of a delivery, so that they say the same. */
#include "cli/row.h"

#include "cli/object.h"
#include "cli/print.h"

void
row_members(struct buf *out, const struct store_row *row, bool event)
{
	if (event) {
		object_string(out, "id", row->id);
		object_string(out, "source", row->source);
		object_string(out, "lead", row->lead);
		object_string(out, "event", row->name);
		object_number(out, "sequence", row->sequence);
		object_moment(out, "received_at", row->received_ms);
	}
	object_string(out, "destination", row->destination);
	object_string(out, "state", delivery_state_name(row->state));
	if (event)
		object_number(out, "attempts", row->attempts);
	object_number_unless(out, "last_status", row->last_status, 0);
	object_string(out, "reason", row->reason);
	object_moment(out, "due_at", row->due_ms);
	object_bool(out, "blocked", row->blocked);
	object_moment(out, "settled_at", row->settled_ms);
	object_string(out, "record", row->record);
}

static void
add_part(struct buf *out, size_t start, const char *part)
{
	if (out->len > start)
		buf_puts(out, "; ");
	buf_puts(out, part);
}

const char *
row_hold_words(const char *hold)
{
	switch (event_hold_parse(hold)) {
	case EVENT_HOLD_RULES:
		return "breaks LeadPro's rules";
	case EVENT_HOLD_UNREADABLE:
		return "its payload cannot be read";
	case EVENT_HOLD_STALE:
		return "its token was out of date";
	default:
		return hold;
	}
}

void
row_why(struct buf *out, const struct store_row *row,
    const struct review *review)
{
	size_t start = out->len;

	if (row->reason != NULL)
		buf_puts(out, row->destination == NULL ?
		    row_hold_words(row->reason) : row->reason);
	else if (row->last_status != 0 && row->state != DELIVERY_DELIVERED)
		buf_printf(out, "HTTP %d", row->last_status);
	if (row->record != NULL) {
		add_part(out, start, "record ");
		buf_puts(out, row->record);
	}
	if (row->state != DELIVERY_WAITING)
		return;
	if (row->blocked)
		add_part(out, start, "after an earlier event of this lead");
	else if (review_paused(review, row->destination))
		add_part(out, start, "destination is paused");
	else if (row->due_ms > review->now_ms) {
		add_part(out, start, "next try in ");
		print_span(out, review->now_ms, row->due_ms);
	} else
		add_part(out, start, "due now");
}
