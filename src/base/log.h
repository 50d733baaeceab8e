/*
 * log: one line per outcome, logfmt or JSON, to stderr, syslog or a file.
 *
 * The logger is the one module with state of its own; every function may be
 * called from any thread.  A line is written by a single write(2).  Secrets,
 * tokens, credentials and lead contents must never be passed in: ids, names of
 * sources and destinations, counts, statuses and error texts only.
 *
 * On stderr, lines carry no time of their own when JOURNAL_STREAM is set, and a
 * "<N>" priority prefix instead (sd-daemon(3)).
 */
#ifndef LEADRELAY_BASE_LOG_H
#define LEADRELAY_BASE_LOG_H

enum log_level { LOG_LV_ERROR, LOG_LV_WARN, LOG_LV_INFO, LOG_LV_DEBUG };
enum log_format { LOG_FMT_LOGFMT, LOG_FMT_JSON };

/*
 * Send later lines to ${target}: "stderr", "syslog" or "file:PATH" (opened for
 * append, mode 0640).  Return 0, or -1 with errno set and the former target kept.
 * Before the first call: stderr, logfmt, info.
 */
int log_open(const char *target, enum log_format format, enum log_level level);

/* Open the "file:" target again, for logrotate.  -1: errno, the old one is kept. */
int log_reopen(void);

/*
 * A line with fields.  ${what} is a short constant phrase ("accepted"); then
 * pairs of a key and a value, the key's first character telling the value's
 * type: 's' const char * (NULL: field left out), 'd' long long.  NULL ends it:
 *
 *	log_kv(LOG_LV_INFO, "accepted", "s:id", id, "d:bytes", (long long)n, NULL);
 */
void log_kv(enum log_level level, const char *what, ...)
    __attribute__((sentinel));

/* A line of words. */
void log_err(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
