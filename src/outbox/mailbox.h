/*
 * mailbox: the relay's jobs for the outbox, and their way back.
 *
 * A job runs on the outbox's committing thread, together with whatever else is
 * committed just then; when it is on disk, or has failed, it comes back through
 * the mailbox and is finished on the relay's thread.  So everything but ${run}
 * belongs to one thread and needs no lock.
 */
#ifndef LEADRELAY_OUTBOX_MAILBOX_H
#define LEADRELAY_OUTBOX_MAILBOX_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "outbox/outbox.h"

struct mailbox;

struct mailbox_job {
	struct outbox_job base;		/* first: the outbox knows it by this */
	struct mailbox *box;
	struct mailbox_job *next;
	bool failed;
	struct store_fault fault;

	/* In a transaction, perhaps twice (outbox.h).  -1: store->fault says why. */
	int (*run)(struct store *store, struct mailbox_job *job);
	/* On the relay's thread.  ${fault} is NULL when it is on disk. */
	void (*finish)(struct mailbox_job *job, const struct store_fault *fault);
};

struct mailbox {
	struct outbox *outbox;
	pthread_mutex_t lock;
	struct mailbox_job *first, **last;	/* done, not yet finished */
	size_t under_way;			/* submitted, not yet finished */
	bool fenced;				/* a job was told that another relay has taken over */
	void (*notify)(void *arg);		/* one came back; any thread */
	void *arg;
};

void mailbox_init(struct mailbox *box, struct outbox *outbox,
    void (*notify)(void *arg), void *arg);
void mailbox_destroy(struct mailbox *box);

/* Hand ${job} (run and finish set) to the outbox.  It is the caller's again in finish. */
void mailbox_submit(struct mailbox *box, struct mailbox_job *job);

/* Finish what came back; returns how many.  The relay's thread. */
size_t mailbox_collect(struct mailbox *box);

/* Is there something to collect? */
bool mailbox_has_mail(struct mailbox *box);

#endif
