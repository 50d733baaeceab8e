/*
 * log_out: the queue, and the thread that writes it.
 *
 * Callers and the writer share a queue, and which target is wanted.  What the writer
 * uses just now is its own: it follows a turn between two writes, or when a write
 * cannot go on.  It ends when it is told to (log_flush), so that a fork or the
 * process's end may follow, and is made anew by the next line.
 */
#include "base/log_out.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

#define QUEUE_MAX (256u << 10)		/* about a thousand lines */
#define QUEUE_HIGH (QUEUE_MAX / 4)	/* then the writer's pause is over */
#define CHUNK_MAX PIPE_BUF		/* one write is whole, whoever writes beside us */
#define STACK_SIZE (256u << 10)
#define PAUSE_MS 2			/* between two batches: nobody wakes it for each line */
#define LOOK_MS 20			/* a writer that waits looks about as often */
#define AGAIN_MS 3000			/* between two tries at one that cannot be opened */
#define FLUSH_MS 200
#define SYSLOG_PATH "/dev/log"
#define FILE_PREFIX "file:"
#define TARGET_SIZE (sizeof(FILE_PREFIX) + PATH_MAX)

enum kind { TO_NOWHERE, TO_STDERR, TO_SYSLOG, TO_FILE };

/* The thread: none; ended, yet to be joined; at work; waiting, for a line to wake it. */
enum state { ABSENT, ENDED, BUSY, IDLE };

/* What stands before each line in the queue. */
struct head {
	int64_t wall_ms;
	size_t len;
	int level;
	bool json;
};

/* What ${lock} guards. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t news;		/* for the writer */
	pthread_cond_t done;		/* it has ended */
	bool made;			/* the conditions are */
	enum state state;
	pthread_t thread;
	int64_t end_mono_ms;		/* not 0: it is to end, by then at the latest */
	struct buf queue;
	unsigned long long lost;	/* lines that found no room in it */

	char target[TARGET_SIZE];	/* the one wanted */
	int fd;				/* opened already, or -1 */
	bool turned;			/* the writer has yet to follow */
} shared = { .lock = PTHREAD_MUTEX_INITIALIZER, .target = "stderr", .fd = -1 };

/* The writer's own, whichever thread that is at the time. */
static struct {
	enum kind kind;			/* of the target in use */
	char target[TARGET_SIZE];
	int fd;
	bool failing;			/* the one wanted could not be opened */
	int64_t again_mono_ms;		/* then it is tried again */
	struct buf batch;		/* taken from the queue */
	struct buf chunk;		/* lines about to be written by one call */
	unsigned chunk_lines;
	unsigned long long chunk_lost;	/* as many lost ones are said there */
	unsigned long long lost;	/* yet to be said */
	bool torn;			/* half a line was written */
	bool json;			/* as the last line was */
} writer = { TO_STDERR, "stderr", .fd = STDERR_FILENO };

static const int priorities[] = {
	[LOG_LV_ERROR] = LOG_ERR, [LOG_LV_WARN] = LOG_WARNING,
	[LOG_LV_INFO] = LOG_INFO, [LOG_LV_DEBUG] = LOG_DEBUG
};

/* Wait at ${cond} until ${until_mono_ms}; the lock is held. */
static void
wait_until(pthread_cond_t *cond, int64_t until_mono_ms)
{
	struct timespec until = clock_deadline(until_mono_ms - clock_mono_ms());

	(void)pthread_cond_timedwait(cond, &shared.lock, &until);
}

/* --- a line as its target wants it ---------------------------------------- */

/* What syslog(3) would put before it (RFC 3164). */
static void
add_syslog_head(struct buf *out, const struct head *head)
{
	time_t seconds = (time_t)(head->wall_ms / 1000);
	char when[32] = "";
	struct tm tm;

	if (localtime_r(&seconds, &tm) != NULL)
		(void)strftime(when, sizeof(when), "%b %e %H:%M:%S", &tm);
	buf_printf(out, "<%d>%s leadrelay[%ld]: ", LOG_DAEMON |
	    priorities[head->level], when, (long)getpid());
}

