/*
 * waiting: requests that came while the outbox is being opened, which takes long
 * where one of an older version is brought up to date.
 *
 * They stand here as jobs, and hold no thread.  What is not handed over in time, or
 * not at all, is done with a fault.  All of it on any thread.
 */
#ifndef LEADRELAY_START_WAITING_H
#define LEADRELAY_START_WAITING_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct outbox;
struct outbox_job;
struct store_fault;

#define WAITING_MS 50000		/* a front server gives up after 60 s */

/* Nobody may wait; one may; nobody, never again. */
enum waiting_state { WAITING_CLOSED, WAITING_OPEN, WAITING_OVER };

struct waiting {
	pthread_mutex_t lock;
	enum waiting_state state;
	struct outbox_job *head;	/* who came first */
	struct outbox_job **tail;
};

void waiting_init(struct waiting *w);

/* Somebody begins to open the outbox: until waiting_end one may wait for it. */
void waiting_begin(struct waiting *w);

/* False: nobody opens it just now; ${job} is the caller's still. */
bool waiting_add(struct waiting *w, struct outbox_job *job);

/* It is open, and all go there in their order; NULL: it could not be, for ${fault}. */
void waiting_end(struct waiting *w, struct outbox *outbox,
    const struct store_fault *fault);

/* Whoever has waited for WAITING_MS at ${now_ms} (monotonic) does so no longer. */
void waiting_expire(struct waiting *w, int64_t now_ms);

/* The end is near: nobody waits any more. */
void waiting_stop(struct waiting *w);

#endif
