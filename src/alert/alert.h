/*
 * alert: when a person is to be told, and when not.  Neither clock nor store nor
 * network here.
 *
 * What may need a person has a kind, a subject (a destination, or the outbox as
 * a whole) and a level: how much of it there is, 0 for none.  News is a level
 * above the one last told, but not within ALERT_PAUSE_MS of the last news of the
 * same kind and subject; and the return to 0 of what had been told.
 */
#ifndef LEADRELAY_ALERT_ALERT_H
#define LEADRELAY_ALERT_ALERT_H

#include <stdbool.h>
#include <stdint.h>

#include "outbox/store.h"

#define ALERT_SENDMAIL "/usr/sbin/sendmail"
#define ALERT_PAUSE_MS (INT64_C(10) * 60 * 1000)
#define ALERT_AHEAD_MS INT64_C(60000)	/* so far ahead a moment may be of a clock that is set right */

struct config_alert;

enum alert_kind {
	ALERT_DEAD,			/* deliveries given up */
	ALERT_HELD,			/* events, or a destination's deliveries */
	ALERT_PAUSED,
	ALERT_WAITING,			/* for longer than waiting_longer_than */
	ALERT_UNCONFIGURED,		/* waits for a destination that is not configured */
	ALERT_QUIET,			/* no lead for quiet_for */
	ALERT_REFUSED,			/* tokens */
	ALERT_FROZEN,			/* the relay has its lock, and does nothing */
	ALERT_KINDS
};

/* "dead": its name for people and programs; a constant. */
const char *alert_kind_name(enum alert_kind kind);

enum alert_verdict { ALERT_NO_NEWS, ALERT_RAISED, ALERT_RECOVERED };

/* Judge ${level} by what was told, and change that to what is told now. */
enum alert_verdict alert_judge(struct store_alert *told, int64_t level,
    int64_t now_ms);

/* Is anybody to be told at all? */
bool alert_wanted(const struct config_alert *config);

/*
 * The level of ${kind} at a destination, or with NULL at the outbox as a whole;
 * and since when, 0 where that is not known.  ${quiet_since_ms} is the moment
 * before which silence does not count.
 */
int64_t alert_level(enum alert_kind kind, const struct config_alert *config,
    const struct store_stats *stats,
    const struct store_destination_stats *destination, int64_t quiet_since_ms,
    int64_t now_ms, int64_t *since_ms);

#endif