/*
 * systemd's prefix (sd-daemon(3)), or the line's time where nobody else adds one;
 * then the line and its end.
 */
static void
add_line(struct buf *out, const struct head *head, const char *text)
{
	bool journal = writer.kind == TO_STDERR && getenv("JOURNAL_STREAM") != NULL;
	char now[TEXT_TIME_SIZE];

	if (writer.kind == TO_SYSLOG)
		add_syslog_head(out, head);
	if (journal)
		buf_printf(out, "<%d>", priorities[head->level]);
	if (head->json)
		buf_putc(out, '{');
	if (!journal && writer.kind != TO_SYSLOG)
		buf_printf(out, head->json ? "\"time\":\"%s\"," : "time=%s ",
		    text_format_time(head->wall_ms, now));
	buf_add(out, text, head->len);
	if (writer.kind != TO_SYSLOG)
		buf_putc(out, '\n');
}

/* --- writing -------------------------------------------------------------- */

/* Has somebody turned to another target, or is it time to end? */
static bool
is_called_off(void)
{
	bool off;

	(void)pthread_mutex_lock(&shared.lock);
	off = shared.turned || (shared.end_mono_ms != 0 &&
	    clock_mono_ms() >= shared.end_mono_ms);
	(void)pthread_mutex_unlock(&shared.lock);
	return off;
}

/*
 * Wait until the target takes something.  Only when another process takes the
 * room between this and the write does the write itself wait.
 */
static bool
wait_for_room(void)
{
	struct pollfd p = { .fd = writer.fd, .events = POLLOUT };

	while (poll(&p, 1, LOOK_MS) != 1)
		if (is_called_off())
			return false;
	return true;
}

/* Write it all.  False: something of it is lost. */
static bool
put(const char *bytes, size_t len)
{
	size_t at = 0;
	ssize_t n;

	while (at < len) {
		if (!wait_for_room())
			break;
		n = writer.kind == TO_SYSLOG ?
		    send(writer.fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL) :
		    write(writer.fd, bytes + at, len - at);
		if (n >= 0)
			at += (size_t)n;
		else if (errno == EAGAIN)
			(void)poll(NULL, 0, LOOK_MS);	/* its flags are not ours */
		else if (errno != EINTR)
			break;
	}
	writer.torn = at != len && (at != 0 || writer.torn);
	return at == len;
}

/* On stderr too, if that takes it at once. */
static void
say_on_stderr(const char *words)
{
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };

	/* Should that fail, there is nowhere left to say so. */
	if (writer.kind != TO_STDERR && poll(&p, 1, 0) == 1)
		(void)dprintf(STDERR_FILENO, "leadrelay: %s\n", words);
}

/* --- targets -------------------------------------------------------------- */

static enum kind
kind_of(const char *target)
{
	if (strncmp(target, FILE_PREFIX, sizeof(FILE_PREFIX) - 1) == 0)
		return TO_FILE;
	return strcmp(target, "stderr") == 0 ? TO_STDERR :
	    strcmp(target, "syslog") == 0 ? TO_SYSLOG : TO_NOWHERE;
}

/* How ${target} is called where it is talked of: a file by its path. */
static const char *
name_of(const char *target)
{
	return kind_of(target) == TO_FILE ? target + sizeof(FILE_PREFIX) - 1 : target;
}

/*
 * A FIFO without a reader must not be waited for, so O_NONBLOCK; this
 * description is nobody else's, and afterwards it may wait, as the writer may.
 */
static int
open_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_NOCTTY |
	    O_CLOEXEC, 0640);

	if (fd != -1)
		(void)fcntl(fd, F_SETFL, O_APPEND);
	return fd;
}

static int
open_syslog(void)
{
	const struct sockaddr_un address = { AF_UNIX, SYSLOG_PATH };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), error;

	if (fd == -1 || connect(fd, (const struct sockaddr *)&address,
	    sizeof(address)) == 0)
		return fd;
	error = errno;
	(void)close(fd);
	errno = error;
	return -1;
}

