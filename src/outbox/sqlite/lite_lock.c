/*
 * lite_lock: the three files beside the database.
 *
 *	-lock	flock'ed by whoever writes or checkpoints; inside, how far the log
 *		is known to be on disk (lite_sync.c)
 *	-relay	flock'ed by the relay, its pid inside; the file's time is its
 *		last sign of life; behind that, what it has in hand (lite_taken.c)
 *	-wake	a FIFO; a byte in it tells the relay that there is work
 *
 * The kernel frees a flock when its holder dies, so there is nothing to clean
 * up and no clock to trust.
 *
 * Who has to wait for the writer's lock stands in a line: a byte of -lock, at the
 * moment of his coming, is locked by him until he has the writer's lock, and he
 * waits for the one before him to let go of his.  Nobody passes by a line, not
 * even who has just had the lock.  The kernel's own queue is not enough: on a busy
 * machine the lock is taken again long before who was woken for it comes to run.
 */
#include "outbox/sqlite/lite.h"

#include <sys/file.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

static const struct timespec one_ms = { 0, 1000000 };

/* Open the FIFO, making it if need be.  Without it the relay watches the clock. */
static int
open_wake(const struct lite *lt)
{
	struct stat sb;
	int fd;

	mkfifo(lt->beside[LITE_WAKE], 0600);	/* or it is there */
	/* For reading too, so that a wake-up never waits for nor misses a reader. */
	fd = lite_files_open(lt, LITE_WAKE, O_RDWR | O_NONBLOCK);
	if (fd != -1 && (fstat(fd, &sb) == -1 || !S_ISFIFO(sb.st_mode))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

int
lite_lock_open(struct lite *lt)
{
	if (lt->read_only)
		return 0;
	lt->network = lite_files_is_network(lt);
	if ((lt->lock_fd = lite_files_open(lt, LITE_LOCK, O_RDWR | O_CREAT)) == -1)
		return lite_fault_set(lt, lt->create ? STORE_FAULT_CANTCREAT :
		    lite_fault_errno(errno), "outbox %s-lock: %s", lt->path,
		    strerror(errno));
	lt->wake_fd = open_wake(lt);
	return 0;
}

void
lite_lock_close(struct lite *lt)
{
	if (lt->lock_fd != -1)
		close(lt->lock_fd);
	lite_lock_unrelay(&lt->store);
	if (lt->wake_fd != -1)
		close(lt->wake_fd);
	lt->lock_fd = lt->wake_fd = -1;
}

/* --- the writer's lock ---------------------------------------------------- */

/* Older headers have no name for it. */
#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

#define BELL SIGURG			/* ignored wherever nobody waits for it */
#define BELL_AGAIN_NS 20000000		/* should it ring just before the wait begins */

/* What ends a wait in the kernel when its time is over. */
struct bell {
	timer_t timer;
	sigset_t mask;			/* as it was */
};

static void
ring(int sig)
{
	(void)sig;
}

static void
hear_bells(void)
{
	struct sigaction action = { .sa_handler = ring };

	(void)sigaction(BELL, &action, NULL);
}

/* Let this thread's system calls be interrupted in ${ms} and from then on.  -1: no timer. */
static int
bell_start(struct bell *bell, int64_t ms)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID,
	    .sigev_signo = BELL };
	struct itimerspec when = { .it_value = { ms / 1000,
	    ms % 1000 * 1000000 }, .it_interval = { 0, BELL_AGAIN_NS } };
	sigset_t set;

	(void)pthread_once(&once, hear_bells);
	event.sigev_notify_thread_id = gettid();
	if (timer_create(CLOCK_MONOTONIC, &event, &bell->timer) == -1)
		return -1;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, BELL);
	(void)pthread_sigmask(SIG_UNBLOCK, &set, &bell->mask);
	(void)timer_settime(bell->timer, 0, &when, NULL);
	return 0;
}

static void
bell_stop(struct bell *bell)
{
	(void)timer_delete(bell->timer);
	(void)pthread_sigmask(SIG_SETMASK, &bell->mask, NULL);
}

/* Take something, or fail with EAGAIN unless it may ${wait}. */
typedef int taker(int fd, off_t at, bool wait);

static int
take_lock(int fd, off_t at, bool wait)
{
	(void)at;
	return flock(fd, LOCK_EX | (wait ? 0 : LOCK_NB));
}

/* One place in the line. */
static int
take_place(int fd, off_t at, bool wait)
{
	struct flock place = { .l_type = F_WRLCK, .l_whence = SEEK_SET,
	    .l_start = at, .l_len = 1 };

	return fcntl(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &place);
}

