/*
 * lite_delivery: the one place where deliveries are made and change state.
 *
 * Everything that follows from a state is kept right here: which delivery of a
 * lead and destination is ready, what blocks later ones, the counts, and whether
 * the event is open.
 */
#include "outbox/sqlite/lite.h"

const struct store_destination *
lite_delivery_destination(const struct lite *lt, int64_t number)
{
	for (size_t i = 0; i < lt->destination_count; i++)
		if (lt->destinations[i].number == number)
			return &lt->destinations[i];
	return NULL;
}

int
lite_delivery_read(struct lite *lt, int64_t number, struct lite_delivery *d)
{
	sqlite3_stmt *s = LITE_GET(lt, LITE_DELIVERY_GET, number);
	int rc;

	if ((rc = lite_sql_step(lt, s)) != 1)
		return rc;
	LITE_COLUMNS(s, &d->number, &d->lead, &d->due, &d->attempts, &d->begun,
	    &d->key_number, &d->first_attempt, &d->first_failure, &d->claim,
	    &d->settled, &d->status, &d->body, &d->epoch);
	d->state = (enum delivery_state)sqlite3_column_int(s, 13);
	d->ready = sqlite3_column_int(s, 14) != 0;
	d->blocks = sqlite3_column_int(s, 15) != 0;
	d->unknown = sqlite3_column_int(s, 16) != 0;
	d->words = sqlite3_column_int(s, 17) != 0;
	d->retried = sqlite3_column_int(s, 18) != 0;
	d->sending = false;
	sqlite3_reset(s);
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
lite_delivery_next(struct lite *lt, int64_t event, struct lite_delivery *d)
{
	int64_t number;
	int rc;

	rc = LITE_READ(lt, LITE_GET(lt, LITE_DELIVERY_NEXT, event, d->number),
	    &number);
	return rc == 1 ? lite_delivery_get(lt, number, d) : rc;
}

/* Is nothing of the lead, older than ${number}, in its way?  1 yes, 0 no. */
static int
is_first(struct lite *lt, int64_t lead, int64_t destination, int64_t number)
{
	int64_t blocker;
	int rc;

	rc = LITE_READ(lt, LITE_GET(lt, LITE_BLOCKER_BEFORE, lead,
	    destination, number), &blocker);
	return rc == -1 ? -1 : rc == 0;
}

/* A delivery stopped blocking: if the first that is left waits, it is ready. */
static int
promote(struct lite *lt, int64_t lead, int64_t destination, int64_t now_ms)
{
	int64_t first, state, ready;
	int rc;

	rc = LITE_READ(lt, LITE_GET(lt, LITE_BLOCKER_FIRST, lead, destination),
	    &first, &state, &ready);
	return rc == 1 && state == DELIVERY_WAITING && !ready ?
	    LITE_RUN(lt, LITE_DELIVERY_READY, first, 1, now_ms) :
	    rc == -1 ? -1 : 0;
}

/* ${number} blocks now: the next of its lead is ready no more. */
static int
demote(struct lite *lt, int64_t lead, int64_t destination, int64_t number)
{
	int64_t next, ready;

	if (LITE_READ(lt, LITE_GET(lt, LITE_BLOCKER_AFTER, lead, destination,
	    number), &next, &ready) == -1)
		return -1;
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
	int64_t open, failed;

	if ((head = lite_txn_head(lt)) == NULL || LITE_READ(lt,
	    LITE_GET(lt, LITE_DELIVERY_OPEN, event), &open, &failed) == -1)
		return -1;
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
	const struct store_destination *known =
	    lite_delivery_destination(lt, destination);
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
	d->blocks = open || (known != NULL && known->hold_on_dead &&
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
	sqlite3_stmt *s = LITE_GET(lt, LITE_DELIVERY_WORDS, d->number);

	lite_sql_bind(s, 2, reason);
	lite_sql_bind(s, 3, record);
	return lite_sql_step(lt, s);
}

int
lite_delivery_attempt(struct lite *lt, const struct delivery_outcome *o)
{
	sqlite3_stmt *s = LITE_GET(lt, LITE_ATTEMPT_ADD, o->ticket.delivery,
	    o->started_ms, o->took_ms, o->status, !o->free_of_charge);
	size_t len = o->answer_len < ATTEMPT_ANSWER_MAX ? o->answer_len :
	    ATTEMPT_ANSWER_MAX;

	lite_sql_bind(s, 6, o->error);
	sqlite3_bind_blob64(s, 7, o->answer, len, SQLITE_STATIC);
	return lite_sql_step(lt, s);
}
