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
#define ANSWER_MS 500			/* how long turning to a target may take */
#define AGAIN_MS 3000			/* between two tries at one that cannot be opened */
#define FLUSH_MS 200
#define SYSLOG_PATH "/dev/log"

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
	pthread_cond_t done;		/* for whoever waits for it */
	bool made;			/* the conditions are */
	bool running;			/* there is a writer */
	bool idle;			/* which a line has to wake */
	bool left;			/* one has ended, or will, and is to be joined */
	pthread_t thread;
	int64_t end_mono_ms;		/* not 0: it is to end, by then at the latest */
	struct buf queue;
	unsigned long long lost;	/* lines that found no room in it */

	enum log_target target;		/* the one wanted */
	char *path;
	bool patient;			/* one that cannot be opened is tried again */
	unsigned turns;			/* rises with each turn to a target */
	unsigned settled;		/* the last one that was carried out */
	int error;			/* of that one */
} shared = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* The writer's own, whichever thread that is at the time. */
static struct {
	enum log_target target;		/* the one in use */
	char *path;
	int fd;
	unsigned turns;			/* as far as it has followed */
	bool failing;			/* the one wanted could not be opened */
	int64_t again_mono_ms;		/* then it is tried again */
	struct buf batch;		/* taken from the queue */
	struct buf chunk;		/* lines about to be written by one call */
	unsigned chunk_lines;
	unsigned long long lost;	/* yet to be said */
	bool torn;			/* half a line was written */
	bool json;			/* as the last line was */
} writer = { .fd = STDERR_FILENO };

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
add_line(struct buf *out, enum log_target target, const struct head *head,
    const char *text)
{
	bool journal = target == LOG_TO_STDERR && getenv("JOURNAL_STREAM") != NULL;
	char now[TEXT_TIME_SIZE];

	if (target == LOG_TO_SYSLOG)
		add_syslog_head(out, head);
	if (journal)
		buf_printf(out, "<%d>", priorities[head->level]);
	if (head->json)
		buf_putc(out, '{');
	if (!journal && target != LOG_TO_SYSLOG)
		buf_printf(out, head->json ? "\"time\":\"%s\"," : "time=%s ",
		    text_format_time(head->wall_ms, now));
	buf_add(out, text, head->len);
	if (target != LOG_TO_SYSLOG)
		buf_putc(out, '\n');
}

/* --- writing -------------------------------------------------------------- */