/* Give up ${count} places; 0: all there are. */
static void
leave_places(int fd, off_t at, off_t count)
{
	struct flock places = { .l_type = F_UNLCK, .l_whence = SEEK_SET,
	    .l_start = at, .l_len = count };

	(void)fcntl(fd, F_OFD_SETLK, &places);
}

/* Does somebody else stand between two places, the second not included?  0: no end. */
static bool
find_place(int fd, off_t from, off_t to, off_t *found)
{
	struct flock place = { .l_type = F_WRLCK, .l_whence = SEEK_SET,
	    .l_start = from, .l_len = to == 0 ? 0 : to - from };

	if (to != 0 && from >= to)
		return false;
	if (fcntl(fd, F_OFD_GETLK, &place) == -1 || place.l_type == F_UNLCK)
		return false;
	*found = place.l_start > from ? place.l_start : from;
	return true;
}

/* Take it, waiting ${until} then.  -1: errno; EAGAIN: the time is over. */
static int
wait_for(int fd, taker *take, off_t at, int64_t until)
{
	struct bell bell;
	bool rings;
	int64_t left;
	int rc, error;

	if ((rc = take(fd, at, false)) == 0 || errno != EAGAIN ||
	    (left = until - clock_mono_ms()) <= 0)
		return rc;
	rings = bell_start(&bell, left) == 0;
	do {
		if (!rings)
			nanosleep(&one_ms, NULL);
		rc = take(fd, at, rings);
	} while (rc == -1 && (errno == EINTR || errno == EAGAIN) &&
	    clock_mono_ms() < until);
	error = errno == EINTR ? EAGAIN : errno;
	if (rings)
		bell_stop(&bell);
	errno = error;
	return rc;
}

/* Take a place behind everybody, and wait ${until} then until nobody stands before it. */
static void
stand_in_line(int fd, int64_t until)
{
	struct timespec now;
	off_t mine, at, last;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	mine = (off_t)now.tv_sec * 1000000000 + now.tv_nsec;
	while (take_place(fd, mine, false) == -1) {
		if (errno != EAGAIN)
			return;		/* no such locks here: no line either */
		mine++;
	}
	for (;;) {
		last = -1;
		while (find_place(fd, last + 1, mine, &at))
			last = at;
		if (last == -1 || wait_for(fd, take_place, last, until) == -1)
			return;
		leave_places(fd, last, 1);
	}
}

/* Put what is -lock now in the place of the former one, which keeps its number. */
static int
open_again(const struct lite *lt)
{
	int fresh, rc;

	if ((fresh = lite_files_open(lt, LITE_LOCK, O_RDWR | O_CREAT)) == -1)
		return -1;
	rc = dup3(fresh, lt->lock_fd, O_CLOEXEC);
	close(fresh);
	return rc == -1 ? -1 : 0;
}

/*
 * The writer's lock: at once if nobody waits for it, else in turn.  Half of the
 * time is for the line: should one be frozen who stands there, it is passed by.
 * On network file systems this lock may be one of all bytes of the file, the
 * line's places among them: there is no line then.
 */
static int
take_in_turn(const struct lite *lt)
{
	int64_t until = lt->until, left = until - clock_mono_ms();
	int fd = lt->lock_fd, rc = -1, error;
	off_t at;

	if (lt->network)
		return wait_for(fd, take_lock, 0, until);
	errno = EAGAIN;
	if (!find_place(fd, 0, 0, &at))
		rc = take_lock(fd, 0, false);
	if (rc == 0 || errno != EAGAIN || left <= 0)
		return rc;
	stand_in_line(fd, until - left / 2);
	rc = wait_for(fd, take_lock, 0, until);
	error = errno;
	leave_places(fd, 0, 0);
	errno = error;
	return rc;
}

int
lite_lock_writer(struct lite *lt)
{
	int error;

	if (lt->locks > 0) {
		lt->locks++;
		return 0;
	}
	while (take_in_turn(lt) == 0) {
		/* Is the whole place gone, there is no other lock either. */
		if (lite_files_is_file(lt->beside[LITE_LOCK], lt->lock_fd) ||
		    !lite_files_is_there(lt)) {
			lt->locks = 1;
			return 0;
		}
		if (open_again(lt) == -1) {
			error = errno;
			flock(lt->lock_fd, LOCK_UN);	/* nobody's any more */
			return lite_fault_set(lt, STORE_FAULT_IO, "outbox %s-lock: "
			    "moved or unlinked, and cannot be made again: %s",
			    lt->path, strerror(error));
		}
		log_warn("outbox %s-lock: moved or unlinked; there is another now",
		    lt->path);
	}
	if (errno == EAGAIN)
		return lite_fault_set(lt, STORE_FAULT_BUSY,
		    "outbox %s: another process keeps it locked", lt->path);
	return lite_fault_set(lt, STORE_FAULT_IO, "outbox %s-lock: %s",
	    lt->path, strerror(errno));
}

