/*
 * Loop: collect finished jobs, step every dispatcher, let libcurl work, sleep until
 * something is due or known.  States: without the lock (wait_for_lock), with it (work),
 * stopping (the same, beginning nothing), fenced (step_down).  One thread; others only
 * set the atomics and wake it.
 */
#include "relay/relay.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "alert/watch.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/uuid7.h"
#include "config/config.h"
#include "http/transport.h"
#include "outbox/outbox.h"
#include "program/program.h"
#include "relay/dispatcher.h"
#include "relay/dispatchers.h"
#include "relay/engine.h"
#include "relay/purge.h"

#define LOCK_POLL_MS 250	/* how often the relay lock is tried */
#define FAULT_PAUSE_MS 1000	/* after the store failed */
#define BEAT_MS 5000		/* how often a sign of life is given */
#define SLEEP_MAX_MS 1000	/* nothing that was missed makes it oversleep */
#define FILES_OURS 48		/* for whatever else is done here */
#define FILES_EACH 4		/* a request: its names looked up, two addresses tried at once */
#define SKEW_MS 1000		/* how far the wall clock may be set unnoticed */

/* Whom the sleeping thread lets wake it. */
enum { AWAKE, ASLEEP, ASLEEP_FOR_WORK };

struct relay {
	struct outbox *outbox;
	struct engine engine;
	struct dispatchers *dispatchers;
	struct purge purge;
	bool run_counted;		/* this run's first look at the clock is over */
	int64_t skew_ms;		/* of the wall clock, at the last look */
	struct watch *watch;
	int64_t next_beat_mono_ms;
	rlim_t files;			/* that might be open without us */

	pthread_t thread;
	bool started;

	/* What other threads and signal handlers touch. */
	atomic_int sleep;
	atomic_bool woken;		/* there is new work */
	atomic_bool holding;		/* the relay lock is ours */
	atomic_bool stopping;
	_Atomic int64_t stop_mono_ms;	/* end of the grace */
	_Atomic(struct dispatchers *) next;	/* of a reload, to be taken over; or NULL */
};

/* A job came back, on the committing thread. */
static void
notify(void *arg)
{
	struct relay *r = arg;

	if (atomic_load(&r->sleep) != AWAKE)
		(void)r->engine.http.curl.multi_wakeup(r->engine.http.multi);
}

/* Bits that differ from process to process; jitter needs no more. */
static uint64_t
seed(void)
{
	char id[UUID7_SIZE];
	uint64_t bits = (uint64_t)clock_wall_ms() | 1;
	size_t i;

	if (uuid7_make(clock_wall_ms(), id) == 0)
		for (i = 0; id[i] != '\0'; i++)
			bits = bits * 31 + (unsigned char)id[i];
	return bits | 1;
}

/* What ${files} leave when half of them are the front server's, in equal parts. */
static void
share_files(struct relay *r, rlim_t files)
{
	int64_t count = (int64_t)r->dispatchers->config->destination_count;
	int64_t ours = (int64_t)(files > FILES_OURS ? files - FILES_OURS : 0) / 2;

	r->engine.share = ours > count ? ours / count : 1;
}

/*
 * Have descriptors for so many ${requests} beside those of everything else here, or
 * some that hang would leave none to any other destination.
 */
