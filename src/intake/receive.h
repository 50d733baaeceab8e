/*
 * receive: the way of one webhook: route, token, lead rules, outbox, answer.
 */
#ifndef LEADRELAY_INTAKE_RECEIVE_H
#define LEADRELAY_INTAKE_RECEIVE_H

#include "intake/request.h"
#include "intake/snapshot.h"

struct outbox;
struct outbox_job;
struct counters;

/* What the pipeline works with.  Lives as long as any request. */
struct receiver {
	struct snapshot_holder snapshot;	/* snapshot_set before the first request, snapshot_end */
	struct counters *counters;
	struct outbox *(*outbox)(void *owner);	/* NULL result: it is not open */
	/* ${job} may wait until it is: then it is submitted, or done with a fault.  False, or NULL: a 503. */
	bool (*wait)(void *owner, struct outbox_job *job);
	void (*stored)(void *owner);	/* there is something new to deliver; or NULL */
	/* Append what is known of the destinations, as reachability_tell does; or NULL. */
	void (*reach)(void *owner, struct config *config, bool try,
	    struct buf *out);
	void *owner;			/* given to all of them, on any thread */
};

/*
 * Take ${rq} through the stages.  Never blocks on the disk when the outbox has
 * a committing thread; rq->respond is called from there, or before this returns.
 * The outbox is asked for only when there is something to store.
 */
void receive_start(struct receiver *rx, struct request *rq);

#endif
