/*
 * The lock guards the list of what is done; all else is the owner's thread's.
 */
#include "outbox/mailbox.h"

void
mailbox_init(struct mailbox *box, struct outbox *outbox,
    void (*notify)(void *arg), void *arg)
{
	box->outbox = outbox;
	(void)pthread_mutex_init(&box->lock, NULL);
	box->first = NULL;
	box->last = &box->first;
	box->under_way = 0;
	box->notify = notify;
	box->arg = arg;
}

void
mailbox_destroy(struct mailbox *box)
{
	(void)pthread_mutex_destroy(&box->lock);
}

static int
job_run(struct store *store, struct outbox_job *base)
{
	struct mailbox_job *job = (struct mailbox_job *)base;

	return job->run(store, job);
}

/* On the committing thread.  After the unlock the job may already be gone. */
static void
job_done(struct outbox_job *base, const struct store_fault *fault)
{
	struct mailbox_job *job = (struct mailbox_job *)base;
	struct mailbox *box = job->box;

	job->failed = fault != NULL;
	if (fault != NULL)
		job->fault = *fault;
	job->next = NULL;
	(void)pthread_mutex_lock(&box->lock);
	*box->last = job;
	box->last = &job->next;
	/* Inside the lock, so that the box cannot be taken down meanwhile. */
	box->notify(box->arg);
	(void)pthread_mutex_unlock(&box->lock);
}

void
mailbox_submit(struct mailbox *box, struct mailbox_job *job)
{
	job->base.run = job_run;
	job->base.done = job_done;
	job->box = box;
	box->under_way++;
	outbox_submit(box->outbox, &job->base);
}

size_t
mailbox_collect(struct mailbox *box)
{
	struct mailbox_job *job, *next;
	size_t n = 0;

	(void)pthread_mutex_lock(&box->lock);
	job = box->first;
	box->first = NULL;
	box->last = &box->first;
	(void)pthread_mutex_unlock(&box->lock);

	for (; job != NULL; job = next) {
		next = job->next;
		box->under_way--;
		box->fenced |= job->failed && job->fault.kind == STORE_FAULT_FENCED;
		job->finish(job, job->failed ? &job->fault : NULL);
		n++;
	}
	return n;
}

bool
mailbox_has_mail(struct mailbox *box)
{
	bool has;

	(void)pthread_mutex_lock(&box->lock);
	has = box->first != NULL;
	(void)pthread_mutex_unlock(&box->lock);
	return has;
}
