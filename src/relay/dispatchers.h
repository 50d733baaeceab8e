/*
 * dispatchers: the dispatchers of a configuration, and those of former ones that have yet to
 * finish what they began.
 *
 * A reload brings a new set.  A destination that was there before keeps its dispatcher,
 * which goes over to the new settings where they differ; so a destination never
 * has two dispatchers.  Those that left the configuration begin nothing more, and are
 * released when their last outcome is on disk.  Everything but dispatchers_new belongs
 * to the relay's thread.
 */
#ifndef LEADRELAY_RELAY_DISPATCHERS_H
#define LEADRELAY_RELAY_DISPATCHERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct config;
struct engine;
struct dispatcher;
struct outbox;

struct dispatchers {
	struct config *config;		/* a share: the dispatchers live on it */
	struct dispatchers *former;		/* the set before this one, while it is needed */
	size_t count;
	struct dispatcher *dispatchers[];		/* in a former set NULL: released, or moved on */
};

/*
 * A dispatcher for each destination of ${config}, of which a share is taken; the outbox
 * knows them.  Nothing is begun.  NULL: a phrase in ${why}.  Any thread.
 */
struct dispatchers *dispatchers_new(struct engine *engine, struct config *config,
    const struct outbox *outbox, struct buf *why);

/* With its former sets; as dispatcher_free.  NULL is fine. */
void dispatchers_free(struct dispatchers *set);

/* The next dispatcher, former sets last; start with *set and *at = 0.  NULL: that was all. */
struct dispatcher *dispatchers_next(const struct dispatchers **set, size_t *at);

/*
 * ${set} is fresh and takes ${former}'s place: move the dispatchers on that stay, keep the
 * others as former ones.
 */
void dispatchers_replace(struct dispatchers *set, struct dispatchers *former);

/*
 * At ${now_ms} wind up former dispatchers, release those that are done, begin those that
 * are new.  Returns the moment to be called again, should nothing else happen
 * before.
 */
int64_t dispatchers_step(struct dispatchers *set, int64_t now_ms);

#endif
