/*
 * A job goes	submitted (in the queue) -> run (in a transaction, perhaps twice) ->
 *		done (on disk, or failed)
 * by the committing thread where one process serves many, else in the caller.  The
 * store belongs to whoever runs jobs: that thread, or who holds the mutex.
 */
#include "outbox/outbox.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "config/config.h"
#include "outbox/store_ops.h"

#define BUSY_MS 4000		/* how long a job may wait for other processes */
#define TIDY_MS 1000		/* between two looks at what may have to be done */
#define TIDY_SOON_MS 20		/* when there is more of it */
#define GROUP_MAX 512		/* jobs in one transaction */

static const struct store_ops *const backends[] = { &store_sqlite };

struct outbox {
	struct store *store;
	/* In the configuration's order, which has the names: only numbers are kept. */
	struct store_destination *destinations;
	bool write;			/* transactions are for writing; since opening */
	int64_t until_mono_ms;		/* one request: all waits end then; else 0 */

	/*
	 * The mutex guards the queue; without a committing thread it guards
	 * the store, so that jobs never meet there.
	 */
	pthread_mutex_t mutex;
	pthread_cond_t arrived;
	struct outbox_job *head;
	struct outbox_job **tail;
	bool threaded;			/* there is a committing thread */
	bool stopping;			/* and it is to end with the queue */
	pthread_t thread;
};

/* A job whose submitter waits for it. */
struct waited_job {
	struct outbox_job job;
	int (*fn)(struct store *store, void *arg);
	void *arg;
	struct store_fault fault;
	sem_t done;
};

const struct store_ops *
outbox_backend(const char *url, const char **location)
{
	size_t len;

	for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++) {
		len = strlen(backends[i]->scheme);
		if (strncmp(url, backends[i]->scheme, len) == 0 &&
		    url[len] == ':') {
			*location = url + len + 1;
			return backends[i];
		}
	}
	return NULL;
}

/* The fault of the operation that just failed; one that names none is ours. */
static struct store_fault
fault_of(const struct store *store)
{
	struct store_fault fault = store->fault;

	if (fault.kind == STORE_FAULT_NONE)
		store_fail(&fault, STORE_FAULT_IO, "outbox: an operation failed");
	return fault;
}

/* Begin for jobs of which the oldest came at ${since_mono_ms}. */
static int
begin(struct outbox *ob, int64_t since_mono_ms, struct store_fault *fault)
{
	memset(&ob->store->fault, 0, sizeof(ob->store->fault));
	ob->store->until_mono_ms = ob->until_mono_ms != 0 ? ob->until_mono_ms :
	    since_mono_ms + BUSY_MS;
	if (ob->store->ops->begin(ob->store, ob->write) == 0)
		return 0;
	*fault = fault_of(ob->store);
	return -1;
}

/* Call every job's done.  It may free the job, so the next comes first. */
static void
finish(struct outbox_job *job, const struct store_fault *fault)
{
	struct outbox_job *next;

	for (; job != NULL; job = next) {
		next = job->next;
		job->done(job, fault);
	}
}

/* End it: commit, or on -1 roll back what failed. */
static int
end(struct outbox *ob, int rc, struct store_fault *fault)
{
	const struct store_ops *ops = ob->store->ops;

	if (rc != -1 && ops->commit(ob->store) == 0)
		return 0;
	*fault = fault_of(ob->store);
	if (rc == -1)
		ops->rollback(ob->store);
	return -1;
}

/* What commits put off, where a store has such.  True: there is more. */
static bool
tidy(struct outbox *ob, bool idle)
{
	const struct store_ops *ops = ob->store->ops;

	return ops->tidy != NULL && ops->tidy(ob->store, idle);
}

/* How far a transaction of several jobs came. */
enum group_result { GROUP_DONE, GROUP_FAILED, GROUP_NO_STORE };

/*
 * Run the jobs in one transaction.  GROUP_FAILED: one of them failed, nothing
 * has happened.  GROUP_NO_STORE: it did not begin, or its outcome is unknown.
 */
