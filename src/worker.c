#include "config.h"

#include "worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/counters.h"
#include "base/exits.h"
#include "base/log.h"
#include "config/config.h"
#include "intake/receive.h"
#include "intake/serve.h"
#include "load.h"
#include "outbox/outbox.h"
#include "program/program.h"
#include "relay/reach.h"
#include "relay/relay.h"
#include "reload.h"

/*
 * From the signal to the end two seconds may pass: the relay's grace and the
 * intake's run side by side.
 */
#define RELAY_GRACE_MS 1000
#define OPENER_GRACE_MS 300
#define REOPEN_MS 1000			/* between two tries to open the outbox */
#define LOOK_S 1			/* between two looks at the files */

struct worker {
	struct config *config;
	struct counters counters;
	struct receiver rx;
	_Atomic(struct outbox *) outbox; /* NULL until it could be opened */
	_Atomic(struct relay *) relay;	/* NULL when there is none */
	struct reload reload;
	bool watching;			/* the files are watched: nobody might send SIGHUP */
	struct program_host *host;	/* runs jq programs; NULL when there are none */
	struct reach *reach;		/* for probes; NULL: not there */
	struct store_fault fault;	/* the last one on opening, said already */
	pthread_t keeper;
	pthread_t opener;
	pthread_mutex_t lock;		/* guards what follows */
	pthread_cond_t changed;
	bool tried;			/* to open the outbox, at least once */
	bool up;			/* the opener has nothing left to do */
	bool stopping;
};

/* Open the outbox if it is not open; a fault is said when it is a new one. */
static struct outbox *
open_outbox(struct worker *w, const struct config *config)
{
	struct outbox *outbox = atomic_load(&w->outbox);
	struct store_fault fault = { 0 };

	if (outbox != NULL)
		return outbox;
	if ((outbox = outbox_open(config, OUTBOX_SERVE, &fault)) != NULL) {
		if (w->fault.text[0] != '\0')
			log_info("the outbox is open now");
	} else if (strcmp(fault.text, w->fault.text) != 0) {
		log_err("the outbox cannot be opened: %s", fault.text);
	}
	w->fault = fault;
	atomic_store(&w->outbox, outbox);
	return outbox;
}

/* --- serving ------------------------------------------------------------- */

static struct outbox *
current_outbox(void *owner)
{
	struct worker *w = owner;

	return atomic_load(&w->outbox);
}

/* Something is there to deliver: our relay's business, or another process's. */
static void
wake_relay(void *owner)
{
	struct worker *w = owner;
	struct relay *relay = atomic_load(&w->relay);

	if (relay != NULL)
		relay_wake(relay);
	else
		outbox_wake(atomic_load(&w->outbox));
}

/* A probe asks for the destinations. */
static void
tell_destinations(void *owner, struct config *config, bool try,
    struct buf *out)
{
	struct worker *w = owner;

	reach_tell(w->reach, config, try, out);
}

static void
start_relay(struct worker *w, struct config *config)
{
	struct buf why = { 0 };
	struct relay *relay;

	if (!config->worker.relay)
		return;
	relay = relay_new(config, w->host, atomic_load(&w->outbox),
	    &w->counters, &why);
	if (relay == NULL) {
		log_err("not relaying: %s", buf_ok(&why) && why.data != NULL ?
		    why.data : "out of memory");
	} else if (relay_start(relay) == -1) {
		log_err("not relaying: starting the thread: %s", strerror(errno));
		relay_free(relay);
		relay = NULL;
	}
	buf_free(&why);
	atomic_store(&w->relay, relay);
}

/* Wait at ${w->changed} for at most ${ms}; the lock is held. */
static void
wait_changed(struct worker *w, int64_t ms)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += ms % 1000 * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	(void)pthread_cond_timedwait(&w->changed, &w->lock, &until);
}

/* What a reload has to reach; the lock is held. */
static struct reload_parts
parts(struct worker *w)
{
	return (struct reload_parts){
		.outbox = w->up ? atomic_load(&w->outbox) : NULL,
		.relay = w->up ? atomic_load(&w->relay) : NULL,
		.terms = &w->rx.terms,
		.host = w->host,
	};
}

