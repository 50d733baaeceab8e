/*
 * One thread, serve_run's, watches: it sweeps, asks whether a request thread is
 * there, and winds up.  The others serve, and one of them has the turn to accept.
 * Locks are not held across a system call that may wait.
 */
#include "config.h"

#include "intake/serve.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/files.h"
#include "base/log.h"
#include "intake/connection.h"

#define CONNECTIONS_MAX 4096
#define ACCEPT_AT_STOP 512		/* at most so many of those still in the queue */
#define TICK_MS 1000
#define PAUSE_MS 100			/* before accepting again when descriptors ran out */
#define SAY_MS 60000			/* between two words about that */
#define STOP_READ_MS 600		/* after a stop: for requests only half here */
#define STOP_ANSWER_MS 1200		/* for those in flight */
#define STOP_STEP_MS 2
#define STACK_BYTES (1024 * 1024)	/* libjwt copies a token to the stack */

#define KEY_LISTENER CONNECTION_KEYS_END
#define KEY_QUIT (CONNECTION_KEYS_END + 1)
#define KEY_PULSE (CONNECTION_KEYS_END + 2)

#define KICK_SIGNAL SIGURG		/* ends a wait in accept; means nothing to anybody else */

/* Who looks after the listener. */
enum door {
	DOOR_SHUT,			/* nobody: paused, or the stop has begun */
	DOOR_WATCHED,			/* the epoll set */
	DOOR_TAKEN			/* a thread has its turn to accept */
};

struct server {
	struct connection_pool *pool;
	int listener;
	int epoll;
	int quit;			/* eventfd: threads, go home */
	int pulse;			/* eventfd: is a thread there? */
	atomic_bool beaten;		/* one was */
	int64_t pulse_ms;		/* when that is asked next */
	atomic_bool paused;		/* no descriptors left: not accepting; on its own */
	_Atomic int64_t said_ms;	/* when that was said; 0: never */
	atomic_int left;		/* connections that may still be accepted */
	int threads;
	pthread_t *ids;
	pthread_mutex_t turn;		/* guards what follows */
	enum door door;
	pthread_t whose;		/* turn it is, DOOR_TAKEN */
};

/*
 * What a signal handler has to work with: whether a stop was asked for, and the
 * eventfd that wakes serve_run.  That is made once and never closed, so that a
 * late stop can never write to somebody else's descriptor.
 */
static atomic_int serve_wake_fd = -1;
static atomic_bool serve_stop_asked;

static void
poke(int fd)
{
	const uint64_t one = 1;

	if (fd != -1 && write(fd, &one, sizeof(one)) == -1)
		return;			/* EAGAIN: it is awake as it is */
}

void
serve_stop(void)
{
	int saved = errno;

	atomic_store(&serve_stop_asked, true);
	poke(atomic_load(&serve_wake_fd));
	errno = saved;
}

/* --- accepting -----------------------------------------------------------
 *
 * The socket may be shared with other processes, and so are its flags: whoever
 * has it can make it blocking at any moment, and take the connection that woke
 * us.  So accept may wait, for ever.  One thread at a time has the turn to
 * accept, there is one thread more than serve, and while one has the turn the
 * socket wakes no other: a connection that comes goes to the thread that waits
 * in accept, or to another process.
 */

/* Let the listener wake a thread of ours; the lock is held. */
static void
watch_listener(struct server *sv)
{
	/* Exclusive: one process, not each that has the socket. */
	struct epoll_event ev = { .events = EPOLLIN | EPOLLEXCLUSIVE };

	if (sv->door != DOOR_SHUT || atomic_load(&sv->left) <= 0)
		return;
	ev.data.u64 = KEY_LISTENER;
	if (epoll_ctl(sv->epoll, EPOLL_CTL_ADD, sv->listener, &ev) == 0)
		sv->door = DOOR_WATCHED;
	else
		log_err("intake: watching the listening socket: %s",
		    strerror(errno));
}

static void
unwatch_listener(struct server *sv)
{
	if (sv->door != DOOR_WATCHED)
		return;
	(void)epoll_ctl(sv->epoll, EPOLL_CTL_DEL, sv->listener, NULL);
	sv->door = DOOR_SHUT;
}

/* False: another thread has it. */
static bool
take_turn(struct server *sv)
{
	bool taken;

	(void)pthread_mutex_lock(&sv->turn);
	if ((taken = sv->door != DOOR_TAKEN)) {
		unwatch_listener(sv);
		sv->door = DOOR_TAKEN;
		sv->whose = pthread_self();
	}
	(void)pthread_mutex_unlock(&sv->turn);
	return taken;
}

