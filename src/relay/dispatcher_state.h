/*
 * dispatcher_state: what a dispatcher is made of.  For dispatcher.c, which takes deliveries, and
 * dispatcher_send.c, which sends and settles them.
 */
#ifndef LEADRELAY_RELAY_DISPATCHER_STATE_H
#define LEADRELAY_RELAY_DISPATCHER_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "outbox/mailbox.h"
#include "relay/claims.h"
#include "relay/destination.h"
#include "relay/dispatcher.h"
#include "relay/limit.h"
#include "relay/rotation.h"
#include "relay/settlements.h"

struct attempt;
struct profile;

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

/* Due now, but not before what came earlier. */
int64_t dispatcher_due_in_order(const struct delivery_claim *claim);

#endif
