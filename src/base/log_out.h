/*
 * log_out: where log lines go.
 *
 * Whoever has a line puts it into a queue in memory and goes on.  A thread of
 * the logger's own, there since the first line, does all the opening and
 * writing, so nobody else ever waits for a reader, a disk or a syslog daemon.
 * A line that finds the queue full, or that cannot be written, is dropped and
 * counted, and "N lines were lost" is said as soon as lines go out again.
 *
 * No descriptor that others may share has its flags changed.  A forked child
 * starts with an empty queue and makes a thread of its own.
 */
#ifndef LEADRELAY_BASE_LOG_OUT_H
#define LEADRELAY_BASE_LOG_OUT_H

#include <stdbool.h>

#include "base/buf.h"

enum log_target { LOG_TO_STDERR, LOG_TO_SYSLOG, LOG_TO_FILE };

/*
 * A line without its end, and without its start: what a target wants before
 * "level" (a time, a priority, JSON's brace) is added when it is written.
 */
void log_out_line(int level, bool json, const struct buf *text);

/*
 * Turn to ${target} (${path} of a file, else NULL).  A file is opened for
 * append, mode 0640.  0, or -1 with errno, ETIMEDOUT when the answer took too
 * long, and the former target kept; with ${patient} always 0 unless memory is
 * out: what cannot be opened is said, here and on stderr, and tried again every
 * few seconds, while lines go on to where they went before.
 */
int log_out_open(enum log_target target, const char *path, bool patient);

/* Open a target that is not stderr again, patiently. */
void log_out_reopen(void);

/*
 * See that what is queued is written, as far as a fifth of a second allows.
 * Done by exit(3), not by _exit(2).  Where all could be written, the thread
 * has ended, so a fork may follow.
 */
void log_out_flush(void);

#endif
