/*
 * snapshot: the configuration that requests are served under, and what was found
 * out about it; replaced by a reload while requests are in flight.
 *
 * Each request takes the snapshot in force when it begins and keeps to it to its
 * end; the last one gives a former snapshot, and its secrets, back.
 */
#ifndef LEADRELAY_INTAKE_SNAPSHOT_H
#define LEADRELAY_INTAKE_SNAPSHOT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

#include "intake/served.h"

struct config;

struct snapshot {
	struct config *config;		/* NULL: cannot be loaded, every webhook is a 503 */
	struct served served;
	atomic_uint users;
};

/* Where the one in force is kept.  All zero is a good one without any. */
struct snapshot_holder {
	pthread_mutex_t lock;
	struct snapshot *now;
	atomic_size_t body_keep;	/* request_body_keep of their configuration */
};

/*
 * Put ${config}, of which a share is taken, in force from the next request on.
 * -1: out of memory, and nothing has changed.
 */
int snapshot_set(struct snapshot_holder *holder, struct config *config);

/* The one in force; NULL when there is none.  Any thread. */
struct snapshot *snapshot_take(struct snapshot_holder *holder);
void snapshot_release(struct snapshot *snapshot);	/* NULL is fine */

/* None any more.  Those still taken stay until they are released. */
void snapshot_end(struct snapshot_holder *holder);

#endif