/* There was a reload while the outbox was being opened; the lock is held. */
static void
catch_up(struct worker *w)
{
	struct reload_parts all = parts(w);

	reload_catch_up(w->config, &all);
}

static void
reload(struct worker *w)
{
	struct reload_parts all;

	(void)pthread_mutex_lock(&w->lock);
	all = parts(w);
	(void)reload_config(&w->reload, &w->config, &all);
	(void)pthread_mutex_unlock(&w->lock);
}

/*
 * The thread that opens the outbox, however often it has to try, and starts
 * the relay.  A thread of its own because opening may wait for another process.
 */
static void *
bring_up(void *arg)
{
	struct worker *w = arg;
	struct config *config;
	struct relay *relay;

	(void)pthread_mutex_lock(&w->lock);
	while (!w->stopping && !w->up) {
		config = config_share(w->config);
		(void)pthread_mutex_unlock(&w->lock);
		if (open_outbox(w, config) != NULL)
			start_relay(w, config);
		(void)pthread_mutex_lock(&w->lock);
		w->tried = true;
		w->up = atomic_load(&w->outbox) != NULL;
		if (w->up && config != w->config)
			catch_up(w);
		config_free(config);
		(void)pthread_cond_broadcast(&w->changed);
		if (!w->up && !w->stopping)
			wait_changed(w, REOPEN_MS);
	}
	w->up = true;
	if (w->stopping && (relay = atomic_load(&w->relay)) != NULL)
		relay_stop(relay, RELAY_GRACE_MS);
	(void)pthread_cond_broadcast(&w->changed);
	(void)pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* The signals that mean something to a worker. */
static sigset_t
worker_signals(void)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGQUIT);
	(void)sigaddset(&set, SIGUSR1);
	(void)sigaddset(&set, SIGHUP);
	return set;
}

/* The next signal, or 0 when it is time to look at the files. */
static int
next_signal(const struct worker *w, const sigset_t *set)
{
	static const struct timespec look = { .tv_sec = LOOK_S };
	int sig;

	do
		sig = sigtimedwait(set, NULL, w->watching ? &look : NULL);
	while (sig == -1 && errno != EAGAIN);
	return sig == -1 ? 0 : sig;
}

/* The thread that takes signals; returns after one that says stop. */
static void *
keep(void *arg)
{
	struct worker *w = arg;
	sigset_t set = worker_signals();
	struct relay *relay;
	int sig;

	while ((sig = next_signal(w, &set)) == 0 || sig == SIGHUP) {
		if (sig == 0 && !reload_due(&w->reload, w->config))
			continue;
		if (log_reopen() == -1)
			log_err("opening the log again: %s", strerror(errno));
		reload(w);
	}
	(void)pthread_mutex_lock(&w->lock);
	w->stopping = true;
	if ((relay = atomic_load(&w->relay)) != NULL)
		relay_stop(relay, RELAY_GRACE_MS);
	(void)pthread_cond_broadcast(&w->changed);
	(void)pthread_mutex_unlock(&w->lock);
	serve_stop();
	return NULL;
}

/* Serve once the outbox is open, or was tried for a while.  0, -1 or serve_run's 1. */
static int
serve(struct worker *w, int fd)
{
	int threads, rc;

	(void)pthread_mutex_lock(&w->lock);
	if (!w->tried)
		wait_changed(w, REOPEN_MS);
	threads = (int)w->config->worker.threads;
	(void)pthread_mutex_unlock(&w->lock);
	log_info("leadrelay %s serves", PACKAGE_VERSION);
	rc = serve_run(&w->rx, fd, threads, NULL);
	/* Had it ended by itself, keep would still wait. */
	(void)pthread_kill(w->keeper, SIGTERM);
	(void)pthread_join(w->keeper, NULL);
	return rc;
}

/* Start the two threads beside the intake, every signal of ours blocked in all. */
static int
start_threads(struct worker *w)
{
	int rc;

	if ((rc = pthread_create(&w->keeper, NULL, keep, w)) == 0 &&
	    (rc = pthread_create(&w->opener, NULL, bring_up, w)) == 0)
		return 0;
	log_err("starting a thread: %s", strerror(rc));
	return -1;
}

/*
 * Wait for the opener.  False: it hangs in opening the outbox, of which nothing
 * is there to be closed then.
 */
