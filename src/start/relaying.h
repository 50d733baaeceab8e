/*
 * relaying: a process that only relays, beside a worker that does not, or from cron.
 */
#ifndef LEADRELAY_START_RELAYING_H
#define LEADRELAY_START_RELAYING_H

#include <stdbool.h>

struct config;
struct outbox;
struct program_pool;
struct relaying;

/*
 * Before any other thread: signals are answered from here on.  ${once}: until nothing
 * is due any more.  What is needed for it can be had, or the process ends.
 */
struct relaying *relaying_begin(bool once);

/*
 * Make the relay, and turn to the log of ${config}.  0: all three are taken over;
 * -1: said on standard error.
 */
int relaying_make(struct relaying *r, struct config *config,
    struct program_pool *pool, struct outbox *outbox);

/* Deliver until a signal says stop, and take all down.  Returns the exit status. */
int relaying_run(struct relaying *r);

#endif
