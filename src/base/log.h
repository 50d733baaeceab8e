/*
 * log: one line per outcome, logfmt or JSON, to stderr, syslog or a file.
 *
 * The logger is the one module with state of its own; every function may be
 * called from any thread, and none waits for whoever reads the log: lines are
 * written by a thread of its own, and what cannot be written is dropped and
 * counted (log_out.h).  A line is whole, whoever else writes there.  Secrets,
 * tokens, credentials and lead contents must never be passed in: ids, names of
 * sources and destinations, counts, statuses and error texts only.
 *
 * On stderr, lines carry no time of their own when JOURNAL_STREAM is set, and a
 * "<N>" priority prefix instead (sd-daemon(3)).
 */
#ifndef LEADRELAY_BASE_LOG_H
#define LEADRELAY_BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_LV_ERROR, LOG_LV_WARN, LOG_LV_INFO, LOG_LV_DEBUG };
enum log_format { LOG_FMT_LOGFMT, LOG_FMT_JSON };

/*
 * Send later lines to ${target}: "stderr", "syslog" or "file:PATH" (opened for
 * append, mode 0640).  Return 0, or -1 with errno set and the former target kept.
 * The target that is in force already is left as it is.  Not as root, if root is
 * to be left: the file would be root's.
 *
 * With ${patient} only what is no target is a failure: one that cannot be opened is
 * said, here and on stderr, lines go on to the former target (at a start: stderr),
 * and it is tried again every few seconds.
 */
int log_open(const char *target, bool patient);

/* How later lines are written, and which.  Before the first call: logfmt, info. */
void log_form(enum log_format format, enum log_level level);

/*
 * Open the target again, for logrotate.  One that cannot be is said, on stderr
 * too, and tried again; lines go on to the former file.
 */
void log_reopen(void);

/*
 * See that what was said is written, as far as a fifth of a second allows.  Done by
 * exit(3), not by _exit(2).  Where all could be written, the thread has ended, so a
 * fork may follow.
 */
void log_flush(void);

/* The same, and _exit. */
_Noreturn void log_exit(int status);

/*
 * A line with fields.  ${what} is a short constant phrase ("accepted"); then
 * pairs of a key and a value, the key's first character telling the value's
 * type: 's' const char * (NULL: field left out), 'd' long long.  NULL ends it:
 *
 *	log_kv(LOG_LV_INFO, "accepted", "s:id", id, "d:bytes", (long long)n, NULL);
 */
void log_kv(enum log_level level, const char *what, ...)
    __attribute__((sentinel));

/* A line of words; as they are, whatever level is in force; or as in printf. */
void log_say(enum log_level level, const char *words);
void log_err(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