void
lite_lock_release(struct lite *lt)
{
	if (--lt->locks == 0)
		flock(lt->lock_fd, LOCK_UN);
}

/* --- the relay's lock and the wake-up -------------------------------------- */

/* Try for the relay's lock; a look by lite_lock_look may be in the way for a moment. */
static bool
try_relay(int fd)
{
	for (int i = 0; i < 5; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return true;
		nanosleep(&one_ms, NULL);
	}
	return false;
}

/*
 * Looked for at each claim and each request, not once in a while: between two looks,
 * with another relay beside us, an older event could be sent after a newer one.  It is
 * a microsecond or two, of the hundred that a request costs.
 */
bool
lite_lock_is_relay(const struct lite *lt)
{
	return lt->relay_fd != -1 && lite_files_is_file(lt->beside[LITE_RELAY], lt->relay_fd);
}

int
lite_lock_relay(struct store *st)
{
	struct lite *lt = (struct lite *)st;
	char pid[32];
	int fd, len;

	if (lt->relay_fd != -1)
		return 1;
	if ((fd = lite_files_open(lt, LITE_RELAY, O_RDWR | O_CREAT)) == -1) {
		if (errno != lt->relay_error)	/* else it was said */
			log_warn("outbox %s-relay: %s", lt->path,
			    strerror(errno));
		lt->relay_error = errno;
		return -1;
	}
	lt->relay_error = 0;
	if (!try_relay(fd)) {
		close(fd);
		return 0;
	}
	len = snprintf(pid, sizeof(pid), "%-20ld\n", (long)getpid());
	if (pwrite(fd, pid, (size_t)len, 0) != len)
		log_warn("outbox %s-relay: %s", lt->path, strerror(errno));
	if (lite_taken_own(lt, fd) == -1) {
		close(fd);
		return -1;
	}
	lt->relay_fd = fd;
	return 1;
}

void
lite_lock_unrelay(struct store *st)
{
	struct lite *lt = (struct lite *)st;

	if (lt->relay_fd == -1)
		return;
	lite_taken_disown(lt);
	lt->epoch = 0;
	flock(lt->relay_fd, LOCK_UN);	/* the mapping keeps the file open */
	close(lt->relay_fd);
	lt->relay_fd = -1;
}

void
lite_lock_beat(struct store *st, int64_t now_ms)
{
	struct lite *lt = (struct lite *)st;
	const struct timespec now = { now_ms / 1000, now_ms % 1000 * 1000000 };

	if (lt->relay_fd != -1)
		futimens(lt->relay_fd, (struct timespec[]){ now, now });
}

void
lite_lock_look(struct store *st, struct store_stats *stats)
{
	const struct lite *lt = (const struct lite *)st;
	char pid[32] = "";
	struct stat sb;
	int fd;

	if ((fd = lite_files_open(lt, LITE_RELAY, O_RDONLY)) == -1)
		return;
	if (flock(fd, LOCK_SH | LOCK_NB) == -1 && errno == EWOULDBLOCK) {
		stats->relay_alive = true;
		if (pread(fd, pid, sizeof(pid) - 1, 0) > 0)
			stats->relay_pid = strtol(pid, NULL, 10);
	}
	if (fstat(fd, &sb) == 0)
		stats->relay_seen_ms = (int64_t)sb.st_mtim.tv_sec * 1000 +
		    sb.st_mtim.tv_nsec / 1000000;
	close(fd);
}

void
lite_lock_wake(struct store *st)
{
	const struct lite *lt = (const struct lite *)st;

	/* A full pipe wakes as well as a fuller one. */
	if (lt->wake_fd != -1 && write(lt->wake_fd, "", 1) == -1)
		return;
}

int
lite_lock_wake_fd(struct store *st)
{
	return ((struct lite *)st)->wake_fd;
}

void
lite_lock_drain(struct store *st)
{
	const struct lite *lt = (const struct lite *)st;
	char bytes[4096];

	while (lt->wake_fd != -1 &&
	    read(lt->wake_fd, bytes, sizeof(bytes)) == (ssize_t)sizeof(bytes))
		;
}