/* ${again}: whoever is woken next may take it. */
static void
end_turn(struct server *sv, bool again)
{
	(void)pthread_mutex_lock(&sv->turn);
	sv->door = DOOR_SHUT;
	if (again)
		watch_listener(sv);
	(void)pthread_mutex_unlock(&sv->turn);
}

/* Accept again after a pause. */
static void
resume_accepting(struct server *sv)
{
	if (!atomic_exchange(&sv->paused, false))
		return;
	(void)pthread_mutex_lock(&sv->turn);
	watch_listener(sv);
	(void)pthread_mutex_unlock(&sv->turn);
}

/*
 * Nothing can be accepted for now: the main thread tries again in a while.
 * Those who connect wait in the kernel's queue.
 */
static void
pause_accepting(struct server *sv, int error)
{
	int64_t now_ms = clock_mono_ms(), said_ms = atomic_load(&sv->said_ms);

	if (atomic_exchange(&sv->paused, true))
		return;
	if (said_ms == 0 || now_ms - said_ms >= SAY_MS) {
		log_warn("intake: not accepting connections for now: %s "
		    "(ulimit -n, LimitNOFILE: %ld)", strerror(error), files_max());
		atomic_store(&sv->said_ms, now_ms);
	}
	poke(atomic_load(&serve_wake_fd));
}

/* Is this the fault of one connection, and not of ours? */
static bool
accept_error_passes(int error)
{
	return error == EINTR || error == ECONNABORTED || error == EPROTO ||
	    error == ENETDOWN || error == ENOPROTOOPT || error == EHOSTDOWN ||
	    error == ENONET || error == EHOSTUNREACH || error == ENETUNREACH;
}

/* A connection, or -1: there is none after all, or *error says why there can be none. */
static int
accept_one(struct server *sv, int *error)
{
	int fd = -1;

	*error = connection_pool_full(sv->pool) ? EMFILE : 0;
	while (fd == -1 && *error == 0 && atomic_load(&sv->left) > 0) {
		fd = accept4(sv->listener, NULL, NULL,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd != -1 || errno == EAGAIN || errno == EWOULDBLOCK)
			break;
		if (!accept_error_passes(errno))
			*error = errno;
	}
	if (fd != -1 && atomic_load(&serve_stop_asked))
		atomic_fetch_sub(&sv->left, 1);
	return fd;
}

/* Somebody connects: accept and serve them, unless another thread does. */
static void
take_connection(struct server *sv, uint8_t *scratch)
{
	int fd, error;

	if (!take_turn(sv))
		return;
	fd = accept_one(sv, &error);
	end_turn(sv, error == 0);
	if (error != 0)
		pause_accepting(sv, error);
	if (fd != -1)
		connection_accepted(sv->pool, fd, scratch);
}

/* --- the request threads ------------------------------------------------- */

static void *
serve_thread(void *arg)
{
	struct server *sv = arg;
	struct epoll_event ev;
	uint8_t *scratch;

	if ((scratch = malloc(CONNECTION_READ_SIZE)) == NULL) {
		log_err("intake: out of memory for a thread");
		return NULL;
	}
	for (;;) {
		if (epoll_wait(sv->epoll, &ev, 1, -1) != 1) {
			if (errno == EINTR)
				continue;
			log_err("intake: epoll_wait: %s", strerror(errno));
			break;
		}
		if (ev.data.u64 == KEY_QUIT)
			break;
		if (ev.data.u64 == KEY_LISTENER)
			take_connection(sv, scratch);
		else if (ev.data.u64 == KEY_PULSE)
			atomic_store(&sv->beaten, true);
		else
			connection_ready(sv->pool, ev.data.u64, scratch);
	}
	free(scratch);
	return NULL;
}

/*
 * No request thread ever waits for a peer or the disk, so more of them than can
 * run at once only cost: each wake-up then finds another one, with cold caches.
 */
static int
useful_threads(int threads)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	if (processors > 0 && threads > 2 * processors)
		return (int)(2 * processors);
	return threads;
}

static void
kicked(int signal_number)
{
	(void)signal_number;
}

/*
 * Start the threads, every signal but the kick blocked in them.  Where not all can
 * be started those serve that could.  -1: none.
 */
