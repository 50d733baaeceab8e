/*
 * old: an outbox as the first release left it, and what it meant by it.
 *
 * Meaning is written down as text, a line for each thing that list, show, stats
 * and the relay tell of: old_meaning reads it with the first release's own
 * statements, old_meaning_now through the interface of today.  Tables and columns
 * may change; the lines must not.
 */
#ifndef LEADRELAY_TESTS_OUTBOX_OLD_H
#define LEADRELAY_TESTS_OUTBOX_OLD_H

#include "base/buf.h"
#include "box.h"

#define OLD_VERSION 4		/* of the first release's tables; it made 1 to 3 too */

/*
 * Make one at ${path} that was last used at ${now_ms}: three sources, the
 * destinations "crm", "mail" (on_dead = hold, paused) and "gone", and events
 * until there are ${deliveries}, in every state there is.
 */
void old_make(const char *path, int version, int deliveries, int64_t now_ms);

/* As today's interface is told of "crm" and "mail"; "gone" left the configuration. */
void old_configure(struct box *box);

void old_meaning(const char *path, int version, int64_t now_ms,
    struct buf *out);
/*
 * The last part of it, what the relay is given, is acted out: afterwards
 * everything that was due waits for another day.  ${was}: what it is compared
 * with, which says what came in the middle.
 */
void old_meaning_now(struct box *box, int version, int64_t now_ms,
    const struct buf *was, struct buf *out);

/* Fail the test unless both are the same, but for what has a new name since. */
void old_compare(const struct buf *was, const struct buf *is);

#endif
