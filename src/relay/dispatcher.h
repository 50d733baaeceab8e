/*
 * dispatcher: a destination at work: takes its deliveries, sends them, settles them.
 *
 * Moments given to a dispatcher are steady ones (clock.h): no wall clock that is set
 * lengthens what it waits for.
 *
 * Dispatchers share the relay's thread, libcurl handle and outbox, nothing else: one
 * that is stuck does not slow another.  How many are under way at once, whether
 * any are, and what becomes of each is destination.h's to say; a dispatcher carries it
 * out.  What it is made of is for attempt.c, too.  Every function belongs to the relay's
 * thread, but for dispatcher_new, and dispatcher_load, which runs where transactions do.
 */
#ifndef LEADRELAY_RELAY_DISPATCHER_H
#define LEADRELAY_RELAY_DISPATCHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "outbox/mailbox.h"
#include "relay/claims.h"
#include "relay/destination.h"
#include "relay/limit.h"
#include "relay/rotation.h"
#include "relay/settlements.h"

struct attempt;
struct buf;
struct config;
struct engine;
struct profile;
struct store;

/* After a recovery: what waits for later is made due. */
struct due_job {
	struct mailbox_job job;
	struct dispatcher *dispatcher;
	int64_t now_ms;
	size_t count;
	bool busy;
};

/* Reads the destination's state in the midst of other work. */
struct load_job {
	struct mailbox_job job;
	struct dispatcher *dispatcher;
	bool busy;
};

struct dispatcher {
	struct engine *engine;
	struct profile *profile;		/* and, behind it, former ones in use */
	const struct config_destination *config;	/* profile's */
	struct destination destination;
	struct limit limit;
	struct rotation rotation;
	struct claims claims;
	struct settlements settlements;
	struct due_job due;
	struct load_job load;
	int64_t load_ms;		/* not before this moment */

	/* With programs before or after, under way, or waiting for others_job. */
	struct attempt *sending;
	int64_t in_flight;		/* have a place: not yet answered */
	int64_t preparing;		/* of these: not yet sent */
	int64_t left;			/* sent with a former profile: have no place */
	size_t asking;			/* others_jobs under way */
	bool probing;			/* a probe is under way */

	/* How far to take ahead: what is finished while a claim is on its way. */
	bool claiming;
	int64_t finished;		/* since the claim went off */
	int64_t ahead;

	bool begun;			/* the destination's state is loaded */
	bool stopping;			/* begin nothing more */
};

/*
 * For the ${index}th destination of ${config}, of which a share is taken; ${number}
 * is the store's for it.  ${engine} is borrowed.  NULL: a phrase in ${why}.  Any
 * thread.
 */
struct dispatcher *dispatcher_new(struct engine *engine, struct config *config, size_t index,
    int64_t number, struct buf *why);

/* None of its jobs may be under way.  NULL is fine. */
void dispatcher_free(struct dispatcher *d);

/*
 * Go over to the settings of ${fresh}, a dispatcher for the same destination that has
 * begun nothing and is still to be freed.  Where they are the same and their files
 * too, nothing changes.  Otherwise what was sent is finished under the former
 * ones, and nothing but its own lead's next event waits for it.
 */
void dispatcher_succeed(struct dispatcher *d, struct dispatcher *fresh);

/* The store's number for its destination. */
int64_t dispatcher_number(const struct dispatcher *d);

/*
 * Before it does anything a dispatcher has to know its destination's state.  Read it
 * now, in a transaction (-1: store->fault); or have it read, which is tried
 * again later when it fails.
 */
int dispatcher_load(struct dispatcher *d, struct store *store);
void dispatcher_begin(struct dispatcher *d, int64_t now_ms);
bool dispatcher_begun(const struct dispatcher *d);

/* After steps with ${stopping}: is nothing under way or left to write, and may it be freed? */
bool dispatcher_finished(const struct dispatcher *d);

/* There may be new work. */
void dispatcher_look(struct dispatcher *d);

/* What waits for later is to be made due. */
void dispatcher_make_due(struct dispatcher *d);

/*
 * Do what there is to do.  ${stopping}: begin nothing more, give back what was
 * taken and not begun.  Returns the moment to be called again, should nothing
 * else happen before.
 */
int64_t dispatcher_step(struct dispatcher *d, int64_t now_ms, bool stopping);

/* Would new work be begun at once?  If not, it need not wake the relay. */
bool dispatcher_has_room(const struct dispatcher *d, int64_t now_ms);

/* Break off what is under way; it stays "sending". */
void dispatcher_cancel(struct dispatcher *d);

/* Is anything with its programs, on the network, or being fetched (an access token)? */
bool dispatcher_sending(const struct dispatcher *d);

/* Does it hold what is not yet on disk, or not yet known: outcomes, a refresh token? */
bool dispatcher_unsettled(const struct dispatcher *d);

/* Could more be sent now, for all that is known? */
bool dispatcher_due(const struct dispatcher *d, int64_t now_ms);

/* Due now, but not before what came earlier. */
int64_t dispatcher_due_in_order(const struct delivery_claim *claim);

#endif
