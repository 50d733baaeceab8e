/*
 * watch: looks at the outbox again and again, and has news carried.
 *
 * The process that holds the relay lock looks at everything; every process
 * counts the tokens it refused, and those without the lock see to it that its
 * holder lives.  What was told is remembered in the outbox, so that a restart
 * tells nothing twice, and of many processes one tells; refused tokens are each
 * process's own.  All of it is the relay's thread's.
 */
#ifndef LEADRELAY_ALERT_WATCH_H
#define LEADRELAY_ALERT_WATCH_H

#include <stdbool.h>
#include <stdint.h>

struct config;
struct counters;
struct http_client;
struct mailbox;
struct watch;

/*
 * Everything is borrowed but ${config}, of which a share is taken.  NULL: out of
 * memory.
 */
struct watch *watch_new(struct http_client *http, struct mailbox *mailbox,
    struct counters *counters, struct config *config);

/* From now on ${config} holds; what is under way is finished. */
void watch_reload(struct watch *w, struct config *config);

/* No job of its own may be under way.  NULL is fine. */
void watch_free(struct watch *w);

/*
 * Do what there is to do; ${holding}: this process has the relay lock.  Returns
 * when, by the monotonic clock, to be called again at the latest.
 */
int64_t watch_step(struct watch *w, bool holding, int64_t mono_ms);

/*
 * The work is done, and the relay about to end: has all that it came to been
 * told?  Looks once more, so it is to be asked until it has.
 */
bool watch_finished(struct watch *w, int64_t mono_ms);

#endif
