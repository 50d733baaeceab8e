/*
 * lane_state: what a lane is made of.  For lane.c, which takes deliveries, and
 * lane_send.c, which sends and settles them.
 */
#ifndef LEADRELAY_RELAY_LANE_STATE_H
#define LEADRELAY_RELAY_LANE_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay/claims.h"
#include "relay/destination.h"
#include "relay/lane.h"
#include "relay/limit.h"
#include "relay/mailbox.h"
#include "relay/rotation.h"
#include "relay/settler.h"

struct outfit;

/* After a recovery: what waits for later is made due. */
struct due_job {
	struct mailbox_job job;
	struct lane *lane;
	int64_t now_ms;
	size_t count;
	bool busy;
};

/* Reads the destination's state in the midst of other work. */
struct load_job {
	struct mailbox_job job;
	struct lane *lane;
	bool busy;
};

struct lane {
	struct engine *engine;
	struct outfit *outfit;		/* and, behind it, former ones in use */
	const struct config_destination *config;	/* outfit's */
	struct destination destination;
	struct limit limit;
	struct rotation rotation;
	struct claims claims;
	struct settler settler;
	struct due_job due;
	struct load_job load;
	int64_t load_ms;		/* not before this moment */

	/* With programs before or after, under way, or waiting for others_job. */
	struct transfer *sending;
	int64_t in_flight;		/* have a place: not yet answered */
	int64_t preparing;		/* of these: not yet sent */
	int64_t left;			/* sent with a former outfit: have no place */
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
int64_t lane_due_in_order(const struct delivery_claim *claim);

#endif
