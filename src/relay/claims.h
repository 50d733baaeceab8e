/*
 * claims: takes deliveries from the outbox, a little ahead of their sending.
 *
 * One claim is under way at a time; what it brings waits in a ring.  A claim writes
 * nothing: whatever is not begun can be let go of, and is due as before.  The relay's
 * thread only.
 */
#ifndef LEADRELAY_RELAY_CLAIMS_H
#define LEADRELAY_RELAY_CLAIMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "outbox/event.h"
#include "outbox/mailbox.h"

#define CLAIMS_BATCH 128			/* taken by one job */
#define CLAIMS_READY_MAX 512		/* waiting in the ring */

struct claims {
	struct mailbox *box;
	int64_t destination;		/* the store's number */
	const char *name;		/* and its name, for the log */
	bool busy;			/* a claim is with the outbox */
	bool failing;
	int64_t look_ms;		/* when there may be more (steady); INT64_MAX: when the job is back */

	struct delivery_claim ready[CLAIMS_READY_MAX];
	size_t ready_first, ready_count;
	struct delivery_claim probe;	/* what a probe's claim brought */
	bool probe_ready;

	/* the job */
	struct mailbox_job job;
	struct delivery_claim batch[CLAIMS_BATCH];
	size_t max, count;
	bool probing;
	int64_t cursor;
	int64_t now_ms, next_due_ms;	/* as the store has it: wall clock */
};

void claims_init(struct claims *c, struct mailbox *box, int64_t destination,
    const char *name);
void claims_destroy(struct claims *c);

/* Ask for up to ${max} that are due; or for one to probe with, after ${cursor}. */
void claims_take(struct claims *c, size_t max);
void claims_take_probe(struct claims *c, int64_t cursor);

/* The next in the ring, to be freed by the caller; false: it is empty. */
bool claims_next(struct claims *c, struct delivery_claim *claim);

/* There may be new work. */
void claims_look(struct claims *c);

/* Not begun after all: it is due as before.  What ${claim} holds is freed. */
void claims_let_go(struct claims *c, struct delivery_claim *claim);

#endif
