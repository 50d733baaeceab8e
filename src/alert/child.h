/*
 * child: a program that gets a text on its standard input, and has so long.
 *
 * It is started in a process group of its own, without our descriptors, signal
 * settings and environment (base/spawn.h), and its output goes nowhere.  It may
 * finish when we have ended, but has no more time then.  Nothing here waits.
 */
#ifndef LEADRELAY_ALERT_CHILD_H
#define LEADRELAY_ALERT_CHILD_H

#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"

#define CHILD_TEXT_MAX 32768		/* fits a pipe, so that writing never waits */
#define CHILD_LIMIT_MS 30000
#define CHILD_BOUND_S "35"		/* and so long if we end meanwhile */

struct child {
	pid_t pid;			/* 0: none */
	int64_t end_mono_ms;		/* then it is killed */
};

/*
 * Start ${argv} (NULL at its end, [0] the program's path) with ${text} to read
 * and the variables ${extra} ("NAME=value", NULL at the end) beside those that
 * spawn_environment makes.
 * 0, or -1 with a phrase in ${why}.
 */
int child_start(struct child *c, const char *const *argv,
    const char *const *extra, const struct buf *text, int64_t mono_ms,
    struct buf *why);

/*
 * Has it ended?  1: well; 0: not yet; -1: otherwise, with a phrase in ${why}.
 * One whose time is up is killed.
 */
int child_look(struct child *c, int64_t mono_ms, struct buf *why);

#endif
