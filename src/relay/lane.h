/*
 * lane: a destination at work: takes its deliveries, sends them, settles them.
 *
 * Moments given to a lane are steady ones (clock.h): no wall clock that is set
 * lengthens what it waits for.
 *
 * Lanes share the relay's thread, libcurl handle and outbox, nothing else: one
 * that is stuck does not slow another.  How many are under way at once, whether
 * any are, and what becomes of each is destination.h's to say; a lane carries it
 * out.  Every function belongs to the relay's thread.
 */
#ifndef LEADRELAY_RELAY_LANE_H
#define LEADRELAY_RELAY_LANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct config;
struct engine;
struct lane;
struct store;

/*
 * For the ${index}th destination of ${config}, of which a share is taken; ${number}
 * is the store's for it.  ${engine} is borrowed.  NULL: a phrase in ${why}.  Any
 * thread.
 */
struct lane *lane_new(struct engine *engine, struct config *config, size_t index,
    int64_t number, struct buf *why);

/* None of its jobs may be under way.  NULL is fine. */
void lane_free(struct lane *l);

/*
 * Go over to the settings of ${fresh}, a lane for the same destination that has
 * begun nothing and is still to be freed.  Where they are the same and their files
 * too, nothing changes.  Otherwise what was sent is finished under the former
 * ones, and nothing but its own lead's next event waits for it.
 */
void lane_succeed(struct lane *l, struct lane *fresh);

/* The store's number for its destination. */
int64_t lane_number(const struct lane *l);

/*
 * Before it does anything a lane has to know its destination's state.  Read it
 * now, in a transaction (-1: store->fault); or have it read, which is tried
 * again later when it fails.
 */
int lane_load(struct lane *l, struct store *store);
void lane_begin(struct lane *l, int64_t now_ms);
bool lane_begun(const struct lane *l);

/* After steps with ${stopping}: is nothing under way or left to write, and may it be freed? */
bool lane_finished(const struct lane *l);

/* There may be new work. */
void lane_look(struct lane *l);

/* What waits for later is to be made due. */
void lane_make_due(struct lane *l);

/*
 * Do what there is to do.  ${stopping}: begin nothing more, give back what was
 * taken and not begun.  Returns the moment to be called again, should nothing
 * else happen before.
 */
int64_t lane_step(struct lane *l, int64_t now_ms, bool stopping);

/* Would new work be begun at once?  If not, it need not wake the relay. */
bool lane_has_room(const struct lane *l, int64_t now_ms);

/* Break off what is under way; it stays "sending". */
void lane_cancel(struct lane *l);

/* Are requests under way? */
bool lane_sending(const struct lane *l);

/* Does it hold deliveries whose outcome is not yet on disk, or not yet known? */
bool lane_unsettled(const struct lane *l);

/* Could more be sent now, for all that is known? */
bool lane_due(const struct lane *l, int64_t now_ms);

#endif