static void
fit_files(struct relay *r, long requests)
{
	struct rlimit limit;
	rlim_t want;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		return;
	if (r->files == 0)
		r->files = limit.rlim_cur;
	want = r->files + (rlim_t)requests * FILES_EACH;
	r->engine.share = INT64_MAX;
	if ((rlim_t)requests + FILES_OURS > limit.rlim_max) {
		share_files(r, limit.rlim_max);
		log_warn("relay: %ld requests may be under way at once, but only %llu "
		    "files be open: each destination gets %lld until that limit is "
		    "raised", requests, (unsigned long long)limit.rlim_max,
		    (long long)r->engine.share);
	}
	limit.rlim_cur = want < limit.rlim_max ? want : limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* Keep a connection for each request that may be under way. */
static int
fit_connections(struct relay *r)
{
	const struct config *config = r->dispatchers->config;
	long connections = 1;
	size_t i;

	for (i = 0; i < config->destination_count; i++)
		connections += (long)config->destinations[i].max_concurrent;
	fit_files(r, connections);
	return r->engine.http.curl.multi_setopt(r->engine.http.multi, CURLMOPT_MAXCONNECTS,
	    connections) == CURLM_OK ? 0 : -1;
}

struct relay *
relay_new(struct config *config, struct program_pool *pool,
    struct outbox *outbox, struct counters *counters, struct buf *why)
{
	struct relay *r;

	if ((r = calloc(1, sizeof(*r))) == NULL) {
		buf_puts(why, "out of memory");
		return NULL;
	}
	r->outbox = outbox;
	r->engine.counters = counters;
	r->engine.pool = pool;
	r->engine.http.ca_file = transport_ca_file();
	r->engine.random = seed();
	mailbox_init(&r->engine.mailbox, outbox, notify, r);
	if (curl_api_load(&r->engine.http.curl, why) == -1)
		goto fail;
	if ((r->engine.http.multi = r->engine.http.curl.multi_init()) != NULL &&
	    (r->dispatchers = dispatchers_new(&r->engine, config, outbox, why)) != NULL &&
	    (r->watch = watch_new(&r->engine.http, &r->engine.mailbox, counters, config)) != NULL &&
	    fit_connections(r) == 0)
		return r;
	if (why->len == 0)
		buf_puts(why, "libcurl: out of memory");
fail:
	relay_free(r);
	return NULL;
}

void
relay_free(struct relay *r)
{
	if (r == NULL)
		return;
	if (r->started) {
		if (!atomic_load(&r->stopping))
			relay_stop(r, 0);
		(void)pthread_join(r->thread, NULL);
	}
	dispatchers_free(atomic_load(&r->next));
	dispatchers_free(r->dispatchers);
	watch_free(r->watch);
	if (r->engine.http.multi != NULL)
		(void)r->engine.http.curl.multi_cleanup(r->engine.http.multi);
	mailbox_destroy(&r->engine.mailbox);
	free(r);
}

/* --- sleeping and waking -------------------------------------------------- */

/* What the pool of the programs waits for, and, if it is sooner, until when. */
static unsigned
wait_for_programs(const struct relay *r, struct curl_waitfd *waits, int64_t *ms)
{
	struct pollfd fds[PROGRAM_FDS_MAX];
	int64_t left = program_pool_wake_ms(r->engine.pool) - clock_mono_ms();
	size_t count = program_pool_fds(r->engine.pool, fds), i;

	if (left < *ms)
		*ms = left > 0 ? left : 0;
	for (i = 0; i < count; i++)
		waits[i] = (struct curl_waitfd){
			.fd = fds[i].fd,
			.events = (short)((fds[i].events & POLLIN ? CURL_WAIT_POLLIN : 0) |
			    (fds[i].events & POLLOUT ? CURL_WAIT_POLLOUT : 0)),
		};
	return (unsigned)count;
}

/*
 * Sleep up to ${ms}.  ${for_work}: new work wakes it, too; otherwise only jobs
 * that come back, transfers and relay_stop do.  Whoever wakes it first makes its
 * news known and then looks whether it sleeps; it first says that it sleeps and
 * then looks for news: so none is missed.
 */
static void
sleep_for(struct relay *r, int64_t ms, bool for_work)
{
	struct curl_waitfd waits[PROGRAM_FDS_MAX + 1];
	unsigned count = wait_for_programs(r, waits, &ms);
	struct curl_waitfd *fifo = &waits[count];

	*fifo = (struct curl_waitfd){ .fd = -1, .events = CURL_WAIT_POLLIN };
	if (for_work && atomic_load(&r->holding))
		fifo->fd = outbox_wake_fd(r->outbox);
	atomic_store(&r->sleep, for_work ? ASLEEP_FOR_WORK : ASLEEP);
	if (ms < 0 || mailbox_has_mail(&r->engine.mailbox) ||
	    (for_work && atomic_load(&r->woken)))
		ms = 0;
	(void)r->engine.http.curl.multi_poll(r->engine.http.multi, waits,
	    count + (fifo->fd != -1), (int)ms, NULL);
	atomic_store(&r->sleep, AWAKE);
	if (fifo->revents != 0) {
		outbox_drain_wake(r->outbox);
		atomic_store(&r->woken, true);
	}
}

void
relay_wake(struct relay *r)
{
	if (!atomic_load(&r->holding)) {
		outbox_wake(r->outbox);
		return;
	}
	if (atomic_exchange(&r->woken, true))
		return;			/* somebody else said so already */
	if (atomic_load(&r->sleep) == ASLEEP_FOR_WORK)
		(void)r->engine.http.curl.multi_wakeup(r->engine.http.multi);
}

int
relay_reload(struct relay *r, struct config *config, struct buf *why)
{
	struct dispatchers *set;

	if ((set = dispatchers_new(&r->engine, config, r->outbox, why)) == NULL)
		return -1;
	/* One that came so soon after another that nobody has seen that yet. */
	dispatchers_free(atomic_exchange(&r->next, set));
	(void)r->engine.http.curl.multi_wakeup(r->engine.http.multi);
	return 0;
}

void
relay_stop(struct relay *r, int64_t grace_ms)
{
	atomic_store(&r->stop_mono_ms, clock_mono_ms() + grace_ms);
	atomic_store(&r->stopping, true);
	(void)r->engine.http.curl.multi_wakeup(r->engine.http.multi);
}

/* --- the rounds ----------------------------------------------------------- */

/* By a clock that was put back, what waits for later might wait too long. */
static void
make_all_due(struct relay *r)
{
	size_t i;

	/* One that is being loaded belongs to that job: another time, then. */
	for (i = 0; i < r->dispatchers->count; i++)
		if (!dispatcher_begun(r->dispatchers->dispatchers[i]))
			return;
	r->engine.put_back = false;
	for (i = 0; i < r->dispatchers->count; i++)
		dispatcher_make_due(r->dispatchers->dispatchers[i]);
}

/* What is done by the clock: the sign of life, and deleting what is old. */
static void
do_periodic(struct relay *r, int64_t steady_ms, int64_t mono_ms)
{
	int64_t now = clock_wall_ms(), skew = now - steady_ms;

	if (mono_ms >= r->next_beat_mono_ms || skew < r->skew_ms - SKEW_MS ||
	    skew > r->skew_ms + SKEW_MS) {
		r->skew_ms = skew;
		r->next_beat_mono_ms = mono_ms + BEAT_MS;
		outbox_beat(r->outbox, now);
		(void)engine_sure_ms(&r->engine, false);
	}
	if (r->engine.put_back)
		make_all_due(r);
	purge_step(&r->purge, &r->engine, &r->dispatchers->config->store, mono_ms);
}

/* Let libcurl work; true when a transfer ended. */
static bool
do_transfers(struct relay *r)
{
	const struct curl_api *curl = &r->engine.http.curl;
	struct CURLMsg *msg;
	struct http_task *task;
	char *private;
	int running, queued;
	bool ended = false;

	(void)curl->multi_perform(r->engine.http.multi, &running);
	while ((msg = curl->multi_info_read(r->engine.http.multi, &queued)) != NULL) {
		if (msg->msg != CURLMSG_DONE)
			continue;
		if (curl->easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE,
		    &private) != CURLE_OK)
			continue;
		task = (struct http_task *)(void *)private;
		task->ended(task, msg->data.result);
		ended = true;
	}
	return ended;
}

