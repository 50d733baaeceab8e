/*
 * lite_purge: events are deleted, with every trace: what has lived its time, and
 * what a person has erased.  From the log, lite_tidy takes it.
 */
#include "outbox/sqlite/lite.h"

#define KEPT_SPANS (2 * 86400000 / STORE_SPAN_MS)
#define AHEAD_MS 3600000

/* Take the event's deliveries out of the counts. */
static int
uncount(struct lite *lt, int64_t event)
{
	sqlite3_stmt *s = LITE_GET(lt, LITE_DELIVERY_COUNTS, event);
	int rc;

	while ((rc = lite_sql_step(lt, s)) == 1)
		if (lite_txn_tally(lt, sqlite3_column_int64(s, 0),
		    (enum delivery_state)sqlite3_column_int(s, 1),
		    -sqlite3_column_int64(s, 2)) == -1) {
			sqlite3_reset(s);
			return -1;
		}
	return rc;
}

/*
 * Forget a lead that has no event left.  Should it ever come back, its sequence
 * must still rise, so the highest one forgotten is where new leads begin.
 */
static int
forget_lead(struct lite *lt, int64_t lead)
{
	int64_t other, sequence;
	int rc;

	rc = LITE_READ(lt, LITE_GET(lt, LITE_EVENT_OF_LEAD, lead), &other);
	if (rc != 0)
		return rc == 1 ? 0 : -1;
	if (LITE_READ(lt, LITE_GET(lt, LITE_LEAD_SEQUENCE, lead),
	    &sequence) != 1)
		return -1;
	if (lt->head.floor < sequence)
		lt->head.floor = sequence;
	return LITE_RUN(lt, LITE_LEAD_DROP, lead);
}

/*
 * Deliveries that hold back later ones of their lead stop doing so before they
 * go: as discarded ones.
 */
static int
release_blocked(struct lite *lt, int64_t event)
{
	struct lite_delivery d = { 0 };
	int rc;

	while ((rc = lite_delivery_next(lt, event, &d)) == 1)
		if (d.blocks && lite_delivery_move(lt, &d, DELIVERY_DISCARDED,
		    false, d.settled) == -1)
			return -1;
	return rc;
}

static int
delete_event(struct lite *lt, int64_t event)
{
	struct lite_head *head;
	int64_t lead, received, state;

	if ((head = lite_txn_head(lt)) == NULL || release_blocked(lt, event) == -1 ||
	    LITE_READ(lt, LITE_GET(lt, LITE_EVENT_GET, event), &lead, &received,
	    &state) != 1)
		return -1;
	head->changed = true;		/* its floor may rise */
	if ((state == LITE_EVENT_HELD && lite_room_held(lt, lead, -1) == -1) ||
	    uncount(lt, event) == -1 ||
	    LITE_RUN(lt, LITE_ATTEMPT_DROP, event) == -1 ||
	    LITE_RUN(lt, LITE_DELIVERY_DROP, event) == -1 ||
	    LITE_RUN(lt, LITE_PAYLOAD_DROP, event) == -1 ||
	    LITE_RUN(lt, LITE_EVENT_DROP, event) == -1)
		return -1;
	return forget_lead(lt, lead);
}

int
lite_purge(struct store *st, int64_t delivered_before_ms,
    int64_t failed_before_ms, size_t max, size_t *count)
{
	const int64_t before[2] = { delivered_before_ms, failed_before_ms };
	struct lite *lt = (struct lite *)st;
	int64_t event;
	int rc;

	*count = 0;
	for (int failed = 0; failed < 2; failed++)
		while (*count < max) {
			rc = LITE_READ(lt, LITE_GET(lt, LITE_PURGE_NEXT,
			    failed, before[failed]), &event);
			if (rc == 0)
				break;
			if (rc == -1 || delete_event(lt, event) == -1)
				return -1;
			(*count)++;
		}
	return *count > 0 ? lite_tidy_deleted(lt) : 0;
}

int
lite_purge_expire(struct store *st, int64_t now_ms, bool sure)
{
	struct lite *lt = (struct lite *)st;
	int64_t span = now_ms / STORE_SPAN_MS;

	if (LITE_RUN(lt, LITE_REQUESTS_DROP, span - KEPT_SPANS) == -1 ||
	    (sure && LITE_RUN(lt, LITE_REQUESTS_MEET, span) == -1))
		return -1;
	return !sure ? 0 :
	    LITE_RUN(lt, LITE_PURGE_AHEAD, now_ms + AHEAD_MS, now_ms);
}

/* Is a delivery of ${event} under way?  Its outcome, and order, are not ours to cut. */
static int
is_sending(struct lite *lt, int64_t event, bool *sending)
{
	struct lite_delivery d = { 0 };
	int rc;

	*sending = false;
	while ((rc = lite_delivery_next(lt, event, &d)) == 1)
		*sending |= d.sending;
	return rc;
}

int
lite_purge_erase(struct store *st, const char *id, enum store_act_result *result)
{
	struct lite *lt = (struct lite *)st;
	sqlite3_stmt *s = LITE_GET(lt, LITE_EVENT_BY_ID);
	int64_t event;
	bool sending;
	int rc;

	*result = STORE_ACT_NOT_FOUND;
	lite_sql_bind(s, 1, id);
	if ((rc = LITE_READ(lt, s, &event)) != 1)
		return rc;
	if (is_sending(lt, event, &sending) == -1)
		return -1;
	*result = sending ? STORE_ACT_SENDING : STORE_ACT_DONE;
	if (sending)
		return 0;
	return delete_event(lt, event) == -1 ? -1 : lite_tidy_deleted(lt);
}
