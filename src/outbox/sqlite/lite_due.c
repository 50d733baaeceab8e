/* lite_due: when what waits may go. */
#include "outbox/sqlite/lite.h"

int
lite_due_next(struct store *st, int64_t destination, int64_t *due_ms)
{
	struct lite *lt = (struct lite *)st;
	int rc;

	*due_ms = 0;
	if ((rc = LITE_RUN(lt, LITE_NEXT_DUE, destination)) == 1) {
		*due_ms = sqlite3_column_int64(lt->statements[LITE_NEXT_DUE], 0);
		lite_sql_done(lt->statements[LITE_NEXT_DUE]);
	}
	return rc == -1 ? -1 : 0;
}

int
lite_due_make(struct store *st, int64_t destination, int64_t now_ms,
    size_t max, size_t *count)
{
	struct lite *lt = (struct lite *)st;
	int64_t numbers[64];
	sqlite3_stmt *s;
	size_t found, want;

	*count = 0;
	do {
		want = max - *count < 64 ? max - *count : 64;
		if ((s = lite_sql_get(lt, LITE_LATER_OLDEST)) == NULL)
			return -1;
		LITE_BIND(s, destination, (int64_t)want);
		if (lite_sql_numbers(lt, s, numbers, want, &found) == -1)
			return -1;
		for (size_t i = 0; i < found; i++)
			if (LITE_RUN(lt, LITE_LATER_DUE, numbers[i], now_ms) ==
			    -1)
				return -1;
		*count += found;
	} while (found == want && *count < max);
	return 0;
}

/* What was being sent when the relay ended waits again, and the attempt is shown. */
static int
recover_one(struct lite *lt, int64_t number, int64_t now_ms)
{
	struct delivery_outcome lost = { .delivery = number };
	struct lite_delivery d;

	if (lite_delivery_need(lt, number, &d) == -1)
		return -1;
	lost.started_ms = d.taken;
	lost.error = "outcome unknown: the relay ended before the answer";
	if (lite_delivery_attempt(lt, &lost) == -1 ||
	    lite_requests_add(lt, LITE_DESTINATION_OF(number), d.taken, 1) == -1)
		return -1;
	d.unknown = true;
	d.due = now_ms;
	if (lite_delivery_move(lt, &d, DELIVERY_WAITING, false, now_ms) == -1)
		return -1;
	return LITE_RUN(lt, LITE_LATER_DUE, number, now_ms);	/* in its order */
}

int
lite_due_recover(struct store *st, int64_t now_ms, int64_t *count)
{
	struct lite *lt = (struct lite *)st;
	int64_t numbers[64];
	sqlite3_stmt *s;
	size_t found;

	*count = 0;
	do {
		if ((s = lite_sql_get(lt, LITE_SENDING)) == NULL ||
		    lite_sql_numbers(lt, s, numbers, 64, &found) == -1)
			return -1;
		for (size_t i = 0; i < found; i++)
			if (recover_one(lt, numbers[i], now_ms) == -1)
				return -1;
		*count += (int64_t)found;
	} while (found > 0);
	return 0;
}
