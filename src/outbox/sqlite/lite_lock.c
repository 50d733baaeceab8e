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
 */
#include "outbox/sqlite/lite.h"

#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

static const struct timespec one_ms = { 0, 1000000 };

/* Open the file ${suffix} beside the database.  -1: errno. */
static int
open_beside(const struct lite *lt, const char *suffix, int flags)
{
	char *path;
	int fd, error;

	if ((path = lite_place_beside(lt, suffix)) == NULL)
		return -1;
	fd = open(path, flags | O_NOFOLLOW | O_CLOEXEC, 0600);
	error = errno;
	free(path);
	errno = error;
	return fd;
}

/* Open the FIFO, making it if need be.  Without it the relay watches the clock. */
static int
open_wake(const struct lite *lt)
{
	struct stat sb;
	char *path;
	int fd;

	if ((path = lite_place_beside(lt, "-wake")) == NULL)
		return -1;
	mkfifo(path, 0600);		/* or it is there */
	/* For reading too, so that a wake-up never waits for nor misses a reader. */
	fd = open(path, O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	free(path);
	if (fd != -1 && (fstat(fd, &sb) == -1 || !S_ISFIFO(sb.st_mode))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

int
lite_lock_open_relay(const struct lite *lt, int flags)
{
	return open_beside(lt, "-relay", flags);
}

int
lite_lock_open(struct lite *lt)
{
	if (lt->read_only)
		return 0;
	if ((lt->lock_fd = open_beside(lt, "-lock", O_RDWR | O_CREAT)) == -1)
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

int
lite_lock_writer(struct lite *lt)
{
	int64_t until = 0;

	while (flock(lt->lock_fd, LOCK_EX | LOCK_NB) == -1) {
		if (errno == EINTR)
			continue;
		if (errno != EWOULDBLOCK)
			return lite_fault_set(lt, STORE_FAULT_IO,
			    "outbox %s-lock: %s", lt->path, strerror(errno));
		if (until == 0)
			until = clock_mono_ms() + lt->busy_ms;
		else if (clock_mono_ms() >= until)
			return lite_fault_set(lt, STORE_FAULT_BUSY,
			    "outbox %s: another process keeps it locked",
			    lt->path);
		nanosleep(&one_ms, NULL);
	}
	return 0;
}

void
lite_lock_release(struct lite *lt)
{
	flock(lt->lock_fd, LOCK_UN);
}

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

int
lite_lock_relay(struct store *st)
{
	struct lite *lt = (struct lite *)st;
	char pid[32];
	int fd, len;

	if (lt->relay_fd != -1)
		return 1;
	if ((fd = open_beside(lt, "-relay", O_RDWR | O_CREAT)) == -1) {
		log_warn("outbox %s-relay: %s", lt->path, strerror(errno));
		return -1;
	}
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
	struct timespec times[2];

	if (lt->relay_fd == -1)
		return;
	times[0].tv_sec = now_ms / 1000;
	times[0].tv_nsec = now_ms % 1000 * 1000000;
	times[1] = times[0];
	futimens(lt->relay_fd, times);
}

void
lite_lock_look(struct store *st, struct store_stats *stats)
{
	const struct lite *lt = (const struct lite *)st;
	char pid[32] = "";
	struct stat sb;
	int fd;

	if ((fd = open_beside(lt, "-relay", O_RDONLY)) == -1)
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
