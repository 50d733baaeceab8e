/* lite_purge: what has lived its time is deleted, with every trace. */
#include "outbox/sqlite/lite.h"

#define KEPT_SPANS (2 * 86400000 / STORE_SPAN_MS)
#define AHEAD_MS 3600000

/* Take the event's deliveries out of the counts. */
static int
uncount(struct lite *lt, int64_t event)
{
	sqlite3_stmt *s;
	int rc;

	if ((s = lite_sql_get(lt, LITE_DELIVERY_COUNTS)) == NULL)
		return -1;
	LITE_BIND(s, event);
	while ((rc = lite_sql_step(lt, s)) == 1)
		if (lite_txn_tally(lt, sqlite3_column_int64(s, 0),
		    (enum delivery_state)sqlite3_column_int(s, 1),
		    -sqlite3_column_int64(s, 2)) == -1) {
			lite_sql_done(s);
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
	int64_t sequence;
	int rc;

	if ((rc = LITE_RUN(lt, LITE_EVENT_OF_LEAD, lead)) != 0) {
		if (rc == 1)
			lite_sql_done(lt->statements[LITE_EVENT_OF_LEAD]);
		return rc == 1 ? 0 : -1;
	}
	if (LITE_RUN(lt, LITE_LEAD_SEQUENCE, lead) != 1)
		return -1;
	sequence = sqlite3_column_int64(
	    lt->statements[LITE_LEAD_SEQUENCE], 0);
	lite_sql_done(lt->statements[LITE_LEAD_SEQUENCE]);
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
	struct lite_delivery d;
	int64_t number = 0;
	int rc;

	while ((rc = lite_delivery_next(lt, event, &number)) == 1) {
		if (lite_delivery_need(lt, number, &d) == -1)
			return -1;
		if (d.blocks && lite_delivery_move(lt, &d, DELIVERY_DISCARDED,
		    false, d.settled) == -1)
			return -1;
	}
	return rc;
}

int
lite_purge_event(struct lite *lt, int64_t event)
{
	struct lite_head *head;
	sqlite3_stmt *s;
	int64_t lead;
	bool held;

	if ((head = lite_txn_head(lt)) == NULL ||
	    release_blocked(lt, event) == -1 ||
	    (s = lite_sql_get(lt, LITE_EVENT_GET)) == NULL)
		return -1;
	LITE_BIND(s, event);
	if (lite_sql_step(lt, s) != 1)
		return -1;
	lead = sqlite3_column_int64(s, 0);
	held = sqlite3_column_int(s, 2) == LITE_EVENT_HELD;
	lite_sql_done(s);
	head->changed = true;		/* its floor may rise */
	if ((held && lite_room_held(lt, lead, -1) == -1) ||
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
			rc = LITE_RUN(lt, LITE_PURGE_NEXT, failed,
			    before[failed]);
			if (rc == -1)
				return -1;
			if (rc == 0)
				break;
			event = sqlite3_column_int64(
			    lt->statements[LITE_PURGE_NEXT], 0);
			lite_sql_done(lt->statements[LITE_PURGE_NEXT]);
			if (lite_purge_event(lt, event) == -1)
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

	if (LITE_RUN(lt, LITE_REQUESTS_DROP, span - KEPT_SPANS) == -1)
		return -1;
	if (!sure)
		return 0;
	if (LITE_RUN(lt, LITE_REQUESTS_MEET, span) == -1)
		return -1;
	return LITE_RUN(lt, LITE_PURGE_AHEAD, now_ms + AHEAD_MS, now_ms);
}