static bool
join_opener(struct worker *w)
{
	bool up;

	(void)pthread_mutex_lock(&w->lock);
	if (!w->up)
		wait_changed(w, OPENER_GRACE_MS);
	up = w->up;
	(void)pthread_mutex_unlock(&w->lock);
	if (up)
		(void)pthread_join(w->opener, NULL);
	return up;
}

/*
 * First the intake has answered what it had, so nothing new is submitted and
 * nobody wakes the relay; then the relay settles what it has under way; then
 * the outbox finishes what both handed it.
 */
static void
take_down(struct worker *w, int status)
{
	if (atomic_load(&w->relay) != NULL)
		relay_free(atomic_load(&w->relay));
	outbox_close(atomic_load(&w->outbox));
	program_host_stop(w->host);
	/* Nobody waits for a destination that is being tried. */
	if (!reach_free(w->reach))
		_exit(status);
	terms_end(&w->rx.terms);
	config_free(w->config);
	(void)pthread_cond_destroy(&w->changed);
	(void)pthread_mutex_destroy(&w->lock);
}

static void
set_up(struct worker *w, const char *config_option)
{
	(void)signal(SIGPIPE, SIG_IGN);
	(void)pthread_mutex_init(&w->lock, NULL);
	(void)pthread_cond_init(&w->changed, NULL);
	w->config = load_config(config_option);
	if (w->config != NULL && terms_set(&w->rx.terms, w->config) == -1) {
		log_err("out of memory");
		config_free(w->config);
		w->config = NULL;
	}
	w->rx.counters = &w->counters;
	w->rx.outbox = current_outbox;
	w->rx.stored = wake_relay;
	w->rx.owner = w;
}

/*
 * Started as root, with a store that is somebody else's: be them from here on.
 * The socket and the log were still made as root.
 */
static bool
leave_root(const struct worker *w)
{
	struct store_fault fault = { 0 };

	if (outbox_become_owner(w->config, &fault) == 0)
		return true;
	log_err("%s", fault.text);
	return false;
}

/* The socket to serve on, or -1 and *status. */
static int
find_socket(const struct worker *w, const char *address, int *status)
{
	const char *group = w->config->worker.socket_group;
	struct buf why = { 0 };
	int fd = STDIN_FILENO;

	if (address == NULL) {
		if (serve_is_listening(fd))
			return fd;
		log_err("descriptor 0 is no listening socket: "
		    "serve --listen makes one");
		*status = EXIT_USAGE;
		return -1;
	}
	fd = serve_listen(address, group, &why);
	if (fd == -1) {
		log_err("--listen %s: %s", address,
		    buf_ok(&why) ? why.data : "out of memory");
		*status = !serve_is_address(address) ? EXIT_USAGE :
		    !serve_has_group(group) ? EXIT_CONFIG : EXIT_UNAVAILABLE;
	}
	buf_free(&why);
	return fd;
}

int
worker_serve(const char *config_option, const char *address)
{
	struct worker *w;
	sigset_t set = worker_signals();
	int status = EXIT_CONFIG, fd, rc;

	(void)pthread_sigmask(SIG_BLOCK, &set, NULL);
	if ((w = calloc(1, sizeof(*w))) == NULL) {
		log_err("out of memory");
		return EXIT_SOFTWARE;
	}
	set_up(w, config_option);
	if (w->config == NULL)
		goto out;
	if ((w->reach = reach_new()) != NULL)
		w->rx.reach = tell_destinations;
	if ((fd = find_socket(w, address, &status)) == -1)
		goto out;
	status = EXIT_IOERR;
	if (!leave_root(w))
		goto out;
	status = EXIT_CONFIG;
	if (load_programs(w->config, &w->host) == -1)
		goto out;
	/* Whoever started us on descriptor 0 may leave nobody to send a signal. */
	w->watching = address == NULL;
	reload_note(&w->reload, w->config);
	status = EXIT_SOFTWARE;
	if (start_threads(w) == -1)
		_exit(status);
	rc = serve(w, fd);
	if (rc == 0)
		status = EXIT_DONE;
	if (rc == 1)
		_exit(EXIT_IOERR);	/* the store hangs: nothing here may be freed */
	if (!join_opener(w))
		_exit(status);
out:
	take_down(w, status);
	free(w);
	return status;
}
