/*
 * waiting: jobs are added at the tail only while the state is open, so whoever goes
 * over to another one first can then take them all.
 */
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

/* Go over to ${state}, unless it is over for good. */
static void
go_over(struct waiting *w, enum waiting_state state)
{
	(void)pthread_mutex_lock(&w->lock);
	if (w->state != WAITING_OVER)
		w->state = state;
	(void)pthread_mutex_unlock(&w->lock);
}

void
waiting_begin(struct waiting *w)
{
	go_over(w, WAITING_OPEN);
}

bool
waiting_add(struct waiting *w, struct outbox_job *job)
{
	bool open;

	job->next = NULL;
	job->since_mono_ms = clock_mono_ms();
	(void)pthread_mutex_lock(&w->lock);
	if ((open = w->state == WAITING_OPEN)) {
		*w->tail = job;
		w->tail = &job->next;
	}
	(void)pthread_mutex_unlock(&w->lock);
	return open;
}

/* Hand those that came up to ${since_ms} to ${outbox}, or be done with them for ${fault}. */
static void
hand_over(struct waiting *w, int64_t since_ms, struct outbox *outbox,
    const struct store_fault *fault)
{
	struct outbox_job *job, *next, **end = &job;

	(void)pthread_mutex_lock(&w->lock);
	job = w->head;
	while (*end != NULL && (*end)->since_mono_ms <= since_ms)
		end = &(*end)->next;
	if ((w->head = *end) == NULL)
		w->tail = &w->head;
	*end = NULL;
	(void)pthread_mutex_unlock(&w->lock);
	for (; job != NULL; job = next) {
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
	go_over(w, WAITING_CLOSED);
	hand_over(w, INT64_MAX, outbox, fault);
}

void
waiting_expire(struct waiting *w, int64_t now_ms)
{
	static const struct store_fault fault = { STORE_FAULT_BUSY,
	    "the outbox is still being opened" };

	hand_over(w, now_ms - WAITING_MS, NULL, &fault);
}

void
waiting_stop(struct waiting *w)
{
	static const struct store_fault fault = { STORE_FAULT_BUSY,
	    "the outbox was not open yet at the stop" };

	go_over(w, WAITING_OVER);
	hand_over(w, INT64_MAX, NULL, &fault);
}