static void
look_everywhere(struct relay *r)
{
	size_t i;

	for (i = 0; i < r->dispatchers->count; i++)
		dispatcher_look(r->dispatchers->dispatchers[i]);
}

/*
 * Is there nothing left to do?  When stopping, what is under way has its grace;
 * outcomes are written even after it, if the store lets us.
 */
static bool
finished(struct relay *r, bool once, bool stopping, int64_t now, int64_t mono)
{
	bool grace_over = stopping && mono >= atomic_load(&r->stop_mono_ms);
	bool busy = r->engine.mailbox.under_way != 0, waiting = false, due = false;
	const struct dispatchers *set = r->dispatchers;
	struct dispatcher *dispatcher;
	size_t at = 0;

	while ((dispatcher = dispatchers_next(&set, &at)) != NULL) {
		if (grace_over)
			dispatcher_cancel(dispatcher);
		busy |= dispatcher_sending(dispatcher);
		waiting |= dispatcher_unsettled(dispatcher);
		due |= dispatcher_due(dispatcher, now);
	}
	if (busy || (waiting && !grace_over))
		return false;
	return stopping || (once && !due && watch_finished(r->watch, mono));
}

/* The rest of a round without lock: finish jobs and transfers, see to the holder. */
static void
wait_for_lock(struct relay *r, int64_t ms)
{
	int64_t mono = clock_mono_ms(), wake;

	(void)mailbox_collect(&r->engine.mailbox);
	(void)do_transfers(r);
	wake = watch_step(r->watch, false, mono);
	sleep_for(r, wake - mono < ms ? wake - mono : ms, false);
}

