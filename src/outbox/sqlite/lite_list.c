/*
 * lite_list: what a person sees: the list, and one event whole.
 *
 * The list's text is put together from the filter, so that each of its parts
 * can use the index it has.
 */
#include "outbox/sqlite/lite.h"

#include <string.h>

#include "base/buf.h"

#define LIST_SELECT \
	"SELECT e.id, l.source, l.key, e.name, t.name, " LITE_STATE ", e.state, " \
	"e.sequence, e.received, d.due, d.settled, e.closed, d.attempts, " \
	"d.status, d.reason, d.record, d.ready, e.hold, e.note, d.number, " \
	"d.key_number, d.body FROM event e " \
	"JOIN lead l ON l.number = e.lead " \
	"LEFT JOIN delivery d ON d.number BETWEEN e.number * 65536 " \
	"AND e.number * 65536 + 65535 " \
	"LEFT JOIN destination t ON t.number = d.destination " \
	"WHERE 1"
#define DELIVERY_AT 19		/* the column of its number */
#define LIST_ORDER " ORDER BY e.number DESC, d.number LIMIT ?6"

/* NULL for NULL, unlike lite_sql_column. */
static const char *
text_or_null(sqlite3_stmt *s, int column)
{
	return (const char *)sqlite3_column_text(s, column);
}

static sqlite3_stmt *
prepare_list(struct lite *lt, const struct store_filter *f)
{
	sqlite3_stmt *s = NULL;
	struct buf text = { 0 };
	int code;

	buf_puts(&text, LIST_SELECT);
	if (f->id != NULL)
		buf_puts(&text, " AND e.id = ?1");
	if (f->lead != NULL)
		buf_puts(&text, " AND e.lead IN "
		    "(SELECT number FROM lead WHERE key = ?2)");
	if (f->source != NULL)
		buf_puts(&text, " AND l.source = ?7");
	if (f->destination != NULL)
		buf_puts(&text, " AND t.name = ?3");
	if (f->since_ms != 0)
		buf_puts(&text, " AND e.received >= ?4");
	if (f->state >= 0)
		buf_puts(&text, " AND ifnull(" LITE_STATE ", "
		    "CASE e.state WHEN 1 THEN 4 ELSE 5 END) = ?5");
	buf_puts(&text, LIST_ORDER);
	if (!buf_ok(&text))
		lite_fault_memory(lt);
	else if ((code = sqlite3_prepare_v2(lt->db, text.data, (int)text.len, &s,
	    NULL)) != SQLITE_OK)
		lite_fault(lt, code, "list");
	lite_sql_bind(s, 1, f->id);
	lite_sql_bind(s, 2, f->lead);
	lite_sql_bind(s, 3, f->destination);
	sqlite3_bind_int64(s, 4, f->since_ms);
	sqlite3_bind_int64(s, 5, f->state);
	sqlite3_bind_int64(s, 6, f->limit > 0 ? f->limit : -1);
	lite_sql_bind(s, 7, f->source);
	buf_free(&text);
	return s;
}

static void
read_row(sqlite3_stmt *s, struct store_row *row)
{
	bool delivery = sqlite3_column_type(s, 5) != SQLITE_NULL;

	memset(row, 0, sizeof(*row));
	row->id = lite_sql_column(s, 0);
	row->source = lite_sql_column(s, 1);
	row->lead = lite_sql_column(s, 2);
	row->name = lite_sql_column(s, 3);
	row->destination = text_or_null(s, 4);
	row->sequence = sqlite3_column_int64(s, 7);
	row->received_ms = sqlite3_column_int64(s, 8);
	if (!delivery) {
		/* It is held, or was discarded while it was. */
		row->state = sqlite3_column_int(s, 6) == LITE_EVENT_HELD ?
		    DELIVERY_HELD : DELIVERY_DISCARDED;
		if (row->state == DELIVERY_DISCARDED)
			row->settled_ms = sqlite3_column_int64(s, 11);
		row->reason = text_or_null(s, 18);
		if (row->reason == NULL)
			row->reason = event_hold_name(
			    (enum event_hold)sqlite3_column_int(s, 17));
		return;
	}
	row->state = (enum delivery_state)sqlite3_column_int(s, 5);
	if (row->state == DELIVERY_WAITING)
		row->due_ms = sqlite3_column_int64(s, 9);
	row->settled_ms = sqlite3_column_int64(s, 10);
	row->attempts = sqlite3_column_int(s, 12);
	row->last_status = sqlite3_column_int(s, 13);
	row->reason = text_or_null(s, 14);
	row->record = text_or_null(s, 15);
	row->blocked = row->state == DELIVERY_WAITING &&
	    sqlite3_column_int(s, 16) == 0;
	row->key_number = sqlite3_column_int(s, DELIVERY_AT + 1);
	row->body = sqlite3_column_int64(s, DELIVERY_AT + 2);
}

