/*
 * terms: the configuration that requests are served under, and what was found
 * out about it; replaced by a reload while requests are in flight.
 *
 * Each request takes the terms in force when it begins and keeps to them to its
 * end; the last one gives former terms, and their secrets, back.
 */
#ifndef LEADRELAY_INTAKE_TERMS_H
#define LEADRELAY_INTAKE_TERMS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

#include "intake/served.h"

struct config;

struct terms {
	struct config *config;		/* NULL: cannot be loaded, every webhook is a 503 */
	struct served served;
	atomic_uint users;
};

/* Where the terms in force are kept.  All zero is a good one without any. */
struct terms_holder {
	pthread_mutex_t lock;
	struct terms *now;
	atomic_size_t body_keep;	/* request_body_keep of their configuration */
};

/*
 * Put ${config}, of which a share is taken, in force from the next request on.
 * -1: out of memory, and nothing has changed.
 */
int terms_set(struct terms_holder *holder, struct config *config);

/* Those in force; NULL when there are none.  Any thread. */
struct terms *terms_take(struct terms_holder *holder);
void terms_release(struct terms *terms);	/* NULL is fine */

/* No more terms.  Those still taken stay until they are released. */
void terms_end(struct terms_holder *holder);

#endif
