/* lite_due: when what waits may go. */
#include "outbox/sqlite/lite.h"

#include <string.h>

int
lite_due_next(struct store *st, int64_t destination, int64_t *due_ms)
{
	struct lite *lt = (struct lite *)st;
	sqlite3_stmt *s;
	int rc;

	*due_ms = 0;
	if (lite_taken_room(lt, destination, 1) == 0)
		return 0;
	s = LITE_GET(lt, LITE_NEXT_DUE, destination);
	while ((rc = lite_sql_step(lt, s)) == 1 && *due_ms == 0)
		if (!lite_taken_has(lt, sqlite3_column_int64(s, 1)))
			*due_ms = sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	return rc == -1 ? -1 : 0;
}

int64_t
lite_due_horizon(const struct lite *lt, int64_t destination, int64_t now_ms)
{
	const struct store_destination *known =
	    lite_delivery_destination(lt, destination);

	return now_ms + (known != NULL && known->longest_ms != 0 ?
	    known->longest_ms : STORE_LONGEST_MS);
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
	if (lite_txn_fence(lt) == -1)
		return lt->store.fault.kind == STORE_FAULT_FENCED ? 0 : -1;
	do {
		want = max - *count < 64 ? max - *count : 64;
		s = LITE_GET(lt, LITE_LATER_OLDEST, destination, (int64_t)want);
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

struct recovery {
	struct store_recovery *found;
	int64_t now_ms;
};

/*
 * What the last relay had begun waits again, and the attempt is shown; begun too
 * often without an outcome, it is held.
 */
static int
recover_one(struct lite *lt, void *arg, int64_t number, int64_t claim,
    int64_t started_ms)
{
	struct delivery_outcome lost = {
		.ticket.delivery = number,
		.started_ms = started_ms,
		.took_ms = -1,
		.error = "outcome unknown: the relay ended before the answer"
	};
	const struct recovery *recovery = arg;
	struct store_recovery *found = recovery->found;
	struct lite_delivery d;
	int64_t begun = started_ms;
	int rc;

	if ((rc = lite_delivery_read(lt, number, &d)) != 1)
		return rc;
	if (d.state != DELIVERY_WAITING || d.claim != claim)
		return 0;		/* its outcome was written after all */
	found->unknown++;
	if (lite_delivery_attempt(lt, &lost) == -1 ||
	    lite_clock_floor(lt, &begun) == -1 ||
	    lite_stats_add_requests(lt, LITE_DESTINATION_OF(number), started_ms, 1) == -1 ||
	    LITE_RUN(lt, LITE_STATE_BEGUN, LITE_DESTINATION_OF(number),
	    started_ms * 1000) == -1)
		return -1;
	d.unknown = true;
	d.epoch = lt->next_epoch;
	d.attempts++;
	if (d.first_attempt == 0 || d.first_attempt > begun)
		d.first_attempt = begun;
	d.due = recovery->now_ms;
	if (++d.begun < LITE_BEGUN_MAX) {
		if (lite_delivery_move(lt, &d, DELIVERY_WAITING, false,
		    recovery->now_ms) == -1)
			return -1;
		/* In its order. */
		return LITE_RUN(lt, LITE_LATER_DUE, number, recovery->now_ms);
	}
	found->held++;
	if (lite_delivery_words(lt, &d, "begun three times without any outcome",
	    NULL) == -1)
		return -1;
	return lite_delivery_move(lt, &d, DELIVERY_HELD, false, recovery->now_ms);
}

int
lite_due_recover(struct store *st, int64_t now_ms, struct store_recovery *found)
{
	struct recovery recovery = { found, now_ms };
	struct lite *lt = (struct lite *)st;
	struct lite_head *head;

	memset(found, 0, sizeof(*found));
	if ((head = lite_txn_head(lt)) == NULL)
		return -1;
	if (lt->relay_fd == -1)
		return lite_fault_set(lt, STORE_FAULT_FENCED,
		    "outbox %s: somebody else is the relay", lt->path);
	lt->next_epoch = head->epoch + 1;
	if (lite_taken_trusted(lt)) {
		if (lite_taken_each_begun(lt, recover_one, &recovery) == -1)
			return -1;
	} else if (head->epoch > 0) {
		found->doubt = true;
		head->doubt = head->event;
		head->doubt_epoch = lt->next_epoch;
	}
	return LITE_RUN(lt, LITE_HEAD_EPOCH, lt->next_epoch, head->doubt,
	    head->doubt_epoch);
}
