/* lite_settle: what an attempt came to. */
#include "outbox/sqlite/lite.h"

static int
settle_one(struct lite *lt, const struct delivery_outcome *o, int64_t now_ms)
{
	const char *reason = o->reason;
	int64_t begun = o->started_ms;
	struct lite_delivery d;
	int rc;

	if (o->ticket.epoch != lt->head.epoch)
		return 0;		/* of a relay that was */
	if ((rc = lite_delivery_read(lt, o->ticket.delivery, &d)) != 1)
		return rc;
	if (d.state != DELIVERY_WAITING || d.claim != o->ticket.claim)
		return 0;
	if (o->attempted && (lite_delivery_attempt(lt, o) == -1 ||
	    lite_clock_floor(lt, &begun) == -1))
		return -1;

	d.begun = 0;
	d.epoch = o->ticket.epoch;
	if (o->attempted && !o->free_of_charge)
		d.attempts++;
	/* What is yet to come was written by a clock that has been put back. */
	if (o->attempted && (d.first_attempt == 0 || d.first_attempt > begun))
		d.first_attempt = begun;
	/* Whatever came later, that one may have arrived. */
	d.unknown = d.unknown || o->unknown;
	if (o->attempted)
		d.status = o->status;
	if (o->body != 0) {
		d.key_number = o->key_number;
		d.body = o->body;
		d.retried = false;
	}
	if (o->state == DELIVERY_DELIVERED)
		d.first_failure = 0;
	else if (o->attempted && (d.first_failure == 0 ||
	    d.first_failure > begun))
		d.first_failure = begun;
	if (o->state == DELIVERY_WAITING) {
		d.due = o->due_ms;
		if (reason == NULL)
			reason = o->error;
	}
	if ((d.words || reason != NULL || o->record != NULL) &&
	    lite_delivery_words(lt, &d, reason, o->record) == -1)
		return -1;
	return lite_delivery_move(lt, &d, o->state, !o->attempted, now_ms);
}

/* Do two attempts count for the same destination and span? */
static bool
counted_alike(const struct delivery_outcome *a, const struct delivery_outcome *b)
{
	return LITE_DESTINATION_OF(a->ticket.delivery) ==
	    LITE_DESTINATION_OF(b->ticket.delivery) &&
	    a->started_ms / STORE_SPAN_MS == b->started_ms / STORE_SPAN_MS;
}

/* Count the attempts, as many as are alike at once. */
static int
count_requests(struct lite *lt, const struct delivery_outcome *outcomes,
    size_t count)
{
	const struct delivery_outcome *first = NULL;
	int64_t n = 0;

	for (size_t i = 0; i <= count; i++) {
		if (i < count && !outcomes[i].attempted)
			continue;
		if (n > 0 && (i == count || !counted_alike(first, &outcomes[i]))) {
			if (lite_stats_add_requests(lt, LITE_DESTINATION_OF(first->ticket.delivery),
			    first->started_ms, n) == -1)
				return -1;
			n = 0;
		}
		if (i < count && n++ == 0)
			first = &outcomes[i];
	}
	return 0;
}

int
lite_settle(struct store *st, const struct delivery_outcome *outcomes,
    size_t count, int64_t now_ms)
{
	struct lite *lt = (struct lite *)st;

	if (lite_txn_head(lt) == NULL)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (settle_one(lt, &outcomes[i], now_ms) == -1)
			return -1;
	return count_requests(lt, outcomes, count);
}