int
lite_list(struct store *st, const struct store_filter *filter,
    store_row_fn *row, void *arg)
{
	struct lite *lt = (struct lite *)st;
	struct store_row r;
	sqlite3_stmt *s;
	int rc;

	s = prepare_list(lt, filter);
	while ((rc = lite_sql_step(lt, s)) == 1) {
		read_row(s, &r);
		row(arg, &r);
	}
	sqlite3_finalize(s);
	return rc;
}

/* The attempts of one delivery. */
static int
show_attempts(struct lite *lt, int64_t delivery, const char *destination,
    const struct store_visitor *visitor)
{
	struct store_attempt a;
	sqlite3_stmt *s = LITE_GET(lt, LITE_SHOW_ATTEMPTS, delivery);
	int rc;

	while ((rc = lite_sql_step(lt, s)) == 1) {
		memset(&a, 0, sizeof(a));
		a.destination = destination;
		a.number = sqlite3_column_int(s, 0);
		a.started_ms = sqlite3_column_int64(s, 1);
		a.took_ms = sqlite3_column_int64(s, 2);
		a.status = sqlite3_column_int(s, 3);
		a.counted = sqlite3_column_int(s, 4) != 0;
		a.error = text_or_null(s, 5);
		a.answer = sqlite3_column_blob(s, 6);
		a.answer_len = (size_t)sqlite3_column_bytes(s, 6);
		visitor->attempt(visitor->arg, &a);
	}
	return rc;
}

/* The deliveries of event ${id}, as the list has them. */
static int
show_deliveries(struct lite *lt, const char *id, const struct store_visitor *visitor)
{
	const struct store_filter filter = { .state = -1, .id = id };
	sqlite3_stmt *s = prepare_list(lt, &filter);
	struct store_row row;
	int rc;

	while ((rc = lite_sql_step(lt, s)) == 1) {
		read_row(s, &row);
		if (row.destination == NULL)
			continue;	/* a held event's */
		visitor->delivery(visitor->arg, &row);
		if ((rc = show_attempts(lt, sqlite3_column_int64(s, DELIVERY_AT),
		    row.destination, visitor)) == -1)
			break;
	}
	sqlite3_finalize(s);
	return rc;
}

int
lite_show(struct store *st, const char *id,
    const struct store_visitor *visitor, bool *found)
{
	static const char *const states[] = {
		[LITE_EVENT_ACCEPTED] = "accepted",
		[LITE_EVENT_HELD] = "held",
		[LITE_EVENT_DISCARDED] = "discarded"
	};
	struct lite *lt = (struct lite *)st;
	struct store_event e = { 0 };
	sqlite3_stmt *s;
	int rc;

	*found = false;
	s = LITE_GET(lt, LITE_SHOW_EVENT);
	lite_sql_bind(s, 1, id);
	if ((rc = lite_sql_step(lt, s)) != 1)
		return rc;
	*found = true;
	e.id = lite_sql_column(s, 1);
	e.source = lite_sql_column(s, 2);
	e.lead = lite_sql_column(s, 3);
	e.name = lite_sql_column(s, 4);
	e.state = states[sqlite3_column_int(s, 5) % 3];
	e.hold = event_hold_name((enum event_hold)sqlite3_column_int(s, 6));
	e.sequence = sqlite3_column_int64(s, 7);
	e.received_ms = sqlite3_column_int64(s, 8);
	if (sqlite3_column_int(s, 5) != LITE_EVENT_HELD)
		e.closed_ms = sqlite3_column_int64(s, 9);
	e.violations = text_or_null(s, 10);
	e.note = text_or_null(s, 11);
	e.payload = sqlite3_column_blob(s, 12);
	e.payload_len = (size_t)sqlite3_column_bytes(s, 12);
	visitor->event(visitor->arg, &e);
	rc = show_deliveries(lt, e.id, visitor);
	sqlite3_reset(s);
	return rc;
}