static int
start_threads(struct server *sv, int threads)
{
	/* Does nothing else than end a wait in accept. */
	const struct sigaction action = { .sa_handler = kicked };
	pthread_attr_t attr;
	sigset_t all, before;
	int rc = 0;

	if ((sv->ids = calloc((size_t)threads, sizeof(*sv->ids))) == NULL)
		return -1;
	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setstacksize(&attr, STACK_BYTES);
	(void)sigfillset(&all);
	(void)sigdelset(&all, KICK_SIGNAL);
	(void)sigaction(KICK_SIGNAL, &action, NULL);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	while (sv->threads < threads && rc == 0) {
		rc = pthread_create(&sv->ids[sv->threads], &attr, serve_thread, sv);
		if (rc == 0)
			sv->threads++;
	}
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void)pthread_attr_destroy(&attr);
	if (sv->threads == 0) {
		log_err("intake: no thread can be started: %s", strerror(rc));
		return -1;
	}
	if (rc != 0)
		log_warn("intake: serving with %d threads instead of %d: %s",
		    sv->threads, threads, strerror(rc));
	return 0;
}

/* Accept nobody any more.  A thread may be in accept until it is kicked. */
static void
shut_door(struct server *sv)
{
	(void)pthread_mutex_lock(&sv->turn);
	atomic_store(&sv->left, 0);
	unwatch_listener(sv);
	(void)pthread_mutex_unlock(&sv->turn);
}

/* False: nobody is in accept.  A kick may come just before accept, so one is not enough. */
static bool
kick(struct server *sv)
{
	bool accepting;

	(void)pthread_mutex_lock(&sv->turn);
	if ((accepting = sv->door == DOOR_TAKEN))
		(void)pthread_kill(sv->whose, KICK_SIGNAL);
	(void)pthread_mutex_unlock(&sv->turn);
	return accepting;
}

static void
join_threads(struct server *sv)
{
	const struct timespec step = { .tv_nsec = STOP_STEP_MS * 1000000L };

	shut_door(sv);
	while (kick(sv))
		(void)nanosleep(&step, NULL);
	poke(sv->quit);			/* level-triggered: all of them see it */
	for (int i = 0; i < sv->threads; i++)
		(void)pthread_join(sv->ids[i], NULL);
	free(sv->ids);
}

/* --- start and stop ------------------------------------------------------ */

/* As many connections as there are descriptors to spare. */
static size_t
connections_max(void)
{
	long files = files_max();

	if (files >= CONNECTIONS_MAX + FILES_RESERVED)
		return CONNECTIONS_MAX;
	if (files <= FILES_NEEDED)
		return FILES_NEEDED - FILES_RESERVED;
	return (size_t)files - FILES_RESERVED;
}

static bool
is_tcp(int fd)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);

	return getsockname(fd, (struct sockaddr *)&address, &len) == 0 &&
	    address.ss_family != AF_UNIX;
}

/* An eventfd in the epoll set; -1: errno. */
static int
add_event(const struct server *sv, uint64_t key, uint32_t events)
{
	struct epoll_event ev = { .events = events };
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	ev.data.u64 = key;
	if (fd != -1 && epoll_ctl(sv->epoll, EPOLL_CTL_ADD, fd, &ev) == -1) {
		(void)close(fd);
		fd = -1;
	}
	return fd;
}

static int
open_server(struct server *sv, struct receiver *rx, int fd)
{
	sv->listener = fd;
	atomic_store(&sv->left, INT_MAX);
	if ((sv->epoll = epoll_create1(EPOLL_CLOEXEC)) == -1)
		return -1;
	if ((sv->quit = add_event(sv, KEY_QUIT, EPOLLIN)) == -1)
		return -1;
	/* Edge-triggered: each poke wakes one thread, and nobody reads it. */
	if ((sv->pulse = add_event(sv, KEY_PULSE, EPOLLIN | EPOLLET)) == -1)
		return -1;
	sv->pool = connection_pool_new(rx, sv->epoll, is_tcp(fd),
	    connections_max());
	if (sv->pool == NULL)
		return -1;
	end_turn(sv, true);
	return sv->door == DOOR_WATCHED ? 0 : -1;
}

static void
close_server(struct server *sv)
{
	connection_pool_free(sv->pool);
	if (sv->quit != -1)
		(void)close(sv->quit);
	if (sv->pulse != -1)
		(void)close(sv->pulse);
	(void)pthread_mutex_destroy(&sv->turn);
	if (sv->epoll != -1)
		(void)close(sv->epoll);
}