/* Neither waits: who asks for a target may be the one to open it. */
static int
open_target(const char *target)
{
	enum kind kind = kind_of(target);

	return kind == TO_STDERR ? STDERR_FILENO :
	    kind == TO_SYSLOG ? open_syslog() : open_file(name_of(target));
}

static void
close_target(int fd)
{
	if (fd != -1 && fd != STDERR_FILENO)
		(void)close(fd);
}

/* Use ${fd} from here on, which is ${target}. */
static void
use(const char *target, int fd)
{
	close_target(writer.fd);
	writer.kind = kind_of(target);
	(void)strcpy(writer.target, target);
	writer.fd = fd;
	writer.torn = false;
}

/* Opened, when it could not be before; or not.  Whatever level is wanted. */
static void
say_news(const char *target, int error)
{
	bool same = writer.kind == TO_FILE && strcmp(target, writer.target) == 0;
	struct buf words = { 0 };

	if (error == 0)
		buf_printf(&words, "log %s: open again", name_of(target));
	else
		buf_printf(&words, "log %s: cannot be opened: %s; lines go on to "
		    "%s, and it is tried again", name_of(target),
		    strerror(error), same ? "the former file" :
		    name_of(writer.target));
	if (buf_ok(&words))
		log_say(error == 0 ? LOG_LV_INFO : LOG_LV_WARN, words.data);
	if (buf_ok(&words) && error != 0)
		say_on_stderr(words.data);
	buf_free(&words);
}

/* Is there a target to turn to?  The lock is held. */
static bool
has_to_turn(void)
{
	return shared.turned ||
	    (writer.failing && clock_mono_ms() >= writer.again_mono_ms);
}

/* Turn to the target that is wanted, if it is not in use.  A failure is said once. */
static void
follow(void)
{
	bool was_failing = writer.failing, again;
	char target[TARGET_SIZE];
	int fd = -1, error;

	(void)pthread_mutex_lock(&shared.lock);
	if ((again = has_to_turn())) {
		(void)strcpy(target, shared.target);
		fd = shared.fd;
		shared.fd = -1;
		shared.turned = false;
	}
	(void)pthread_mutex_unlock(&shared.lock);
	if (!again)
		return;
	error = fd != -1 || (fd = open_target(target)) != -1 ? 0 : errno;
	writer.again_mono_ms = clock_mono_ms() + AGAIN_MS;
	writer.failing = error != 0;
	if (error == 0)
		use(target, fd);
	if (was_failing != writer.failing)
		say_news(target, error);
}

/* --- the writer ----------------------------------------------------------- */

/* Is syslog there again?  A daemon that was started anew has another socket. */
static bool
find_syslog(void)
{
	if (writer.kind != TO_SYSLOG || is_called_off())
		return false;
	use("stderr", STDERR_FILENO);
	(void)pthread_mutex_lock(&shared.lock);
	shared.turned = true;
	(void)pthread_mutex_unlock(&shared.lock);
	follow();
	return writer.kind == TO_SYSLOG;
}

static void
put_chunk(void)
{
	const struct buf *chunk = &writer.chunk;

	if (buf_ok(chunk) && (put(chunk->data, chunk->len) ||
	    (find_syslog() && put(chunk->data, chunk->len))))
		writer.lost -= writer.chunk_lost;
	else
		writer.lost += writer.chunk_lines;
	buf_reset(&writer.chunk);
	writer.chunk_lines = 0;
	writer.chunk_lost = 0;
	follow();
}

