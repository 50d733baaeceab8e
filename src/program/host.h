/*
 * host: the process that forks runners; see program.h.
 */
#ifndef LEADRELAY_PROGRAM_HOST_H
#define LEADRELAY_PROGRAM_HOST_H

struct program_host;

/* A socket to a new runner, non-blocking, or -1 with errno.  Any thread. */
int host_new_runner(struct program_host *host);

#endif
