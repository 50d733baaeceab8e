/*
 * lite_claim: deliveries are taken for sending.
 *
 * Taking one writes nothing (lite_taken.c); so what is already in hand is found
 * again here, and passed over.
 */
#include "outbox/sqlite/lite.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Fill the claim from the event.  Strings are the claim's. */
static int
read_event(struct lite *lt, int64_t event, struct delivery_claim *claim)
{
	sqlite3_stmt *s = LITE_GET(lt, LITE_CLAIM_EVENT, event);
	const void *payload;
	int rc;

	if ((rc = lite_sql_step(lt, s)) != 1)
		return rc == 0 ? lite_fault_set(lt, STORE_FAULT_CORRUPT,
		    "outbox %s: an event is missing", lt->path) : -1;
	claim->event_seq = event;
	strncpy(claim->id, lite_sql_column(s, 0), sizeof(claim->id) - 1);
	claim->source = lite_sql_copy(s, 1);
	claim->lead = lite_sql_copy(s, 2);
	claim->name = lite_sql_copy(s, 3);
	claim->sequence = sqlite3_column_int64(s, 4);
	claim->received_ms = sqlite3_column_int64(s, 5);
	payload = sqlite3_column_blob(s, 6);
	claim->payload_len = (size_t)sqlite3_column_bytes(s, 6);
	/* One more, so that readers of text may rely on a NUL. */
	claim->payload = calloc(1, claim->payload_len + 1);
	if (claim->payload != NULL && claim->payload_len > 0)
		memcpy(claim->payload, payload, claim->payload_len);
	sqlite3_reset(s);
	if (claim->source == NULL || claim->lead == NULL ||
	    claim->name == NULL || claim->payload == NULL)
		return lite_fault_memory(lt);
	return 0;
}

/*
 * How many may be taken together with one that was begun ${begun} times without an
 * outcome.  What was under way when a relay died is under suspicion: were it begun
 * again with all that waits beside it, a few deaths would have the innocent held.
 */
static size_t
company(int64_t begun)
{
	return begun == 0 ? SIZE_MAX : begun < LITE_BEGUN_MAX - 1 ? 8 : 1;
}

/* Fill the claim from the delivery. */
static int
fill(struct lite *lt, const struct lite_delivery *d, struct delivery_claim *claim)
{
	int64_t event = LITE_EVENT_OF(d->number);

	memset(claim, 0, sizeof(*claim));
	claim->ticket = (struct delivery_ticket){ .delivery = d->number,
	    .epoch = lt->epoch, .claim = d->claim };
	claim->destination = LITE_DESTINATION_OF(d->number);
	claim->first_attempt_ms = d->first_attempt;
	claim->first_failure_ms = d->first_failure;
	claim->attempts = (int)d->attempts + 1;
	claim->key_number = (int)d->key_number;
	claim->body = d->body;
	claim->retried = d->retried;
	claim->unknown = d->unknown;
	claim->doubt = event <= lt->head.doubt && d->epoch < lt->head.doubt_epoch;
	claim->begun = d->begun;
	return read_event(lt, event, claim);
}

/*
 * Take delivery ${number}: 1, with ${claim} filled and *bound no greater than
 * the company it may be in; 0 when there is no room for it; -1, and ${claim} is
 * empty.
 */
static int
take(struct lite *lt, int64_t number, struct delivery_claim *claim,
    size_t *bound)
{
	struct lite_delivery d;
	int rc;

	if ((rc = lite_delivery_read(lt, number, &d)) != 1)
		return rc;
	if ((rc = fill(lt, &d, claim)) == 0 &&
	    lite_taken_add(lt, &claim->ticket, d.lead)) {
		if (company(d.begun) < *bound)
			*bound = company(d.begun);
		return 1;
	}
	delivery_claim_free(claim);
	return rc;
}

/*
 * Take from ${s}, which gives deliveries of ${destination}, up to ${max}; ends the
 * statement.
 */
static int
take_all(struct lite *lt, sqlite3_stmt *s, int64_t destination,
    struct delivery_claim *claims, size_t max, size_t *count)
{
	size_t room = (size_t)lite_taken_room(lt, destination, (int)max);
	size_t bound = max;
	int64_t number;
	int rc = 1;

	while (*count < bound && (rc = lite_sql_step(lt, s)) == 1) {
		number = sqlite3_column_int64(s, 1);
		if (lite_taken_has(lt, number))
			continue;
		if (*count == room) {
			lite_taken_tell(lt);
			break;
		}
		if ((rc = take(lt, number, &claims[*count], &bound)) != 1)
			break;
		++*count;
	}
	sqlite3_reset(s);
	if (rc != -1)
		return 0;
	while (*count > 0) {
		lite_taken_let_go(&lt->store, &claims[--*count].ticket);
		delivery_claim_free(&claims[*count]);
	}
	return -1;
}

int
lite_claim(struct store *st, int64_t destination, int64_t now_ms, size_t max,
    struct delivery_claim *claims, size_t *count)
{
	struct lite *lt = (struct lite *)st;
	sqlite3_stmt *s;

	*count = 0;
	if (lite_txn_fence(lt) == -1)
		return -1;
	s = LITE_GET(lt, LITE_CLAIM_DUE, destination, now_ms,
	    lite_due_horizon(lt, destination, now_ms));
	return take_all(lt, s, destination, claims, max, count);
}

int
lite_claim_probe(struct store *st, int64_t destination, int64_t cursor,
    struct delivery_claim *claim, size_t *count)
{
	struct lite *lt = (struct lite *)st;
	const int64_t after[] = { LITE_DELIVERY(cursor, LITE_DESTINATIONS), 0 };
	sqlite3_stmt *s;

	*count = 0;
	if (lite_txn_fence(lt) == -1)
		return -1;
	/* The next one, or else from the start again. */
	for (int i = 0; i < 2 && *count == 0; i++) {
		s = LITE_GET(lt, LITE_CLAIM_PROBE, destination, after[i]);
		if (take_all(lt, s, destination, claim, 1, count) == -1)
			return -1;
	}
	return 0;
}
