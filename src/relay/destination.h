/*
 * destination: what one attempt's end means for the lead and its destination.
 *
 * A state machine without clock, store or network: attempts go in, verdicts
 * come out.  A destination is open or paused.
 *
 *   open     Leads go out, up to ${window} at once.  Refusals are the lead's
 *            own and end it; passing trouble makes it wait.  The destination
 *            pauses when it is at fault itself, when five attempts in a row
 *            failed with at least two leads, or when it refused three different
 *            leads in a row.
 *   paused   Only probes go out, one at a time.  A probe's failure costs its
 *            lead nothing; the first success, of whichever attempt, opens the
 *            destination again with a window of one.
 *
 * What was under way when a pause began waits like the rest, even if it comes
 * back when the pause is over: its failure costs its lead nothing either, is no
 * refusal, and counts in no run.  Its success is one.  The same holds for what
 * went out under settings that have changed since.
 *
 * A run of failures is what failed since the last success.  The success that
 * ends it shows that waiting leads need wait no longer; yet a lead that goes on
 * failing between the successes of others must not be sent again at each of
 * them, so a run counts for that only when it holds a lead which had not failed
 * before the previous success ("fresh").
 */
#ifndef LEADRELAY_RELAY_DESTINATION_H
#define LEADRELAY_RELAY_DESTINATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "outbox/event.h"
#include "relay/classify.h"

struct config_destination;

#define DESTINATION_RUN_MAX 5		/* failures in a row that pause it */
/* leads refused in a row that pause it */
#define DESTINATION_REFUSED_MAX (DESTINATION_REFUSED_KEPT + 1)
#define DESTINATION_OTHERS_MIN 3	/* delivered meanwhile: the lead's own trouble */

struct destination {
	const struct config_destination *config;
	struct destination_state state;
	bool changed;			/* state is not yet what is on disk */
	unsigned era;			/* rises with each pause and each change of settings */
};

/* How an attempt ended. */
struct destination_attempt {
	uint64_t lead;			/* destination_lead of its source and lead */
	bool probe;
	unsigned era;			/* the destination's when it began */
	int attempts;			/* made for this delivery, this one included */
	int64_t received_ms;		/* when its event came */
	int64_t first_attempt_ms;
	int64_t first_failure_ms;	/* of its present run; 0: this would be the first */
	int64_t sure_ms;		/* what giving up may go by: now, or earlier (trust.h) */
	enum classify_class class;
	int status;			/* 0: no answer */
	const char *error;		/* a phrase when status is 0 */
	int64_t retry_after_ms;		/* 0: not asked for */
	int others;			/* leads delivered since first_failure_ms, when needed */
};

enum destination_turn {
	DESTINATION_SAME,
	DESTINATION_PAUSED,
	DESTINATION_RECOVERED
};

/* What becomes of the delivery, and of the destination. */
struct destination_verdict {
	enum delivery_state state;	/* WAITING, DELIVERED, DEAD or HELD */
	int64_t due_ms;			/* WAITING */
	bool free_of_charge;		/* the attempt does not count */
	char reason[160];		/* DEAD, HELD: why; else "" */
	enum destination_turn turn;
	int64_t paused_for_ms;		/* RECOVERED: how long it was paused */
};

/* ${config} is borrowed.  Open, with a full window, until state is loaded. */
void destination_init(struct destination *d,
    const struct config_destination *config, int64_t number);
void destination_free(struct destination *d);

/* From now on ${config} holds; what is under way went out under the former one. */
void destination_refit(struct destination *d,
    const struct config_destination *config);

/* d->state was just filled from the store. */
void destination_loaded(struct destination *d);

/* A number for a lead, to tell one from another. */
uint64_t destination_lead(const char *source, const char *lead);

/* May leads be sent now?  May a probe? */
bool destination_open(const struct destination *d, int64_t now_ms);
bool destination_probe_due(const struct destination *d, int64_t now_ms);

/* When one of the two changes by time alone; INT64_MAX: it does not. */
int64_t destination_wake_ms(const struct destination *d, int64_t now_ms);

/* A probe goes out with the event of this number. */
void destination_probed(struct destination *d, int64_t event_seq);

/*
 * Does the verdict depend on how many other leads were delivered since the
 * lead's first failure?  Then ask the store for up to DESTINATION_OTHERS_MIN.
 */
bool destination_asks_others(const struct destination *d,
    const struct destination_attempt *a);

/* Judge an attempt that ended at ${now_ms}; ${random}: any 32 random bits. */
void destination_judge(struct destination *d,
    const struct destination_attempt *a, int64_t now_ms, uint32_t random,
    struct destination_verdict *v);

/*
 * At ${now_ms} something failed that every lead needs (${reason}), before one was
 * sent.  Of ${v} only the turn is told; one that is paused is so again when the
 * reason is another one.
 */
void destination_blame(struct destination *d, const char *reason,
    int64_t now_ms, struct destination_verdict *v);

#endif
