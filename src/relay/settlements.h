/*
 * settlements: writes down what became of deliveries.
 *
 * Outcomes are collected and settled in batches, one batch at a time, in the
 * order they came; a batch that cannot be written is tried again until it is on
 * disk.  The destination's state goes with it.  The relay's thread only.
 */
#ifndef LEADRELAY_RELAY_SETTLEMENTS_H
#define LEADRELAY_RELAY_SETTLEMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "outbox/event.h"
#include "outbox/mailbox.h"

#define SETTLEMENTS_BATCH 256

struct settlement;

struct settlements {
	struct mailbox *box;
	const char *destination;	/* its name, for the log */
	struct settlement *first, **last;	/* collected */
	size_t count;			/* collected, and in the batch */
	bool busy;			/* the batch is with the outbox */
	bool failing;			/* the last try failed */
	bool due;			/* what was settled may be due again: for the owner, to be cleared */
	int64_t again_ms;		/* not before this moment (steady) */
	int64_t patient_ms;		/* and not later, hurry or no hurry; 0: nothing waits */

	/* the batch */
	struct mailbox_job job;
	struct settlement *batch;
	struct delivery_outcome outcomes[SETTLEMENTS_BATCH];
	size_t batch_count;
	struct destination_state state;	/* a copy of its own */
	bool save;			/* state is to be written */
	int64_t now_ms;			/* as the store has it: wall clock */
};

void settlements_init(struct settlements *s, struct mailbox *box, const char *destination);

/* Nothing may be under way.  What was not written is dropped. */
void settlements_destroy(struct settlements *s);

/*
 * Collect an outcome; what it points to is copied.  -1: out of memory (said in
 * the log); the delivery then stays "sending" until the next relay starts.
 */
int settlements_add(struct settlements *s, const struct delivery_outcome *outcome);

/*
 * Outcomes are due at a steady moment until they are handed over.
 *
 * Hand a batch to the outbox if there is something to write and none is under
 * way; without ${hurry} only what has waited for a few milliseconds.  ${state}
 * is written too when *changed, which is then cleared.  ${wall_ms}: what the wall
 * clock reads now.  Returns true when a
 * batch went off.
 */
bool settlements_step(struct settlements *s, const struct destination_state *state,
    bool *changed, bool hurry, int64_t now_ms, int64_t wall_ms);

/* When to call step again by time alone; INT64_MAX: no need. */
int64_t settlements_wake_ms(const struct settlements *s);

/* Outcomes not yet on disk. */
size_t settlements_pending(const struct settlements *s);

#endif
