/*
 * relay: takes what waits in the outbox to its destinations.
 *
 * One thread, libcurl's multi interface, one relay per outbox: relay_run waits
 * for the relay lock and looks for it again and again until it has it.
 */
#ifndef LEADRELAY_RELAY_RELAY_H
#define LEADRELAY_RELAY_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config;
struct outbox;
struct counters;
struct relay;
struct buf;
struct program_pool;

/*
 * Load libcurl and make ready.  NULL: a phrase in ${why}.  ${pool}, which runs
 * the destinations' programs, comes from programs_begin (NULL: there are none, nor will be).
 * A share of ${config} is taken; the others must outlive the relay.
 */
struct relay *relay_new(struct config *config, struct program_pool *pool,
    struct outbox *outbox, struct counters *counters, struct buf *why);
void relay_free(struct relay *r);

/* Deliver in a thread of its own until relay_stop.  0, or -1 with errno. */
int relay_start(struct relay *r);

/*
 * Deliver in the calling thread until relay_stop is called from elsewhere (a
 * signal handler may).  With ${once}: until nothing is due any more, or
 * ${limit_ms} have passed, of which the last fifth begins nothing more; returns
 * at once when another process has the lock.  0, or -1: ${once}, and the outbox
 * could not be taken up, which the log says.
 */
int relay_run(struct relay *r, bool once, int64_t limit_ms);

/*
 * Ask it to stop: no new attempts; those under way get up to ${grace_ms}, then
 * are left as "sending", their outcome unknown.  relay_free joins the thread.
 */
void relay_stop(struct relay *r, int64_t grace_ms);

/*
 * Go over to ${config}, whose destinations the outbox has been told of
 * (outbox_configure).  One whose settings are the same keeps all it has; of one
 * that changed what is under way is finished under the former settings, and only
 * its own lead waits for it.  -1: a phrase in ${why}, and nothing changes.  Any
 * thread, one at a time.
 */
int relay_reload(struct relay *r, struct config *config, struct buf *why);

/* There is new work in this process's outbox.  Any thread; cheap when it is awake. */
void relay_wake(struct relay *r);

#endif