/* Begin a chunk with how many lines were lost, if any were. */
static void
put_lost(void)
{
	struct head head = { clock_wall_ms(), 0, LOG_LV_WARN, writer.json };
	char text[80];

	if (writer.lost == 0 || writer.chunk.len != 0)
		return;
	head.len = (size_t)snprintf(text, sizeof(text), head.json ?
	    "\"level\":\"warn\",\"msg\":\"%llu %s lost\"}" :
	    "level=warn msg=\"%llu %s lost\"", writer.lost,
	    writer.lost == 1 ? "line was" : "lines were");
	writer.chunk_lost = writer.lost;
	if (writer.torn)
		buf_putc(&writer.chunk, '\n');
	add_line(&writer.chunk, &head, text);
	if (writer.kind == TO_SYSLOG)
		put_chunk();
}

/* Add a line to the chunk, which is written before it would become too large. */
static void
put_line(const struct head *head, const char *text)
{
	struct buf *chunk = &writer.chunk;
	size_t before;

	writer.json = head->json;
	put_lost();
	before = chunk->len;
	add_line(chunk, head, text);
	if (chunk->len > CHUNK_MAX && before != 0) {
		chunk->len = before;
		put_chunk();
		put_lost();
		add_line(chunk, head, text);
	}
	writer.chunk_lines++;
	if (writer.kind == TO_SYSLOG)
		put_chunk();
}

/* Write what was taken from the queue. */
static void
write_batch(void)
{
	const struct buf *batch = &writer.batch;
	struct head head;
	size_t at;

	follow();
	for (at = 0; at < batch->len; at += sizeof(head) + head.len) {
		memcpy(&head, batch->data + at, sizeof(head));
		put_line(&head, batch->data + at + sizeof(head));
	}
	put_chunk();
	buf_reset(&writer.batch);
}

/* Wait for something to do and take what is queued.  False: it is time to end. */
static bool
take_batch(unsigned long long *lost)
{
	struct buf empty = writer.batch;
	bool over;

	(void)pthread_mutex_lock(&shared.lock);
	if (!has_to_turn() && shared.end_mono_ms == 0)
		wait_until(&shared.news, clock_mono_ms() + PAUSE_MS);
	shared.state = IDLE;
	while (shared.queue.len == 0 && !has_to_turn() && shared.end_mono_ms == 0)
		if (writer.failing)
			wait_until(&shared.news, writer.again_mono_ms);
		else
			(void)pthread_cond_wait(&shared.news, &shared.lock);
	over = shared.end_mono_ms != 0 && (clock_mono_ms() >= shared.end_mono_ms ||
	    (shared.queue.len == 0 && !shared.turned));
	shared.state = BUSY;
	if (over) {
		/* Whoever flushes may do it without a thread. */
		shared.state = pthread_equal(pthread_self(), shared.thread) ?
		    ENDED : ABSENT;
		(void)pthread_cond_broadcast(&shared.done);
	} else {
		writer.batch = shared.queue;
		shared.queue = empty;
		*lost = shared.lost;
		shared.lost = 0;
	}
	(void)pthread_mutex_unlock(&shared.lock);
	return !over;
}

static void *
write_lines(void *arg)
{
	unsigned long long lost;

	while (take_batch(&lost)) {
		write_batch();
		/* They would have come behind what was in the queue. */
		writer.lost += lost;
		put_lost();
		put_chunk();
	}
	return arg;
}

/* --- the writer's beginning and end --------------------------------------- */

static bool
is_running(void)
{
	return shared.state >= BUSY;
}

static void
make_conditions(void)
{
	clock_cond_init(&shared.news);
	clock_cond_init(&shared.done);
}

static void
before_fork(void)
{
	(void)pthread_mutex_lock(&shared.lock);
}

static void
after_fork(void)
{
	(void)pthread_mutex_unlock(&shared.lock);
}

/*
 * What is queued is the parent's to write.  A writer that was at work has left
 * its own things in no known state: they are given up, and the target is opened anew.
 */
static void
in_child(void)
{
	make_conditions();
	buf_reset(&shared.queue);
	shared.lost = 0;
	shared.end_mono_ms = 0;
	if (is_running()) {
		memset(&writer, 0, sizeof(writer));
		writer.fd = -1;
		use("stderr", STDERR_FILENO);
		shared.turned = true;
	}
	shared.state = ABSENT;
	(void)pthread_mutex_unlock(&shared.lock);
}

