#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"

enum target { TARGET_STDERR, TARGET_SYSLOG, TARGET_FILE };

/* The logger's own state; ${lock} guards all of it. */
static struct {
	pthread_mutex_t lock;
	enum target target;
	enum log_format format;
	enum log_level level;
	char *path;
	int fd;
} logger = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.target = TARGET_STDERR,
	.format = LOG_FMT_LOGFMT,
	.level = LOG_LV_INFO,
	.fd = STDERR_FILENO
};

static const struct {
	const char *name;
	int priority;		/* syslog(3); also sd-daemon(3)'s prefix */
} levels[] = {
	[LOG_LV_ERROR] = { "error", LOG_ERR },
	[LOG_LV_WARN] = { "warn", LOG_WARNING },
	[LOG_LV_INFO] = { "info", LOG_INFO },
	[LOG_LV_DEBUG] = { "debug", LOG_DEBUG }
};

static int
open_file(const char *path)
{
	return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
}

/* Take over a target; the lock is held. */
static void
set_target(enum target target, int fd, char *path)
{
	if (logger.target == TARGET_FILE)
		close(logger.fd);
	if (logger.target == TARGET_SYSLOG)
		closelog();
	free(logger.path);
	logger.target = target;
	logger.fd = fd;
	logger.path = path;
	if (target == TARGET_SYSLOG)
		openlog("leadrelay", LOG_PID | LOG_NDELAY, LOG_DAEMON);
}

int
log_open(const char *target, enum log_format format, enum log_level level)
{
	enum target kind;
	char *path = NULL;
	int fd = STDERR_FILENO;

	if (strcmp(target, "stderr") == 0)
		kind = TARGET_STDERR;
	else if (strcmp(target, "syslog") == 0)
		kind = TARGET_SYSLOG;
	else if (strncmp(target, "file:", 5) == 0) {
		kind = TARGET_FILE;
		if ((path = strdup(target + 5)) == NULL)
			return -1;
		if ((fd = open_file(path)) == -1) {
			free(path);
			return -1;
		}
	} else {
		errno = EINVAL;
		return -1;
	}
	pthread_mutex_lock(&logger.lock);
	set_target(kind, fd, path);
	logger.format = format;
	logger.level = level;
	pthread_mutex_unlock(&logger.lock);
	return 0;
}

int
log_reopen(void)
{
	int fd, rc = 0;

	pthread_mutex_lock(&logger.lock);
	if (logger.target == TARGET_FILE) {
		if ((fd = open_file(logger.path)) == -1)
			rc = -1;
		else {
			close(logger.fd);
			logger.fd = fd;
		}
	}
	pthread_mutex_unlock(&logger.lock);
	return rc;
}

/* Does a logfmt value need quotes? */
static bool
needs_quotes(const char *value)
{
	if (*value == '\0')
		return true;
	for (; *value != '\0'; value++)
		if ((unsigned char)*value <= ' ' || *value == '"' ||
		    *value == '=' || *value == '\\' || *value == 0x7f)
			return true;
	return false;
}

/* The key, and what parts it from the field before; ${first} of the line: nothing. */
static void
add_key(struct buf *line, enum log_format format, const char *key, bool first)
{
	if (!first)
		buf_putc(line, format == LOG_FMT_JSON ? ',' : ' ');
	if (format == LOG_FMT_JSON)
		buf_putc(line, '"');
	buf_puts(line, key);
	if (format == LOG_FMT_JSON)
		buf_putc(line, '"');
	buf_putc(line, format == LOG_FMT_JSON ? ':' : '=');
}

static void
add_string(struct buf *line, enum log_format format, const char *key,
    const char *value, bool first)
{
	add_key(line, format, key, first);
	if (format == LOG_FMT_JSON || needs_quotes(value))
		buf_json(line, value, strlen(value));
	else
		buf_puts(line, value);
}

static void
add_number(struct buf *line, enum log_format format, const char *key,
    long long value)
{
	add_key(line, format, key, false);
	buf_int(line, value);
}

static void
add_fields(struct buf *line, enum log_format format, va_list ap)
{
	const char *key, *value;

	while ((key = va_arg(ap, const char *)) != NULL) {
		if (key[0] == 'd')
			add_number(line, format, key + 2, va_arg(ap, long long));
		else if ((value = va_arg(ap, const char *)) != NULL)
			add_string(line, format, key + 2, value, false);
	}
}

/* A whole line by one write; a partial or failed write is not retried. */
static void
write_line(enum log_level level, const struct buf *line)
{
	if (logger.target == TARGET_SYSLOG)
		syslog(levels[level].priority, "%s", line->data);
	else if (write(logger.fd, line->data, line->len) == -1) {
		/* There is nowhere left to say so. */
	}
}

/*
 * The line's start: systemd's prefix, or its time where nobody else adds one,
 * and its level.
 */
static void
start_line(struct buf *line, enum log_format format, enum log_level level)
{
	bool journal = logger.target == TARGET_STDERR &&
	    getenv("JOURNAL_STREAM") != NULL;
	bool timed = !journal && logger.target != TARGET_SYSLOG;
	char now[TEXT_TIME_SIZE];

	if (journal)
		buf_printf(line, "<%d>", levels[level].priority);
	if (format == LOG_FMT_JSON)
		buf_putc(line, '{');
	if (timed)
		add_string(line, format, "time",
		    text_format_time(clock_wall_ms(), now), true);
	add_string(line, format, "level", levels[level].name, !timed);
}

static void
end_line(struct buf *line, enum log_format format, enum log_level level)
{
	if (format == LOG_FMT_JSON)
		buf_putc(line, '}');
	if (logger.target != TARGET_SYSLOG)
		buf_putc(line, '\n');
	if (buf_ok(line))
		write_line(level, line);
	buf_free(line);
}

void
log_kv(enum log_level level, const char *what, ...)
{
	struct buf line = { 0 };
	va_list ap;

	pthread_mutex_lock(&logger.lock);
	if (level <= logger.level) {
		start_line(&line, logger.format, level);
		add_string(&line, logger.format, "what", what, false);
		va_start(ap, what);
		add_fields(&line, logger.format, ap);
		va_end(ap);
		end_line(&line, logger.format, level);
	}
	pthread_mutex_unlock(&logger.lock);
}

/* The common part of the four functions for words. */
static void __attribute__((format(printf, 2, 0)))
log_words(enum log_level level, const char *fmt, va_list ap)
{
	struct buf line = { 0 };
	char words[1024];

	(void)vsnprintf(words, sizeof(words), fmt, ap);
	pthread_mutex_lock(&logger.lock);
	if (level <= logger.level) {
		start_line(&line, logger.format, level);
		add_string(&line, logger.format, "msg", words, false);
		end_line(&line, logger.format, level);
	}
	pthread_mutex_unlock(&logger.lock);
}

#define LOG_WORDS(name, level)			\
void						\
name(const char *fmt, ...)			\
{						\
	va_list ap;				\
						\
	va_start(ap, fmt);			\
	log_words(level, fmt, ap);		\
	va_end(ap);				\
}

LOG_WORDS(log_err, LOG_LV_ERROR)
LOG_WORDS(log_warn, LOG_LV_WARN)
LOG_WORDS(log_info, LOG_LV_INFO)
LOG_WORDS(log_debug, LOG_LV_DEBUG)
