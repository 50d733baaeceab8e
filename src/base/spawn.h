/*
 * spawn: start a program that gets nothing of ours.
 *
 * It has the environment that it is handed and no other variable, default signal
 * dispositions and an empty mask, a process group of its own, its three standard
 * streams, and no other descriptor.
 */
#ifndef LEADRELAY_BASE_SPAWN_H
#define LEADRELAY_BASE_SPAWN_H

#include <sys/types.h>

struct spawn {
	const char *path;		/* of the program; NULL: argv[0] */
	const char *const *argv;	/* NULL ends it */
	char *const *environment;	/* "NAME=value"; NULL ends it */
	int in, out, err;		/* what its streams are; -1: /dev/null */
};

/* Start it.  Its process number, or -1 and errno.  Nothing here waits. */
pid_t spawn_start(const struct spawn *sp);

/*
 * The environment for a program that somebody else wrote: PATH, SHELL, HOME, USER
 * and LOGNAME of the user that we are, and ${extra} ("NAME=value", NULL ends it;
 * none of these names).  Nothing of the process environment, which may be a
 * request's.  To be freed by free(), as a whole; NULL: out of memory.
 */
char **spawn_environment(const char *const *extra);

#endif