/* Drop who stalled; and when it is time, say that a request thread answered. */
static void
tick(struct server *sv, const struct serve_pulse *pulse, int64_t now_ms)
{
	connection_sweep(sv->pool, now_ms);
	if (pulse == NULL || now_ms < sv->pulse_ms)
		return;
	sv->pulse_ms = now_ms + pulse->every_ms;
	if (atomic_exchange(&sv->beaten, false))
		pulse->beat(pulse->owner);
	poke(sv->pulse);
}

/* Watch over the connections until a stop is asked for. */
static void
watch(struct server *sv, const struct serve_pulse *pulse, int wake)
{
	struct pollfd pfd = { .fd = wake, .events = POLLIN };
	int tick_ms = pulse != NULL && pulse->every_ms < TICK_MS ?
	    pulse->every_ms : TICK_MS;
	uint64_t pokes;
	int64_t ticked_ms = 0, now_ms;
	bool paused;

	while (!atomic_load(&serve_stop_asked)) {
		paused = atomic_load(&sv->paused);
		if (poll(&pfd, 1, paused && PAUSE_MS < tick_ms ? PAUSE_MS :
		    tick_ms) > 0)
			(void)!read(wake, &pokes, sizeof(pokes));
		else if (paused)
			resume_accepting(sv);
		now_ms = clock_mono_ms();
		if (now_ms - ticked_ms >= tick_ms) {
			tick(sv, pulse, now_ms);
			ticked_ms = now_ms;
		}
	}
}

/* Has everybody who stood in the queue been let in? */
static bool
is_queue_empty(const struct server *sv)
{
	struct pollfd pfd = { .fd = sv->listener, .events = POLLIN };

	return atomic_load(&sv->left) <= 0 || poll(&pfd, 1, 0) == 0;
}

/*
 * Stop: take those who already stand in the queue, for the socket may go with
 * us; answer what is here; close the rest.  Returns the requests left unanswered.
 */
static size_t
wind_up(struct server *sv)
{
	const struct timespec step = { .tv_nsec = STOP_STEP_MS * 1000000L };
	int64_t start_ms = clock_mono_ms(), past_ms;
	bool open = true;

	connection_pool_stop(sv->pool);
	atomic_store(&sv->left, ACCEPT_AT_STOP);
	resume_accepting(sv);
	for (;;) {
		past_ms = clock_mono_ms() - start_ms;
		if (open && (is_queue_empty(sv) || past_ms >= STOP_READ_MS)) {
			shut_door(sv);
			open = false;
		}
		if (past_ms >= STOP_READ_MS)
			connection_drop_waiting(sv->pool);
		if ((!open && connection_open_count(sv->pool) == 0) ||
		    past_ms >= STOP_ANSWER_MS)
			break;
		(void)nanosleep(&step, NULL);
	}
	join_threads(sv);
	while (connection_in_flight(sv->pool) > 0 &&
	    clock_mono_ms() - start_ms < STOP_ANSWER_MS)
		(void)nanosleep(&step, NULL);
	return connection_in_flight(sv->pool);
}

static int
open_wake(int *wake)
{
	*wake = atomic_load(&serve_wake_fd);
	if (*wake == -1)
		*wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	atomic_store(&serve_wake_fd, *wake);
	return *wake == -1 ? -1 : 0;
}

int
serve_run(struct receiver *rx, int fd, int threads,
    const struct serve_pulse *pulse)
{
	struct server *sv;
	size_t unanswered = 0;
	int wake, rc = -1;

	if ((sv = calloc(1, sizeof(*sv))) == NULL)
		return -1;
	sv->epoll = sv->quit = sv->pulse = -1;
	(void)pthread_mutex_init(&sv->turn, NULL);
	if (open_wake(&wake) == -1 || open_server(sv, rx, fd) == -1) {
		log_err("intake: cannot serve: %s", strerror(errno));
		goto out;
	}
	/* One more than serve: one may be waiting in accept. */
	if (start_threads(sv, useful_threads(threads) + 1) == 0) {
		watch(sv, pulse, wake);
		rc = 0;
	}
	unanswered = wind_up(sv);
out:
	atomic_store(&serve_stop_asked, false);
	if (unanswered > 0) {
		/* Their work goes on: what it points to must stay. */
		connection_give_up(sv->pool);
		log_err("intake: %zu requests were not done at the stop: 503",
		    unanswered);
		return 1;
	}
	close_server(sv);
	free(sv);
	return rc;
}
