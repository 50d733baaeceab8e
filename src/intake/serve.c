#include "config.h"

#include "intake/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "intake/connection.h"

#define CONNECTIONS_MAX 4096
#define FDS_RESERVED 64			/* for the outbox, the relay, the log */
#define ACCEPT_BATCH 16			/* connections before other events get their turn */
#define ACCEPT_AT_STOP 512		/* at most so many of those still in the queue */
#define TICK_MS 1000
#define PAUSE_MS 100			/* before accepting again when descriptors ran out */
#define STOP_READ_MS 600		/* after a stop: for requests only half here */
#define STOP_ANSWER_MS 1200		/* for those in flight */
#define STOP_STEP_MS 2
#define STACK_BYTES (1024 * 1024)	/* libjwt copies a token to the stack */

#define KEY_LISTENER CONNECTION_KEYS_END
#define KEY_QUIT (CONNECTION_KEYS_END + 1)

struct server {
	struct connection_pool *pool;
	int listener;
	int epoll;
	int quit;			/* eventfd: threads, go home */
	atomic_bool stopping;
	atomic_bool paused;		/* no descriptors left: not accepting */
	int threads;
	pthread_t *ids;
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

/* --- accepting ----------------------------------------------------------- */

/*
 * Listen for connections: edge-triggered, so that a connection wakes one thread,
 * which accepts until there are no more; exclusive, so that it wakes one process.
 */
static int
watch_listener(struct server *sv)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET | EPOLLEXCLUSIVE };

	ev.data.u64 = KEY_LISTENER;
	return epoll_ctl(sv->epoll, EPOLL_CTL_ADD, sv->listener, &ev);
}

/* Have the listener's event again if somebody is in the queue. */
static void
rearm_listener(struct server *sv)
{
	(void)epoll_ctl(sv->epoll, EPOLL_CTL_DEL, sv->listener, NULL);
	if (!atomic_load(&sv->stopping) && watch_listener(sv) == -1)
		log_err("intake: watching the listening socket: %s",
		    strerror(errno));
}

/*
 * Nothing can be accepted for now: the main thread tries again in a while.
 * Those who connect wait in the kernel's queue.
 */
static void
pause_accepting(struct server *sv, int error)
{
	if (atomic_exchange(&sv->paused, true))
		return;
	log_warn("intake: not accepting connections for now: %s", strerror(error));
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

/* Accept and serve until nobody is left in the queue, or ${max} were served. */
static void
accept_some(struct server *sv, uint8_t *scratch, int max)
{
	int fd, n;

	for (n = 0; n < max;) {
		if (connection_pool_full(sv->pool)) {
			pause_accepting(sv, EMFILE);
			return;
		}
		fd = accept4(sv->listener, NULL, NULL,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd != -1) {
			n++;
			connection_accepted(sv->pool, fd, scratch);
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			return;
		} else if (!accept_error_passes(errno)) {
			pause_accepting(sv, errno);
			return;
		}
	}
	rearm_listener(sv);
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
		if (ev.data.u64 != KEY_LISTENER)
			connection_ready(sv->pool, ev.data.u64, scratch);
		else if (!atomic_load(&sv->stopping))
			accept_some(sv, scratch, ACCEPT_BATCH);
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

/* Start the threads, every signal blocked in them. */
static int
start_threads(struct server *sv, int threads)
{
	pthread_attr_t attr;
	sigset_t all, before;
	int rc = 0;

	if ((sv->ids = calloc((size_t)threads, sizeof(*sv->ids))) == NULL)
		return -1;
	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setstacksize(&attr, STACK_BYTES);
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	while (sv->threads < threads && rc == 0) {
		rc = pthread_create(&sv->ids[sv->threads], &attr, serve_thread, sv);
		if (rc == 0)
			sv->threads++;
	}
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void)pthread_attr_destroy(&attr);
	if (rc != 0)
		log_err("intake: starting thread %d of %d: %s", sv->threads + 1,
		    threads, strerror(rc));
	return rc == 0 ? 0 : -1;
}

static void
join_threads(struct server *sv)
{
	int i;

	poke(sv->quit);			/* level-triggered: all of them see it */
	for (i = 0; i < sv->threads; i++)
		(void)pthread_join(sv->ids[i], NULL);
	free(sv->ids);
}

/* --- start and stop ------------------------------------------------------ */

/* As many connections as there are descriptors to spare. */
static size_t
connections_max(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1 ||
	    limit.rlim_cur >= CONNECTIONS_MAX + FDS_RESERVED)
		return CONNECTIONS_MAX;
	if (limit.rlim_cur <= 2 * FDS_RESERVED)
		return FDS_RESERVED;
	return (size_t)limit.rlim_cur - FDS_RESERVED;
}