static enum group_result
run_group(struct outbox *ob, struct outbox_job *jobs,
    struct store_fault *fault)
{
	int rc = 0;

	if (begin(ob, jobs->since_mono_ms, fault) == -1)
		return GROUP_NO_STORE;
	for (; rc != -1 && jobs != NULL; jobs = jobs->next)
		rc = jobs->run(ob->store, jobs);
	if (end(ob, rc, fault) == 0)
		return GROUP_DONE;
	return rc == -1 ? GROUP_FAILED : GROUP_NO_STORE;
}

/* Run and finish the jobs, together if that goes well, else one by one. */
static void
commit_jobs(struct outbox *ob, struct outbox_job *jobs)
{
	struct outbox_job *job, *next;
	struct store_fault fault;
	enum group_result result;

	result = run_group(ob, jobs, &fault);
	if (result != GROUP_FAILED || jobs->next == NULL) {
		finish(jobs, result == GROUP_DONE ? NULL : &fault);
		return;
	}
	for (job = jobs; job != NULL; job = next) {
		next = job->next;
		job->next = NULL;
		result = run_group(ob, job, &fault);
		finish(job, result == GROUP_DONE ? NULL : &fault);
	}
}

/*
 * Without a thread: run and finish one job in the caller.  Its done is called
 * with the mutex free, so that it may submit another.
 */
static void
commit_here(struct outbox *ob, struct outbox_job *job)
{
	struct store_fault fault;
	enum group_result result;

	pthread_mutex_lock(&ob->mutex);
	result = run_group(ob, job, &fault);
	pthread_mutex_unlock(&ob->mutex);
	finish(job, result == GROUP_DONE ? NULL : &fault);
	pthread_mutex_lock(&ob->mutex);
	if (ob->write)
		(void)tidy(ob, false);
	pthread_mutex_unlock(&ob->mutex);
}

/* Take up to GROUP_MAX jobs off the queue.  The mutex is held. */
static struct outbox_job *
take_jobs(struct outbox *ob)
{
	struct outbox_job *jobs = ob->head, *last = jobs;

	for (int i = 1; i < GROUP_MAX && last->next != NULL; i++)
		last = last->next;
	ob->head = last->next;
	if (ob->head == NULL)
		ob->tail = &ob->head;
	last->next = NULL;
	return jobs;
}

/* Wait for a job, at most ${ms}; the mutex is held. */
static void
wait_for_job(struct outbox *ob, int64_t ms)
{
	struct timespec until = clock_deadline(ms);

	while (ob->head == NULL && !ob->stopping)
		if (pthread_cond_timedwait(&ob->arrived, &ob->mutex,
		    &until) == ETIMEDOUT)
			break;
}

/* The committing thread. */
static void *
commit_until_stopped(void *arg)
{
	struct outbox *ob = arg;
	struct outbox_job *jobs;
	bool more = false;

	pthread_mutex_lock(&ob->mutex);
	while (ob->head != NULL || !ob->stopping) {
		jobs = ob->head != NULL ? take_jobs(ob) : NULL;
		pthread_mutex_unlock(&ob->mutex);
		if (jobs != NULL)
			commit_jobs(ob, jobs);
		more = tidy(ob, jobs == NULL);
		pthread_mutex_lock(&ob->mutex);
		wait_for_job(ob, more ? TIDY_SOON_MS : TIDY_MS);
	}
	pthread_mutex_unlock(&ob->mutex);
	return NULL;
}

void
outbox_submit(struct outbox *ob, struct outbox_job *job)
{
	bool wake;

	job->next = NULL;
	job->since_mono_ms = clock_mono_ms();
	if (!ob->threaded) {
		commit_here(ob, job);
		return;
	}
	pthread_mutex_lock(&ob->mutex);
	wake = ob->head == NULL;
	*ob->tail = job;
	ob->tail = &job->next;
	pthread_mutex_unlock(&ob->mutex);
	if (wake)
		pthread_cond_signal(&ob->arrived);
}

