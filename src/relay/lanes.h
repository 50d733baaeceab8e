/*
 * lanes: the lanes of a configuration, and those of former ones that have yet to
 * finish what they began.
 *
 * A reload brings a new set.  A destination that was there before keeps its lane,
 * which goes over to the new settings where they differ; so a destination never
 * has two lanes.  Those that left the configuration begin nothing more, and are
 * released when their last outcome is on disk.  Everything but lanes_new belongs
 * to the relay's thread.
 */
#ifndef LEADRELAY_RELAY_LANES_H
#define LEADRELAY_RELAY_LANES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct config;
struct engine;
struct lane;
struct outbox;

struct lanes {
	struct config *config;		/* a share: the lanes live on it */
	struct lanes *former;		/* the set before this one, while it is needed */
	size_t count;
	struct lane *lanes[];		/* in a former set NULL: released, or moved on */
};

/*
 * A lane for each destination of ${config}, of which a share is taken; the outbox
 * knows them.  Nothing is begun.  NULL: a phrase in ${why}.  Any thread.
 */
struct lanes *lanes_new(struct engine *engine, struct config *config,
    const struct outbox *outbox, struct buf *why);

/* With its former sets; as lane_free.  NULL is fine. */
void lanes_free(struct lanes *set);

/* The next lane, former sets last; start with *set and *at = 0.  NULL: that was all. */
struct lane *lanes_next(const struct lanes **set, size_t *at);

/*
 * ${set} is fresh and takes ${former}'s place: move the lanes on that stay, keep the
 * others as former ones.
 */
void lanes_replace(struct lanes *set, struct lanes *former);

/*
 * At ${now_ms} wind up former lanes, release those that are done, begin those that
 * are new.  Returns the moment to be called again, should nothing else happen
 * before.
 */
int64_t lanes_step(struct lanes *set, int64_t now_ms);

#endif
