/*
 * lite_delivery: the one place where deliveries are made and change state.
 *
 * Everything that follows from a state is kept right here: which delivery of a
 * lead and destination is ready, what blocks later ones, the counts, and whether
 * the event is open.
 */
#include "outbox/sqlite/lite.h"

static bool
holds_on_dead(const struct lite *lt, int64_t destination)
{
	for (size_t i = 0; i < lt->destination_count; i++)
		if (lt->destinations[i].number == destination)
			return lt->destinations[i].hold_on_dead;
	return false;
}

int
lite_delivery_read(struct lite *lt, int64_t number, struct lite_delivery *d)
{
	sqlite3_stmt *s;
	int rc;

	if ((s = lite_sql_get(lt, LITE_DELIVERY_GET)) == NULL)
		return -1;
	LITE_BIND(s, number);
	if ((rc = lite_sql_step(lt, s)) != 1)
		return rc;
	d->number = number;
	d->lead = sqlite3_column_int64(s, 0);
	d->state = (enum delivery_state)sqlite3_column_int(s, 1);
	d->ready = sqlite3_column_int(s, 2) != 0;
	d->blocks = sqlite3_column_int(s, 3) != 0;
	d->due = sqlite3_column_int64(s, 4);
	d->attempts = sqlite3_column_int64(s, 5);
	d->begun = sqlite3_column_int64(s, 6);
	d->unknown = sqlite3_column_int(s, 7) != 0;
	d->key_number = sqlite3_column_int64(s, 8);
	d->first_attempt = sqlite3_column_int64(s, 9);
	d->first_failure = sqlite3_column_int64(s, 10);
	d->claim = sqlite3_column_int64(s, 11);
	d->settled = sqlite3_column_int64(s, 12);
	d->status = sqlite3_column_int64(s, 13);
	d->words = sqlite3_column_int(s, 14) != 0;
	d->body = sqlite3_column_int64(s, 15);
	d->retried = sqlite3_column_int(s, 16) != 0;
	d->epoch = sqlite3_column_int64(s, 17);
	d->sending = false;
	lite_sql_done(s);
	return 1;
}

int
lite_delivery_get(struct lite *lt, int64_t number, struct lite_delivery *d)
{
	int rc = lite_delivery_read(lt, number, d);

	if (rc == 1 && d->state == DELIVERY_WAITING)
		d->sending = lt->writing ?
		    lite_taken_stop(lt, number, d->claim) :
		    lite_taken_is_begun(lt, number);
	return rc;
}

int
lite_delivery_need(struct lite *lt, int64_t number, struct lite_delivery *d)
{
	int rc;

	if ((rc = lite_delivery_get(lt, number, d)) == 0)
		return lite_fault_set(lt, STORE_FAULT_CORRUPT,
		    "outbox %s: a delivery is missing", lt->path);
	return rc == 1 ? 0 : -1;
}

/* Is nothing of the lead, older than ${number}, in its way?  1 yes, 0 no. */
static int
is_first(struct lite *lt, int64_t lead, int64_t destination, int64_t number)
{
	int rc;

	rc = LITE_RUN(lt, LITE_BLOCKER_BEFORE, lead, destination, number);
	if (rc == 1)
		lite_sql_done(lt->statements[LITE_BLOCKER_BEFORE]);
	return rc == -1 ? -1 : rc == 0;
}

/* A delivery stopped blocking: if the first that is left waits, it is ready. */
static int
promote(struct lite *lt, int64_t lead, int64_t destination, int64_t now_ms)
{
	sqlite3_stmt *s;
	int64_t number;
	bool wanted;
	int rc;

	if ((s = lite_sql_get(lt, LITE_BLOCKER_FIRST)) == NULL)
		return -1;
	LITE_BIND(s, lead, destination);
	if ((rc = lite_sql_step(lt, s)) != 1)
		return rc;
	number = sqlite3_column_int64(s, 0);
	wanted = sqlite3_column_int(s, 1) == DELIVERY_WAITING &&
	    sqlite3_column_int(s, 2) == 0;
	lite_sql_done(s);
	return wanted ? LITE_RUN(lt, LITE_DELIVERY_READY, number, 1, now_ms) : 0;
}

/* ${number} blocks now: the next of its lead is ready no more. */
static int
demote(struct lite *lt, int64_t lead, int64_t destination, int64_t number)
{
	sqlite3_stmt *s;
	int64_t next;
	bool ready;
	int rc;

	if ((s = lite_sql_get(lt, LITE_BLOCKER_AFTER)) == NULL)
		return -1;
	LITE_BIND(s, lead, destination, number);
	if ((rc = lite_sql_step(lt, s)) != 1)
		return rc;
	next = sqlite3_column_int64(s, 0);
	ready = sqlite3_column_int(s, 1) != 0;
	lite_sql_done(s);
	return ready ? LITE_RUN(lt, LITE_DELIVERY_READY, next, 0, 0) : 0;
}

/*
 * A delivery of ${event} was opened (${opened}) or closed: open the event with
 * the first, close it with the last.
 */
static int
count_event(struct lite *lt, int64_t event, bool opened, int64_t now_ms)
{
	struct lite_head *head;
	sqlite3_stmt *s;
	int64_t open, failed;
	int rc;

	if ((head = lite_txn_head(lt)) == NULL ||
	    (s = lite_sql_get(lt, LITE_DELIVERY_OPEN)) == NULL)
		return -1;
	LITE_BIND(s, event);
	if ((rc = lite_sql_step(lt, s)) != 1)
		return rc;
	open = sqlite3_column_int64(s, 0);
	failed = sqlite3_column_int64(s, 1);
	lite_sql_done(s);
	if (open != (opened ? 1 : 0))
		return 0;		/* others are open too */
	if (lite_clock_floor(lt, &now_ms) == -1)
		return -1;
	head->open += opened ? 1 : -1;
	head->changed = true;
	return LITE_RUN(lt, LITE_EVENT_CLOSE, event, opened ? 0 : now_ms,
	    !opened && failed > 0);
}

