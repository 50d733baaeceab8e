/*
 * log_out: where log lines go.
 *
 * Whoever has a line puts it into a queue in memory and goes on.  A thread of
 * the logger's own, there since the first line, does the writing, and the opening
 * but for log_open's, so nobody else waits for a reader, a disk or a syslog daemon.
 * A line that finds the queue full, or that cannot be written, is dropped and
 * counted, and "N lines were lost" is said as soon as lines go out again.  Of
 * log.h's functions log_open, log_reopen, log_flush and log_exit are here.
 *
 * No descriptor that others may share has its flags changed.  A forked child
 * starts with an empty queue and makes a thread of its own.
 */
#ifndef LEADRELAY_BASE_LOG_OUT_H
#define LEADRELAY_BASE_LOG_OUT_H

#include <stdbool.h>

#include "base/buf.h"

/*
 * A line without its end, and without its start: what a target wants before
 * "level" (a time, a priority, JSON's brace) is added when it is written.
 */
void log_out_line(int level, bool json, const struct buf *text);

#endif
