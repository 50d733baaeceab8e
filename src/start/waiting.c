#include "start/waiting.h"

#include <stddef.h>

#include "base/clock.h"
#include "outbox/outbox.h"

void
waiting_init(struct waiting *w)
{
	(void)pthread_mutex_init(&w->lock, NULL);
	w->tail = &w->head;
}

void
waiting_begin(struct waiting *w)
{
	(void)pthread_mutex_lock(&w->lock);
	w->open = !w->over;
	(void)pthread_mutex_unlock(&w->lock);
}

bool
waiting_add(struct waiting *w, struct outbox_job *job)
{
	bool open;

	job->next = NULL;
	job->since_mono_ms = clock_mono_ms();
	(void)pthread_mutex_lock(&w->lock);
	if ((open = w->open)) {
		*w->tail = job;
		w->tail = &job->next;
	}
	(void)pthread_mutex_unlock(&w->lock);
	return open;
}

/* Take those that came up to ${since_ms}; the lock is held. */
static struct outbox_job *
take(struct waiting *w, int64_t since_ms)
{
	struct outbox_job *jobs = w->head, **end = &jobs;

	while (*end != NULL && (*end)->since_mono_ms <= since_ms)
		end = &(*end)->next;
	w->head = *end;
	if (w->head == NULL)
		w->tail = &w->head;
	*end = NULL;
	return jobs;
}

/* Hand them to ${outbox}, or be done with them for ${fault}. */
static void
hand_over(struct outbox_job *jobs, struct outbox *outbox,
    const struct store_fault *fault)
{
	struct outbox_job *job, *next;

	for (job = jobs; job != NULL; job = next) {
		next = job->next;
		if (outbox != NULL)
			outbox_submit(outbox, job);
		else
			job->done(job, fault);
	}
}

void
waiting_end(struct waiting *w, struct outbox *outbox,
    const struct store_fault *fault)
{
	struct outbox_job *jobs;

	(void)pthread_mutex_lock(&w->lock);
	w->open = false;
	jobs = take(w, INT64_MAX);
	(void)pthread_mutex_unlock(&w->lock);
	hand_over(jobs, outbox, fault);
}

void
waiting_expire(struct waiting *w, int64_t now_ms)
{
	static const struct store_fault fault = { STORE_FAULT_BUSY,
	    "the outbox is still being opened" };
	struct outbox_job *jobs;

	(void)pthread_mutex_lock(&w->lock);
	jobs = take(w, now_ms - WAITING_MS);
	(void)pthread_mutex_unlock(&w->lock);
	hand_over(jobs, NULL, &fault);
}

void
waiting_stop(struct waiting *w)
{
	static const struct store_fault fault = { STORE_FAULT_BUSY,
	    "the outbox was not open yet at the stop" };

	(void)pthread_mutex_lock(&w->lock);
	w->over = true;
	(void)pthread_mutex_unlock(&w->lock);
	waiting_end(w, NULL, &fault);
}