/* Has somebody turned to another target, or is it time to end? */
static bool
is_called_off(void)
{
	bool off;

	(void)pthread_mutex_lock(&shared.lock);
	off = shared.turns != writer.turns || (shared.end_mono_ms != 0 &&
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
		n = writer.target == LOG_TO_SYSLOG ?
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

/* Write a line of our own; not through the chunk, which may be waiting. */
static bool
say(int level, const char *words)
{
	struct head head = { .wall_ms = clock_wall_ms(), .level = level,
	    .json = writer.json };
	struct buf text = { 0 }, line = { 0 };
	bool said;

	buf_printf(&text, head.json ? "\"level\":\"%s\",\"msg\":" : "level=%s msg=",
	    level == LOG_LV_WARN ? "warn" : "info");
	buf_json(&text, words, strlen(words));
	if (head.json)
		buf_putc(&text, '}');
	head.len = text.len;
	if (writer.torn)
		buf_putc(&line, '\n');
	if (buf_ok(&text))
		add_line(&line, writer.target, &head, text.data);
	said = buf_ok(&text) && buf_ok(&line) && put(line.data, line.len);
	buf_free(&text);
	buf_free(&line);
	return said;
}

/* On stderr too, if that takes it at once. */
static void
say_on_stderr(const char *words)
{
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };
	struct buf line = { 0 };

	if (writer.target == LOG_TO_STDERR || poll(&p, 1, 0) != 1)
		return;
	buf_printf(&line, "leadrelay: %s\n", words);
	if (buf_ok(&line) && write(STDERR_FILENO, line.data, line.len) == -1) {
		/* There is nowhere left to say so. */
	}
	buf_free(&line);
}

static void
say_lost(void)
{
	char words[64];

	(void)snprintf(words, sizeof(words), "%llu %s lost", writer.lost,
	    writer.lost == 1 ? "line was" : "lines were");
	if (writer.lost != 0 && say(LOG_LV_WARN, words))
		writer.lost = 0;
}

/* --- targets -------------------------------------------------------------- */

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

/* Use ${fd} from here on; ${path} is given away. */
static void
use(enum log_target target, char *path, int fd)
{
	if (writer.fd != STDERR_FILENO)
		(void)close(writer.fd);
	free(writer.path);
	writer.target = target;
	writer.path = path;
	writer.fd = fd;
	writer.torn = false;
}

/* How ${target} is called where it is talked of. */
static const char *
name_of(enum log_target target, const char *path)
{
	return target == LOG_TO_FILE ? path :
	    target == LOG_TO_SYSLOG ? "syslog" : "stderr";
}

/* Where lines go while ${path} cannot be opened. */
static const char *
name_of_former(const char *path)
{
	return path != NULL && writer.path != NULL && strcmp(path, writer.path) == 0 ?
	    "the former file" : name_of(writer.target, writer.path);
}

/* Opened, when it could not be before; or not, which is said once. */
static void
say_news(enum log_target target, const char *path, int error, bool was_failing)
{
	struct buf words = { 0 };

	if (error == 0)
		buf_printf(&words, "log %s: open again", name_of(target, path));
	else
		buf_printf(&words, "log %s: cannot be opened: %s; lines go on to "
		    "%s, and it is tried again", name_of(target, path),
		    strerror(error), name_of_former(path));
	if (buf_ok(&words) && was_failing != (error != 0)) {
		(void)say(error == 0 ? LOG_LV_INFO : LOG_LV_WARN, words.data);
		if (error != 0)
			say_on_stderr(words.data);
	}
	buf_free(&words);
}

/* Is there a target to turn to?  The lock is held. */
static bool
has_to_turn(void)
{
	return shared.turns != writer.turns ||
	    (writer.failing && clock_mono_ms() >= writer.again_mono_ms);
}

/* The turn ${turns} is carried out; the lock is held.  True: with patience. */
static bool
settle(unsigned turns, int error)
{
	bool patient = shared.patient;

	writer.turns = turns;
	shared.settled = turns;
	shared.error = error;
	shared.patient = true;		/* a target that was good once is waited for */
	(void)pthread_cond_broadcast(&shared.done);
	return patient;
}

static int
open_target(enum log_target target, const char *path)
{
	if (target == LOG_TO_STDERR)
		return STDERR_FILENO;
	if (target == LOG_TO_SYSLOG)
		return open_syslog();
	if (path != NULL)
		return open_file(path);
	errno = ENOMEM;
	return -1;
}

/* Turn to the target that is wanted, if it is not in use. */
static void
follow(void)
{
	bool was_failing = writer.failing, again, patient;
	enum log_target target;
	unsigned turns;
	char *path;
	int fd, error;

	(void)pthread_mutex_lock(&shared.lock);
	again = has_to_turn();
	turns = shared.turns;
	target = shared.target;
	path = again && shared.path != NULL ? strdup(shared.path) : NULL;
	(void)pthread_mutex_unlock(&shared.lock);
	if (!again)
		return;
	error = (fd = open_target(target, path)) == -1 ? errno : 0;
	(void)pthread_mutex_lock(&shared.lock);
	patient = settle(turns, error);
	(void)pthread_mutex_unlock(&shared.lock);
	writer.again_mono_ms = clock_mono_ms() + AGAIN_MS;
	if (error == 0) {
		use(target, path, fd);
		path = NULL;
	}
	if (error == 0 || patient) {
		writer.failing = error != 0;
		say_news(target, error == 0 ? writer.path : path, error, was_failing);
	}
	free(path);
}

/* --- the writer ----------------------------------------------------------- */

/* Is syslog there again?  A daemon that was started anew has another socket. */
static bool
find_syslog(void)
{
	if (writer.target != LOG_TO_SYSLOG || is_called_off())
		return false;
	use(LOG_TO_STDERR, NULL, STDERR_FILENO);
	writer.turns--;			/* as if it had yet to be turned to */
	follow();
	return writer.target == LOG_TO_SYSLOG;
}

static void
put_chunk(void)
{
	const struct buf *chunk = &writer.chunk;

	if (writer.lost != 0 && writer.chunk_lines != 0)
		say_lost();
	if (writer.lost != 0 || (!put(chunk->data, chunk->len) &&
	    !(find_syslog() && put(chunk->data, chunk->len))))
		writer.lost += writer.chunk_lines;
	buf_reset(&writer.chunk);
	writer.chunk_lines = 0;
	follow();
}

/* Add a line to the chunk, which is written before it would become too large. */
static void
put_line(const struct head *head, const char *text)
{
	struct buf *chunk = &writer.chunk;
	size_t before = chunk->len;

	writer.json = head->json;
	add_line(chunk, writer.target, head, text);
	if (chunk->len > CHUNK_MAX && before != 0) {
		chunk->len = before;
		put_chunk();
		add_line(chunk, writer.target, head, text);
	}
	writer.chunk_lines++;
	if (!buf_ok(chunk)) {
		writer.lost += writer.chunk_lines;
		writer.chunk_lines = 0;
		buf_free(chunk);
	}
	if (writer.target == LOG_TO_SYSLOG)
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
	shared.idle = true;
	while (shared.queue.len == 0 && !has_to_turn() && shared.end_mono_ms == 0)
		if (writer.failing)
			wait_until(&shared.news, writer.again_mono_ms);
		else
			(void)pthread_cond_wait(&shared.news, &shared.lock);
	shared.idle = false;
	over = shared.end_mono_ms != 0 && (clock_mono_ms() >= shared.end_mono_ms ||
	    (shared.queue.len == 0 && shared.turns == writer.turns));
	if (over) {
		shared.running = false;
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
		if (writer.lost != 0)
			say_lost();
	}
	return arg;
}

/* --- the writer's beginning and end --------------------------------------- */

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
	shared.left = false;
	shared.idle = false;
	if (shared.running) {
		memset(&writer, 0, sizeof(writer));
		writer.fd = STDERR_FILENO;
		writer.turns = shared.turns - 1;
		shared.patient = true;
		shared.running = false;
	}
	(void)pthread_mutex_unlock(&shared.lock);
}