/*
 * Take over the dispatchers of a reload, if there was one.  Without the relay lock those
 * that are left over have nothing under way.
 */
static void
adopt(struct relay *r)
{
	struct dispatchers *set = atomic_exchange(&r->next, NULL);

	if (set == NULL)
		return;
	dispatchers_replace(set, r->dispatchers);
	if (!atomic_load(&r->holding)) {
		dispatchers_free(set->former);
		set->former = NULL;
	}
	r->dispatchers = set;
	watch_reload(r->watch, set->config);
	(void)fit_connections(r);
}

/* Let every dispatcher work; returns when to come again.  *for_work: new work is one reason. */
static int64_t
step_dispatchers(struct relay *r, int64_t now, bool stopping, bool *for_work)
{
	int64_t wake = now + SLEEP_MAX_MS, next;
	struct dispatcher *dispatcher;
	size_t i;

	*for_work = false;
	if ((next = dispatchers_step(r->dispatchers, now)) < wake)
		wake = next;
	for (i = 0; i < r->dispatchers->count; i++) {
		dispatcher = r->dispatchers->dispatchers[i];
		if ((next = dispatcher_step(dispatcher, now, stopping)) < wake)
			wake = next;
		*for_work |= dispatcher_has_room(dispatcher, now);
	}
	return wake;
}

/* Work with the lock in hand, until asked to stop or, ${once}, all that is due is done. */
static void
work(struct relay *r, bool once, int64_t end_mono_ms, int64_t grace_ms)
{
	int64_t now, mono, wake, next;
	bool stopping, for_work, ended;

	look_everywhere(r);
	for (;;) {
		(void)mailbox_collect(&r->engine.mailbox);
		if (r->engine.mailbox.fenced)
			return;
		if (atomic_exchange(&r->woken, false))
			look_everywhere(r);
		now = clock_steady_ms();
		mono = clock_mono_ms();
		if (mono >= end_mono_ms && !atomic_load(&r->stopping))
			relay_stop(r, grace_ms);
		stopping = atomic_load(&r->stopping);
		if (!stopping)
			do_periodic(r, now, mono);
		adopt(r);
		wake = step_dispatchers(r, now, stopping, &for_work);
		if (!stopping) {
			next = watch_step(r->watch, true, mono) - mono;
			wake = next < wake - now ? now + next : wake;
		}
		ended = do_transfers(r);
		if (program_pool_step(r->engine.pool) || ended)
			continue;
		if (finished(r, once, stopping, now, mono))
			return;
		if (stopping && atomic_load(&r->stop_mono_ms) - mono < wake - now)
			wake = now + atomic_load(&r->stop_mono_ms) - mono;
		sleep_for(r, wake - now, for_work && !stopping);
	}
}

/* --- taking the lock ------------------------------------------------------ */

struct recovery {
	struct relay *relay;
	int64_t now_ms;
	struct store_recovery found;
};

/* Is the clock where the outbox last saw it?  On record, so that runs can be counted. */
static int
meet_clock(struct relay *r, struct store *store)
{
	if (store_load_trust(store, &r->engine.stored) == -1)
		return -1;
	r->engine.trust = r->engine.stored;
	(void)engine_sure_ms(&r->engine, !r->run_counted);
	if (!trust_differs(&r->engine.trust, &r->engine.stored))
		return 0;
	return store_save_trust(store, &r->engine.trust);
}

static int
recover(struct store *store, void *arg)
{
	struct recovery *recovery = arg;
	struct relay *r = recovery->relay;
	size_t i;

	if (store_recover(store, recovery->now_ms, &recovery->found) == -1 ||
	    meet_clock(r, store) == -1)
		return -1;
	for (i = 0; i < r->dispatchers->count; i++)
		if (dispatcher_load(r->dispatchers->dispatchers[i], store) == -1)
			return -1;
	return 0;
}

static void
tell_recovery(const struct store_recovery *found)
{
	if (found->doubt)
		log_warn("relay: nothing is known of what was under way before the "
		    "last restart; what waits may have arrived");
	if (found->unknown > found->held)
		log_warn("relay: %lld deliveries of unknown outcome will be sent again",
		    (long long)(found->unknown - found->held));
	if (found->held != 0)
		log_kv(LOG_LV_ERROR, "held", "d:count", (long long)found->held,
		    "s:error", "begun three times without any outcome", NULL);
}

