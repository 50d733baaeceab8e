/*
 * What was taken waits in a ring until there is room to send it; a probe has a place of
 * its own.  One claim is under way at a time.  Everything taken is let go of exactly once:
 * by attempt.c when its outcome is on disk, or here.
 */
#include "relay/claims.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"

/*
 * New work makes itself known; should that ever fail, for another process's
 * leads say, it is found within this time.
 */
#define LOOK_MS 1000

/* What is due but was not given must not be asked for without a pause. */
#define LOOK_MIN_MS 10

void
claims_init(struct claims *c, struct mailbox *box, int64_t destination,
    const char *name)
{
	memset(c, 0, sizeof(*c));
	c->box = box;
	c->destination = destination;
	c->name = name;
}

void
claims_let_go(struct claims *c, struct delivery_claim *claim)
{
	outbox_let_go(c->box->outbox, &claim->ticket);
	delivery_claim_free(claim);
}

static void
drop_batch(struct claims *c)
{
	while (c->count != 0)
		claims_let_go(c, &c->batch[--c->count]);
}

void
claims_destroy(struct claims *c)
{
	struct delivery_claim claim;

	while (claims_next(c, &claim))
		claims_let_go(c, &claim);
	if (c->probe_ready)
		claims_let_go(c, &c->probe);
	drop_batch(c);
}

static int
claim_run(struct store *store, struct mailbox_job *job)
{
	struct claims *c = (struct claims *)((char *)job - offsetof(struct claims, job));
	size_t count = 0;
	int rc;

	drop_batch(c);			/* of a first run that was rolled back */
	c->next_due_ms = 0;
	rc = c->probing ?
	    store_probe(store, c->destination, c->cursor, c->batch, &count) :
	    store_claim(store, c->destination, c->now_ms, c->max, c->batch, &count);
	if (rc == -1)
		return -1;
	c->count = count;
	if (!c->probing && count < c->max)
		return store_next_due(store, c->destination, &c->next_due_ms);
	return 0;
}

static void
keep_batch(struct claims *c)
{
	size_t i;

	if (c->probing && c->count != 0) {
		c->probe = c->batch[0];
		c->probe_ready = true;
	} else {
		for (i = 0; i < c->count; i++)
			c->ready[(c->ready_first + c->ready_count++) %
			    CLAIMS_READY_MAX] = c->batch[i];
	}
}

static void
claim_finish(struct mailbox_job *job, const struct store_fault *fault)
{
	struct claims *c = (struct claims *)((char *)job - offsetof(struct claims, job));
	int64_t now = clock_steady_ms(), look = now + LOOK_MS;
	int64_t due = clock_steady_of(c->next_due_ms);

	c->busy = false;
	if (fault != NULL) {
		drop_batch(c);
		if (!c->failing)
			log_err("destination %s: cannot take from the outbox, "
			    "trying again every second: %s", c->name, fault->text);
		c->failing = true;
		c->look_ms = look;
		return;
	}
	c->failing = false;
	if (!c->probing && c->count == c->max)
		look = 0;
	else if (due != 0 && due < look)
		look = due > now + LOOK_MIN_MS ? due : now + LOOK_MIN_MS;
	if (look < c->look_ms)
		c->look_ms = look;
	keep_batch(c);
	c->count = 0;
}

static void
submit(struct claims *c)
{
	c->now_ms = clock_wall_ms();
	c->busy = true;
	c->look_ms = INT64_MAX;
	c->job.run = claim_run;
	c->job.finish = claim_finish;
	mailbox_submit(c->box, &c->job);
}

void
claims_take(struct claims *c, size_t max)
{
	size_t room = CLAIMS_READY_MAX - c->ready_count;

	c->max = max < CLAIMS_BATCH ? max : CLAIMS_BATCH;
	if (c->max > room)
		c->max = room;
	c->probing = false;
	submit(c);
}

void
claims_take_probe(struct claims *c, int64_t cursor)
{
	c->probing = true;
	c->cursor = cursor;
	submit(c);
}

bool
claims_next(struct claims *c, struct delivery_claim *claim)
{
	if (c->ready_count == 0)
		return false;
	*claim = c->ready[c->ready_first];
	c->ready_first = (c->ready_first + 1) % CLAIMS_READY_MAX;
	c->ready_count--;
	return true;
}

void
claims_look(struct claims *c)
{
	c->look_ms = 0;
}