static int
waited_run(struct store *store, struct outbox_job *job)
{
	struct waited_job *w = (struct waited_job *)job;

	return w->fn(store, w->arg);
}

static void
waited_done(struct outbox_job *job, const struct store_fault *fault)
{
	struct waited_job *w = (struct waited_job *)job;

	if (fault != NULL)
		w->fault = *fault;
	sem_post(&w->done);
}

int
outbox_run(struct outbox *ob, int (*fn)(struct store *store, void *arg),
    void *arg, struct store_fault *fault)
{
	struct waited_job w = {
		.job = { .run = waited_run, .done = waited_done },
		.fn = fn,
		.arg = arg
	};

	sem_init(&w.done, 0, 0);
	outbox_submit(ob, &w.job);
	while (sem_wait(&w.done) == -1 && errno == EINTR)
		;
	sem_destroy(&w.done);
	if (w.fault.kind == STORE_FAULT_NONE)
		return 0;
	if (fault != NULL)
		*fault = w.fault;
	return -1;
}

struct store *
outbox_begin(struct outbox *ob, struct store_fault *fault)
{
	pthread_mutex_lock(&ob->mutex);
	if (begin(ob, clock_mono_ms(), fault) == 0)
		return ob->store;
	pthread_mutex_unlock(&ob->mutex);
	return NULL;
}

int
outbox_end(struct outbox *ob, int rc, struct store_fault *fault)
{
	rc = end(ob, rc, fault);
	if (ob->write)
		(void)tidy(ob, false);
	pthread_mutex_unlock(&ob->mutex);
	return rc;
}

/* The configuration's destinations on their way to the store. */
struct known {
	struct store_destination *list;
	size_t count;
	int rc;				/* configure's: 1: to be called again */
};

static struct store_destination *
destinations_of(const struct config *config)
{
	struct store_destination *list;

	list = calloc(config->destination_count + 1, sizeof(*list));
	for (size_t i = 0; list != NULL && i < config->destination_count; i++) {
		list[i].name = config->destinations[i].name;
		list[i].hold_on_dead = config->destinations[i].hold_on_dead;
		list[i].longest_ms = config_longest_pause(&config->destinations[i]);
	}
	return list;
}

static int
run_configure(struct store *store, void *arg)
{
	struct known *known = arg;

	known->rc = store->ops->configure(store, known->list, known->count);
	return known->rc == -1 ? -1 : 0;
}

int
outbox_configure(struct outbox *ob, const struct config *config,
    struct store_fault *fault)
{
	struct known known = { destinations_of(config), config->destination_count, 0 };
	int rc;

	if (known.list == NULL)
		return store_fail(fault, STORE_FAULT_MEMORY, "outbox: no memory");
	do
		rc = outbox_run(ob, run_configure, &known, fault);
	while (rc == 0 && known.rc == 1 && ob->write);
	free(rc == 0 ? ob->destinations : known.list);
	if (rc == -1)
		return -1;
	ob->destinations = known.list;
	return known.rc;
}

/* The store that ${config} names, with nothing told to it yet. */
static struct outbox *
open_store(const struct config *config, enum outbox_mode mode,
    struct store_fault *fault)
{
	bool stays = mode == OUTBOX_SERVE || mode == OUTBOX_RELAY;
	struct store_options options = {
		.create = stays || mode == OUTBOX_REQUEST,
		.yields = mode == OUTBOX_RELAY,
		.read_only = mode == OUTBOX_READ,
		.brief = !stays,
		.max_waiting = config->store.max_waiting,
		.min_free = config->store.min_free,
		.busy_ms = BUSY_MS
	};
	const struct store_ops *ops;
	struct outbox *ob;

	memset(fault, 0, sizeof(*fault));
	ops = outbox_backend(config->store.url, &options.location);
	if (ops == NULL) {
		store_fail(fault, STORE_FAULT_CANTCREAT, "outbox: no store of this kind");
		return NULL;
	}
	if ((ob = calloc(1, sizeof(*ob))) == NULL) {
		store_fail(fault, STORE_FAULT_MEMORY, "outbox: no memory");
		return NULL;
	}
	pthread_mutex_init(&ob->mutex, NULL);
	clock_cond_init(&ob->arrived);
	ob->tail = &ob->head;
	if (mode == OUTBOX_REQUEST)
		ob->until_mono_ms = clock_mono_ms() + BUSY_MS;
	if ((ob->store = ops->open(&options, fault)) == NULL) {
		outbox_close(ob);
		return NULL;
	}
	return ob;
}