/* Bury a writer that has ended; the lock is held, which it needs no more. */
static void
join_writer(void)
{
	if (shared.state == ENDED) {
		shared.state = ABSENT;
		(void)pthread_join(shared.thread, NULL);
	}
}

/* Make the thread; the lock is held.  Without one, lines wait for the next try. */
static void
start_writer(void)
{
	pthread_attr_t attr;
	sigset_t all, before;

	if (!shared.made) {
		shared.made = true;
		make_conditions();
		(void)pthread_atfork(before_fork, after_fork, in_child);
		(void)atexit(log_flush);
	}
	join_writer();
	/* Signals, and a SIGPIPE of its own, are nothing for it. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setstacksize(&attr, STACK_SIZE);
	if (pthread_create(&shared.thread, &attr, write_lines, NULL) == 0)
		shared.state = BUSY;
	(void)pthread_attr_destroy(&attr);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* There is something to do; the lock is held. */
static void
wake_writer(void)
{
	if (is_running())
		(void)pthread_cond_signal(&shared.news);
	else
		start_writer();
}

void
log_out_line(int level, bool json, const struct buf *text)
{
	const struct head head = { clock_wall_ms(), text->len, level, json };
	struct buf *queue = &shared.queue;
	size_t size = sizeof(head) + text->len;

	(void)pthread_mutex_lock(&shared.lock);
	if (!buf_ok(text) || queue->len + size > QUEUE_MAX ||
	    !buf_reserve(queue, size)) {
		queue->oom = false;
		shared.lost++;
	} else {
		buf_add(queue, &head, sizeof(head));
		buf_add(queue, text->data, text->len);
		if (shared.state != BUSY || (queue->len > QUEUE_HIGH &&
		    queue->len - size <= QUEUE_HIGH))
			wake_writer();
	}
	(void)pthread_mutex_unlock(&shared.lock);
}

/* Have the writer turn to the target wanted: ${fd}, or -1: to be opened.  The lock is held. */
static void
turn(int fd)
{
	close_target(shared.fd);
	shared.fd = fd;
	shared.turned = true;
	wake_writer();
}

int
log_open(const char *target, bool patient)
{
	bool wanted;
	int fd = -1;

	if (kind_of(target) == TO_NOWHERE || strlen(target) >= TARGET_SIZE) {
		errno = EINVAL;
		return -1;
	}
	(void)pthread_mutex_lock(&shared.lock);
	wanted = strcmp(target, shared.target) == 0;
	(void)pthread_mutex_unlock(&shared.lock);
	if (wanted)
		return 0;
	if (!patient && (fd = open_target(target)) == -1)
		return -1;
	(void)pthread_mutex_lock(&shared.lock);
	(void)strcpy(shared.target, target);
	turn(fd);
	(void)pthread_mutex_unlock(&shared.lock);
	return 0;
}

void
log_reopen(void)
{
	(void)pthread_mutex_lock(&shared.lock);
	if (kind_of(shared.target) != TO_STDERR)
		turn(-1);
	(void)pthread_mutex_unlock(&shared.lock);
}

void
log_flush(void)
{
	int64_t end = clock_mono_ms() + FLUSH_MS;

	(void)pthread_mutex_lock(&shared.lock);
	shared.end_mono_ms = end;
	if (!is_running() && shared.queue.len != 0) {
		/* No thread could be made. */
		shared.state = BUSY;
		(void)pthread_mutex_unlock(&shared.lock);
		(void)write_lines(NULL);
		(void)pthread_mutex_lock(&shared.lock);
	}
	if (is_running())
		(void)pthread_cond_signal(&shared.news);
	while (is_running() && clock_mono_ms() < end)
		wait_until(&shared.done, end);
	join_writer();
	shared.end_mono_ms = 0;
	(void)pthread_mutex_unlock(&shared.lock);
}

_Noreturn void
log_exit(int status)
{
	log_flush();
	_exit(status);
}
