/* lite_claim: deliveries are taken for sending. */
#include "outbox/sqlite/lite.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BEGUN_MAX 3	/* times begun without an outcome, then a person must look */

/* Fill the claim from the event.  Strings are the claim's. */
static int
read_event(struct lite *lt, int64_t event, struct delivery_claim *claim)
{
	sqlite3_stmt *s;
	const void *payload;
	int rc;

	if ((s = lite_sql_get(lt, LITE_CLAIM_EVENT)) == NULL)
		return -1;
	LITE_BIND(s, event);
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
	claim->payload = malloc(claim->payload_len + 1);
	if (claim->payload != NULL) {
		if (claim->payload_len > 0)
			memcpy(claim->payload, payload, claim->payload_len);
		claim->payload[claim->payload_len] = '\0';
	}
	lite_sql_done(s);
	if (claim->source == NULL || claim->lead == NULL ||
	    claim->name == NULL || claim->payload == NULL)
		return lite_fault_set(lt, STORE_FAULT_MEMORY,
		    "outbox: no memory");
	return 0;
}

/*
 * How many may be taken together with one that is begun for the ${begun}th
 * time.  What was under way when a relay died is under suspicion: were it taken
 * again with all that waits beside it, a few deaths would have the innocent held.
 */
static size_t
company(int64_t begun)
{
	return begun <= 1 ? SIZE_MAX : begun < BEGUN_MAX ? 8 : 1;
}

/*
 * Take delivery ${number}: 1, with ${claim} filled and *bound no greater than
 * the company it may be in; 0 when it was held instead; -1, and ${claim} is
 * empty.
 */
static int
take(struct lite *lt, int64_t number, int64_t now_ms,
    struct delivery_claim *claim, size_t *bound)
{
	struct lite_delivery d;
	int rc;

	memset(claim, 0, sizeof(*claim));
	if ((rc = lite_delivery_get(lt, number, &d)) != 1)
		return rc;
	if (d.begun >= BEGUN_MAX) {
		if (lite_delivery_words(lt, &d,
		    "begun three times without any outcome", NULL) == -1)
			return -1;
		return lite_delivery_move(lt, &d, DELIVERY_HELD, false, now_ms);
	}
	claim->delivery = number;
	claim->destination = LITE_DESTINATION_OF(number);
	claim->first_attempt_ms = d.first_attempt;
	claim->first_failure_ms = d.first_failure;
	claim->key_number = (int)d.key_number;
	claim->body = d.body;
	claim->retried = d.retried;
	claim->unknown = d.unknown;
	d.attempts++;
	d.begun++;
	if (company(d.begun) < *bound)
		*bound = company(d.begun);
	d.taken = now_ms;
	if (d.first_attempt == 0)
		d.first_attempt = now_ms;
	claim->attempts = (int)d.attempts;
	if (read_event(lt, LITE_EVENT_OF(number), claim) == -1 ||
	    lite_delivery_move(lt, &d, DELIVERY_SENDING, false, now_ms) == -1) {
		delivery_claim_free(claim);
		return -1;
	}
	return 1;
}

int
lite_claim(struct store *st, int64_t destination, int64_t now_ms, size_t max,
    struct delivery_claim *claims, size_t *count, size_t *held)
{
	struct lite *lt = (struct lite *)st;
	int64_t numbers[64];
	size_t found, want, bound = SIZE_MAX;
	sqlite3_stmt *s;
	int rc;

	*count = *held = 0;
	do {
		want = max - *count < 64 ? max - *count : 64;
		if ((s = lite_sql_get(lt, LITE_CLAIM_DUE)) == NULL)
			goto fail;
		LITE_BIND(s, destination, now_ms, (int64_t)want);
		/* First the numbers: taking changes the index they come from. */
		if (lite_sql_numbers(lt, s, numbers, want, &found) == -1)
			goto fail;
		for (size_t i = 0; i < found && *count < bound; i++) {
			rc = take(lt, numbers[i], now_ms, &claims[*count],
			    &bound);
			if (rc == -1)
				goto fail;
			if (rc == 1)
				(*count)++;
			else
				(*held)++;
		}
	} while (found == want && *count < max && *count < bound);
	return 0;
fail:
	while (*count > 0)
		delivery_claim_free(&claims[--*count]);
	return -1;
}

int
lite_claim_probe(struct store *st, int64_t destination, int64_t now_ms,
    int64_t cursor, struct delivery_claim *claim, size_t *count, size_t *held)
{
	struct lite *lt = (struct lite *)st;
	int64_t after = LITE_DELIVERY(cursor, LITE_DESTINATIONS), number;
	size_t bound = SIZE_MAX;
	int rc;

	*count = *held = 0;
	for (;;) {
		rc = LITE_RUN(lt, LITE_CLAIM_PROBE, destination, after);
		if (rc == -1)
			return -1;
		if (rc == 0 && after == 0)
			return 0;	/* nothing waits */
		if (rc == 0) {
			after = 0;	/* from the start again */
			continue;
		}
		number = sqlite3_column_int64(
		    lt->statements[LITE_CLAIM_PROBE], 0);
		lite_sql_done(lt->statements[LITE_CLAIM_PROBE]);
		if ((rc = take(lt, number, now_ms, claim, &bound)) == -1)
			return -1;
		if (rc == 1) {
			*count = 1;
			return 0;
		}
		(*held)++;
	}
}