static bool
is_tcp(int fd)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);

	return getsockname(fd, (struct sockaddr *)&address, &len) == 0 &&
	    address.ss_family != AF_UNIX;
}

static int
open_server(struct server *sv, struct receiver *rx, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int flags;

	sv->listener = fd;
	flags = fcntl(fd, F_GETFL);
	if (flags == -1 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1)
		return -1;
	if ((sv->epoll = epoll_create1(EPOLL_CLOEXEC)) == -1)
		return -1;
	if ((sv->quit = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) == -1)
		return -1;
	ev.data.u64 = KEY_QUIT;
	if (epoll_ctl(sv->epoll, EPOLL_CTL_ADD, sv->quit, &ev) == -1)
		return -1;
	sv->pool = connection_pool_new(rx, sv->epoll, is_tcp(fd),
	    connections_max());
	if (sv->pool == NULL)
		return -1;
	return watch_listener(sv);
}

static void
close_server(struct server *sv)
{
	connection_pool_free(sv->pool);
	if (sv->quit != -1)
		(void)close(sv->quit);
	if (sv->epoll != -1)
		(void)close(sv->epoll);
}

/* Watch over the connections until a stop is asked for. */
static void
watch(struct server *sv, int wake)
{
	struct pollfd pfd = { .fd = wake, .events = POLLIN };
	uint64_t pokes;
	int64_t swept_ms = clock_mono_ms(), now_ms;
	bool paused;

	while (!atomic_load(&serve_stop_asked)) {
		paused = atomic_load(&sv->paused);
		if (poll(&pfd, 1, paused ? PAUSE_MS : TICK_MS) > 0)
			(void)!read(wake, &pokes, sizeof(pokes));
		else if (paused && atomic_exchange(&sv->paused, false))
			rearm_listener(sv);
		now_ms = clock_mono_ms();
		if (now_ms - swept_ms >= TICK_MS) {
			connection_sweep(sv->pool, now_ms);
			swept_ms = now_ms;
		}
	}
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
	uint8_t *scratch;

	atomic_store(&sv->stopping, true);
	(void)epoll_ctl(sv->epoll, EPOLL_CTL_DEL, sv->listener, NULL);
	connection_pool_stop(sv->pool);
	if ((scratch = malloc(CONNECTION_READ_SIZE)) != NULL)
		accept_some(sv, scratch, ACCEPT_AT_STOP);
	free(scratch);
	for (;;) {
		past_ms = clock_mono_ms() - start_ms;
		if (past_ms >= STOP_READ_MS)
			connection_drop_waiting(sv->pool);
		if (connection_open_count(sv->pool) == 0 ||
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
serve_run(struct receiver *rx, int fd, int threads)
{
	struct server *sv;
	size_t unanswered = 0;
	int wake, rc = -1;

	if ((sv = calloc(1, sizeof(*sv))) == NULL)
		return -1;
	sv->epoll = sv->quit = -1;
	if (open_wake(&wake) == -1 || open_server(sv, rx, fd) == -1) {
		log_err("intake: cannot serve: %s", strerror(errno));
		goto out;
	}
	if (start_threads(sv, useful_threads(threads)) == 0) {
		watch(sv, wake);
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