/* Bury a writer that has ended; the lock is held, which it needs no more. */
static void
join_writer(void)
{
	if (shared.left && !shared.running) {
		shared.left = false;
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
		(void)atexit(log_out_flush);
	}
	join_writer();
	/* Signals, and a SIGPIPE of its own, are nothing for it. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setstacksize(&attr, STACK_SIZE);
	shared.left = pthread_create(&shared.thread, &attr, write_lines, NULL) == 0;
	shared.running = shared.left;
	(void)pthread_attr_destroy(&attr);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* There is something to do; the lock is held. */
static void
wake_writer(void)
{
	if (shared.running)
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
		if (shared.idle || !shared.running || (queue->len > QUEUE_HIGH &&
		    queue->len - size <= QUEUE_HIGH))
			wake_writer();
	}
	(void)pthread_mutex_unlock(&shared.lock);
}

/* What became of the turn ${turns}, an error number; the lock is held. */
static int
wait_for_turn(unsigned turns)
{
	int64_t end = clock_mono_ms() + ANSWER_MS;

	while (shared.running && (int)(shared.settled - turns) < 0 &&
	    clock_mono_ms() < end)
		wait_until(&shared.done, end);
	if (shared.settled == turns)
		return shared.error;
	shared.turns++;			/* so that it looks once more */
	return ETIMEDOUT;
}

/* Is that what is wanted already?  The lock is held. */
static bool
is_wanted(enum log_target target, const char *path)
{
	return target == shared.target && (path == NULL ||
	    (shared.path != NULL && strcmp(path, shared.path) == 0));
}

int
log_out_open(enum log_target target, const char *path, bool patient)
{
	char *other = path != NULL ? strdup(path) : NULL;
	enum log_target former;
	int error = 0;

	if (path != NULL && other == NULL)
		return -1;
	(void)pthread_mutex_lock(&shared.lock);
	if (!is_wanted(target, path)) {
		char *former_path = shared.path;

		former = shared.target;
		shared.target = target;
		shared.path = other;
		shared.patient = patient;
		shared.turns++;
		wake_writer();
		if (!patient)
			error = wait_for_turn(shared.turns);
		if (error != 0) {
			shared.target = former;
			shared.path = former_path;
			shared.patient = true;
		} else {
			other = former_path;
		}
	}
	(void)pthread_mutex_unlock(&shared.lock);
	free(other);
	errno = error;
	return error == 0 ? 0 : -1;
}

void
log_out_reopen(void)
{
	(void)pthread_mutex_lock(&shared.lock);
	if (shared.target != LOG_TO_STDERR) {
		shared.patient = true;
		shared.turns++;
		wake_writer();
	}
	(void)pthread_mutex_unlock(&shared.lock);
}

void
log_out_flush(void)
{
	int64_t end = clock_mono_ms() + FLUSH_MS;

	(void)pthread_mutex_lock(&shared.lock);
	if (!shared.running && shared.queue.len != 0) {
		/* No thread could be made. */
		shared.running = true;
		shared.end_mono_ms = end;
		(void)pthread_mutex_unlock(&shared.lock);
		(void)write_lines(NULL);
		(void)pthread_mutex_lock(&shared.lock);
	}
	shared.end_mono_ms = end;
	if (shared.running)
		(void)pthread_cond_signal(&shared.news);
	while (shared.running && clock_mono_ms() < end)
		wait_until(&shared.done, end);
	join_writer();
	shared.end_mono_ms = 0;
	(void)pthread_mutex_unlock(&shared.lock);
}
