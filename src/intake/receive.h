/*
 * receive: the way of one webhook: route, token, lead rules, outbox, answer.
 */
#ifndef LEADRELAY_INTAKE_RECEIVE_H
#define LEADRELAY_INTAKE_RECEIVE_H

#include "intake/request.h"

struct config;
struct outbox;
struct counters;

/* What the pipeline works with.  Lives as long as any request. */
struct receiver {
	const struct config *config;
	struct outbox *outbox;		/* NULL: cannot be opened, every webhook is a 503 */
	struct counters *counters;
};

/*
 * Take ${rq} through the stages.  Never blocks on the disk when the outbox has
 * a committing thread; rq->respond is called from there, or before this returns.
 */
void receive_start(struct receiver *rx, struct request *rq);

#endif