struct outbox *
outbox_open(const struct config *config, enum outbox_mode mode,
    struct store_fault *fault)
{
	struct outbox *ob = open_store(config, mode, fault);
	int rc;

	if (ob == NULL)
		return NULL;
	/* Most often the destinations are known, and nobody is waited for. */
	rc = outbox_configure(ob, config, fault);
	ob->write = mode != OUTBOX_READ;
	if (rc == 1 && ob->write)
		rc = outbox_configure(ob, config, fault);
	if (rc == -1)
		goto fail;
	if (mode == OUTBOX_SERVE || mode == OUTBOX_RELAY) {
		if (pthread_create(&ob->thread, NULL, commit_until_stopped,
		    ob) != 0) {
			store_fail(fault, STORE_FAULT_MEMORY,
			    "outbox: cannot start a thread");
			goto fail;
		}
		ob->threaded = true;
	}
	return ob;
fail:
	outbox_close(ob);
	return NULL;
}

int
outbox_try_write(const struct config *config, struct store_fault *fault)
{
	struct outbox *ob = open_store(config, OUTBOX_COMMAND, fault);
	struct store *store;
	int rc = -1;

	if (ob == NULL)
		return -1;
	ob->write = true;
	if ((store = outbox_begin(ob, fault)) != NULL)
		rc = outbox_end(ob, store_try_write(store), fault);
	outbox_close(ob);
	return rc;
}

void
outbox_close(struct outbox *ob)
{
	if (ob == NULL)
		return;
	if (ob->threaded) {
		pthread_mutex_lock(&ob->mutex);
		ob->stopping = true;
		pthread_mutex_unlock(&ob->mutex);
		pthread_cond_signal(&ob->arrived);
		pthread_join(ob->thread, NULL);
	}
	if (ob->store != NULL)
		ob->store->ops->close(ob->store);
	pthread_cond_destroy(&ob->arrived);
	pthread_mutex_destroy(&ob->mutex);
	free(ob->destinations);
	free(ob);
}

int
outbox_erase_log(struct outbox *ob, struct store_fault *fault)
{
	const struct store_ops *ops = ob->store->ops;

	if (ops->erase_log == NULL || ops->erase_log(ob->store) == 0)
		return 0;
	*fault = fault_of(ob->store);
	return -1;
}

int64_t
outbox_destination(const struct outbox *ob, size_t index)
{
	return ob->destinations[index].number;
}

int
outbox_lock_relay(struct outbox *ob)
{
	return ob->store->ops->lock_relay(ob->store);
}

void
outbox_unlock_relay(struct outbox *ob)
{
	ob->store->ops->unlock_relay(ob->store);
}

void
outbox_beat(struct outbox *ob, int64_t now_ms)
{
	ob->store->ops->beat(ob->store, now_ms);
}

bool
outbox_start(struct outbox *ob, const struct delivery_ticket *ticket,
    int64_t now_ms)
{
	return ob->store->ops->start(ob->store, ticket, now_ms);
}

void
outbox_let_go(struct outbox *ob, const struct delivery_ticket *ticket)
{
	ob->store->ops->let_go(ob->store, ticket);
}

void
outbox_look_at_relay(struct outbox *ob, struct store_stats *stats)
{
	ob->store->ops->look_at_relay(ob->store, stats);
}

int
outbox_wake_fd(struct outbox *ob)
{
	return ob->store->ops->wake_fd(ob->store);
}

void
outbox_drain_wake(struct outbox *ob)
{
	ob->store->ops->drain_wake(ob->store);
}

void
outbox_wake(struct outbox *ob)
{
	ob->store->ops->wake(ob->store);
}