int
lite_delivery_make(struct lite *lt, int64_t event, int64_t lead, int64_t due,
    bool alone)
{
	int64_t destination, number;
	int ready = 1;

	for (size_t i = 0; i < lt->destination_count; i++) {
		destination = lt->destinations[i].number;
		number = LITE_DELIVERY(event, destination);
		if (!alone && (ready = is_first(lt, lead, destination,
		    number)) == -1)
			return -1;
		if (LITE_RUN(lt, LITE_DELIVERY_ADD, number, lead, destination,
		    due, ready) == -1 ||
		    lite_txn_tally(lt, destination, DELIVERY_WAITING, 1) == -1)
			return -1;
		/* An event released late stands before newer ones. */
		if (!alone && ready && demote(lt, lead, destination, number) == -1)
			return -1;
	}
	return 0;
}

/* Write the row, which had the state ${from}. */
static int
write_row(struct lite *lt, const struct lite_delivery *d,
    enum delivery_state from, int64_t now_ms)
{
	if (from == DELIVERY_WAITING && d->state == DELIVERY_DELIVERED)
		return LITE_RUN(lt, LITE_DELIVERY_DONE, d->number, d->attempts,
		    d->begun, d->unknown, d->first_attempt, d->first_failure,
		    d->settled, d->status, d->key_number, d->body, d->retried,
		    d->epoch);
	return LITE_RUN(lt, LITE_DELIVERY_SET, d->number, d->state, d->ready,
	    d->ready && d->due > now_ms, d->blocks, d->due, d->attempts,
	    d->begun, d->unknown, d->first_attempt, d->first_failure,
	    d->settled, d->status, d->key_number, d->body, d->retried,
	    d->epoch);
}

int
lite_delivery_move(struct lite *lt, struct lite_delivery *d,
    enum delivery_state to, bool unsent, int64_t now_ms)
{
	int64_t destination = LITE_DESTINATION_OF(d->number);
	enum delivery_state from = d->state;
	bool was_open = from == DELIVERY_WAITING, open = to == DELIVERY_WAITING;
	bool blocked = d->blocks;
	int ready = 0;

	if (lite_txn_tally(lt, destination, from, -1) == -1 ||
	    lite_txn_tally(lt, destination, to, 1) == -1)
		return -1;
	if (open && (ready = is_first(lt, d->lead,
	    destination, d->number)) == -1)
		return -1;
	d->state = to;
	d->ready = ready;
	d->blocks = open || (holds_on_dead(lt, destination) &&
	    (to == DELIVERY_DEAD || (to == DELIVERY_HELD && unsent)));
	d->settled = open ? 0 : now_ms;
	if (write_row(lt, d, from, now_ms) == -1)
		return -1;
	if (blocked && !d->blocks &&
	    promote(lt, d->lead, destination, now_ms) == -1)
		return -1;
	if (!blocked && d->blocks &&
	    demote(lt, d->lead, destination, d->number) == -1)
		return -1;
	if (was_open == open)
		return 0;
	return count_event(lt, LITE_EVENT_OF(d->number), open, now_ms);
}

int
lite_delivery_revive(struct lite *lt, struct lite_delivery *d, int64_t now_ms)
{
	d->due = now_ms;
	d->attempts = d->begun = 0;
	d->first_attempt = d->first_failure = 0;
	d->status = 0;
	d->retried = true;
	if (d->words && lite_delivery_words(lt, d, NULL, NULL) == -1)
		return -1;
	return lite_delivery_move(lt, d, DELIVERY_WAITING, false, now_ms);
}

int
lite_delivery_words(struct lite *lt, const struct lite_delivery *d,
    const char *reason, const char *record)
{
	sqlite3_stmt *s;

	if ((s = lite_sql_get(lt, LITE_DELIVERY_WORDS)) == NULL)
		return -1;
	LITE_BIND(s, d->number);
	sqlite3_bind_text(s, 2, reason, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 3, record, -1, SQLITE_STATIC);
	return lite_sql_step(lt, s);
}

int
lite_delivery_next(struct lite *lt, int64_t event, int64_t *number)
{
	sqlite3_stmt *s;
	int rc;

	if ((s = lite_sql_get(lt, LITE_DELIVERY_NEXT)) == NULL)
		return -1;
	LITE_BIND(s, event, *number);
	if ((rc = lite_sql_step(lt, s)) == 1) {
		*number = sqlite3_column_int64(s, 0);
		lite_sql_done(s);
	}
	return rc;
}

int
lite_delivery_attempt(struct lite *lt, const struct delivery_outcome *o)
{
	sqlite3_stmt *s;
	size_t len;

	if ((s = lite_sql_get(lt, LITE_ATTEMPT_ADD)) == NULL)
		return -1;
	LITE_BIND(s, o->ticket.delivery, o->started_ms, o->took_ms, o->status,
	    !o->free_of_charge);
	len = o->answer_len < ATTEMPT_ANSWER_MAX ? o->answer_len :
	    ATTEMPT_ANSWER_MAX;
	sqlite3_bind_text(s, 6, o->error, -1, SQLITE_STATIC);
	sqlite3_bind_blob64(s, 7, o->answer, len, SQLITE_STATIC);
	return lite_sql_step(lt, s);
}
