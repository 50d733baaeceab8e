/*
 * event: the words of the outbox: events, deliveries, attempts, destinations.
 *
 * An event is one accepted (or held) webhook.  It has one delivery per
 * destination, made when it is accepted or released.  Times are milliseconds
 * since 1970 UTC; 0 is "never".
 */
#ifndef LEADRELAY_OUTBOX_EVENT_H
#define LEADRELAY_OUTBOX_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/uuid7.h"

/* States of a delivery.  Their names, as stored and shown: delivery_state_name. */
enum delivery_state {
	DELIVERY_WAITING,
	DELIVERY_SENDING,
	DELIVERY_DELIVERED,
	DELIVERY_DEAD,
	DELIVERY_HELD,
	DELIVERY_DISCARDED,
	DELIVERY_SKIPPED,
	DELIVERY_STATES
};
const char *delivery_state_name(enum delivery_state state);
/* -1: no such name. */
int delivery_state_parse(const char *name);

/* Why an event is held instead of accepted.  The first answer follows from it. */
enum event_hold {
	EVENT_HOLD_NONE,		/* accepted */
	EVENT_HOLD_RULES,		/* breaks rules: 422 */
	EVENT_HOLD_UNREADABLE,		/* no strict JSON object: 400 */
	EVENT_HOLD_STALE		/* exp, nbf or max_age: 401 */
};
const char *event_hold_name(enum event_hold hold);
int event_hold_parse(const char *name);

/* What a webhook puts in.  All pointers are borrowed for the call. */
struct event_in {
	const char *source;
	const char *lead;		/* key within the source */
	const char *name;		/* "lead.created" or ""; part of the duplicate rule */
	enum event_hold hold;
	const char *violations;		/* JSON array text, or NULL */
	const char *payload;
	size_t payload_len;
	uint8_t data_digest[DIGEST_SIZE];
	const uint8_t *token_digest;	/* of the signed bytes, when the token has iat or jti; else NULL */
	int64_t received_ms;
	int64_t duplicate_window_ms;
	int64_t max_held;		/* events of the source that may be held, this one included */
};

enum event_fate {
	EVENT_STORED,			/* new: accepted or held as asked */
	EVENT_DUPLICATE,		/* known; nothing new */
	EVENT_FULL			/* a limit is reached: nothing stored */
};

/* What became of it.  ${violations} is the caller's to free. */
struct event_out {
	enum event_fate fate;
	char id[UUID7_SIZE];		/* of the new event, or the first one */
	enum event_hold hold;		/* of the event ${id} as it was first answered */
	char *violations;		/* of a held duplicate, else NULL */
	int64_t sequence;
	const char *limit;		/* EVENT_FULL: "max_waiting", "max_held" or "min_free" */
	bool revived;			/* a duplicate whose dead deliveries became due */
	int deliveries;			/* made for a new event */
};

/*
 * Which claim of which delivery this is.  The store fills it when the relay takes
 * the delivery; whatever becomes of that is said with the same ticket, and counts
 * only while it is the newest: the epoch is the relay's, the claim the
 * delivery's number of this taking.
 */
struct delivery_ticket {
	int64_t delivery;		/* the store's number for it */
	int64_t epoch;			/* of the relay */
	int64_t claim;			/* rises with everything that is written of the delivery */
	int slot;			/* the store's own */
};

/* A delivery taken for sending.  Freed with delivery_claim_free. */
struct delivery_claim {
	struct delivery_ticket ticket;
	int64_t destination;
	int64_t event_seq;		/* order of commit in the whole outbox */
	char id[UUID7_SIZE];
	char *source;
	char *lead;
	char *name;
	int64_t sequence;		/* rises per lead */
	int64_t received_ms;
	int64_t first_attempt_ms;	/* of this delivery; 0: this is the first */
	int64_t first_failure_ms;	/* when its present run of failures began; 0: none */
	int attempts;			/* made and counted, this one included */
	int key_number;			/* N of the idempotency key that was used last */
	int64_t body;			/* digest of the body sent last; 0: none was */
	bool retried;			/* since then a person said: again */
	bool unknown;			/* an earlier attempt's outcome is unknown */
	bool doubt;			/* it may have been begun by a relay that left no trace */
	int64_t begun;			/* times begun in a row without any outcome */
	char *payload;
	size_t payload_len;
};
void delivery_claim_free(struct delivery_claim *claim);	/* contents only */

#define ATTEMPT_ANSWER_MAX 2048

/* What an attempt came to, and what becomes of its delivery.  Strings are borrowed. */
struct delivery_outcome {
	struct delivery_ticket ticket;
	enum delivery_state state;	/* WAITING, DELIVERED, DEAD, HELD or SKIPPED */
	int64_t due_ms;			/* WAITING: when again */
	bool free_of_charge;		/* a probe, or Retry-After: the attempt does not count */
	bool unknown;			/* may have arrived: no answer after sending began */
	bool attempted;			/* false: nothing was sent (skipped, held); no attempt row */
	int64_t started_ms;
	int64_t took_ms;		/* -1: not known */
	int status;			/* HTTP status; 0: no answer */
	const char *error;		/* a phrase, or NULL */
	const char *answer;		/* the first ATTEMPT_ANSWER_MAX bytes, scrubbed, or NULL */
	size_t answer_len;
	int64_t body;			/* digest of the body that was sent; 0: leave what is noted */
	int key_number;			/* N of the key it was sent with; with body */
	const char *record;		/* the CRM's own id, or NULL */
	const char *reason;		/* DEAD, HELD: why, for a person; else NULL */
};

#define DESTINATION_REFUSED_KEPT 2

/*
 * A destination's state, kept over restarts and from one run of cron's to the
 * next.  Written by the relay alone.
 */
struct destination_state {
	int64_t number;			/* the store's number for it */
	int64_t paused_ms;		/* since when; 0: open */
	char *pause_reason;		/* owned by the holder of the struct, or NULL */
	int64_t probes;			/* made in this pause */
	int64_t next_probe_ms;
	int64_t probe_cursor;		/* event_seq of the last one probed */
	int64_t not_before_ms;		/* Retry-After for the whole destination */
	int64_t recovered_ms;		/* end of the last pause or run of failures */
	int64_t last_success_ms;
	int64_t refused_leads;		/* different leads refused in a row */
	int64_t refused[DESTINATION_REFUSED_KEPT];	/* the first of them; 0: unknown */

	/* the run of failures: what failed since the last success */
	int64_t failures;
	int64_t failed_lead;		/* the first one's; 0: there is no run */
	int64_t failed_several;		/* 1: and some other lead's */
	int64_t failed_fresh;		/* 1: some lead's that had not failed before it */

	int64_t make_due;		/* 1: what waits for later is to be made due */
	int64_t window;			/* may be under way at once; 0: max_concurrent */
	int64_t last_request_us;	/* max_rate: the moment of the last request */
};

#endif