/*
 * Become the outbox's relay: take the lock, and find out what the last holder
 * left.  1 done, 0 somebody else has the lock, -1 the store failed.
 */
static int
take_lock(struct relay *r, bool *complained)
{
	struct recovery recovery = { .relay = r, .now_ms = clock_wall_ms() };
	struct store_fault fault;
	int rc;

	adopt(r);
	if ((rc = outbox_lock_relay(r->outbox)) != 1)
		return rc;
	if (outbox_run(r->outbox, recover, &recovery, &fault) == -1) {
		if (!*complained)
			log_err("relay: the outbox cannot be taken up, trying again: %s",
			    fault.text);
		*complained = true;
		outbox_unlock_relay(r->outbox);
		return -1;
	}
	r->run_counted = true;
	r->engine.stored = r->engine.trust;
	tell_recovery(&recovery.found);
	return 1;
}

/*
 * Did somebody store a lead, find the lock taken, and rely on us, who had looked
 * for work for the last time?  He woke us before he tried the lock, and we ask
 * after giving it back: so one of the two sees the other.
 */
static bool
woken_meanwhile(struct relay *r)
{
	struct pollfd fifo = { .fd = outbox_wake_fd(r->outbox), .events = POLLIN };

	if (atomic_load(&r->stopping) || fifo.fd == -1 || poll(&fifo, 1, 0) != 1)
		return false;
	outbox_drain_wake(r->outbox);
	return true;
}

/* A job that is under way comes back to what must still be there. */
static void
finish_jobs(struct relay *r)
{
	while (mailbox_collect(&r->engine.mailbox), r->engine.mailbox.under_way != 0)
		sleep_for(r, LOCK_POLL_MS, false);
}

/* Somebody has taken the outbox from us, lock file and all: break off. */
static void
step_down(struct relay *r)
{
	const struct dispatchers *set = r->dispatchers;
	struct dispatcher *dispatcher;
	size_t at = 0;

	log_err("relay: another one has taken over this outbox; was a file beside "
	    "it removed?");
	while ((dispatcher = dispatchers_next(&set, &at)) != NULL) {
		dispatcher_cancel(dispatcher);
		(void)dispatcher_step(dispatcher, clock_steady_ms(), true);
	}
	finish_jobs(r);
	r->engine.mailbox.fenced = false;
}

/* Take the lock, however often that has to be tried: take_lock's result in the end. */
static int
become_relay(struct relay *r, bool once)
{
	bool complained = false;
	int rc;

	while ((rc = take_lock(r, &complained)) != 1) {
		if (once || atomic_load(&r->stopping))
			return rc;
		wait_for_lock(r, rc == 0 ? LOCK_POLL_MS : FAULT_PAUSE_MS);
	}
	if (complained)
		log_info("relay: the outbox is good again");
	return 1;
}

int
relay_run(struct relay *r, bool once, int64_t limit_ms)
{
	int64_t end = INT64_MAX, grace = 0;
	sigset_t pipe;
	bool fenced;
	int rc;

	/* TLS libraries write to sockets without MSG_NOSIGNAL. */
	(void)sigemptyset(&pipe);
	(void)sigaddset(&pipe, SIGPIPE);
	(void)pthread_sigmask(SIG_BLOCK, &pipe, NULL);
	if (once) {
		/* The last fifth is for what is then under way. */
		grace = limit_ms / 5;
		end = clock_mono_ms() + limit_ms - grace;
	}
	while ((rc = become_relay(r, once)) == 1) {
		atomic_store(&r->holding, true);
		work(r, once, end, grace);
		atomic_store(&r->holding, false);
		if ((fenced = r->engine.mailbox.fenced))
			step_down(r);
		outbox_unlock_relay(r->outbox);
		if (!fenced && (!once || !woken_meanwhile(r)))
			return 0;
	}
	finish_jobs(r);
	return once ? rc : 0;
}

static void *
thread_main(void *arg)
{
	(void)relay_run(arg, false, 0);
	return NULL;
}

int
relay_start(struct relay *r)
{
	sigset_t all, old;
	int rc;

	/* Signals are for the thread that called us. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&r->thread, NULL, thread_main, r);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc != 0) {
		errno = rc;
		return -1;
	}
	r->started = true;
	return 0;
}
