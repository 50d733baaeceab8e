/*
 * need: what needs a person.  One table and one judgement, for alerts, `stats` and
 * `check`.  Neither clock nor store here.
 */
#ifndef LEADRELAY_OUTBOX_NEED_H
#define LEADRELAY_OUTBOX_NEED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "outbox/store.h"

struct config_alert;

/* What stops most comes first. */
enum need_kind {
	NEED_NO_RELAY,			/* something waits and nobody delivers */
	NEED_RELAY_STUCK,		/* the relay has its lock, and does nothing */
	NEED_PAUSED,
	NEED_UNCONFIGURED,		/* waits for a destination that left the configuration */
	NEED_WAITING,			/* for longer than waiting_longer_than */
	NEED_EVENTS_HELD,		/* authentic but wrong when they came */
	NEED_HELD,			/* deliveries of a destination */
	NEED_DEAD,			/* deliveries given up */
	NEED_QUIET,			/* no lead for quiet_for */
	NEED_REFUSED,			/* tokens; each process counts its own */
	NEED_KINDS
};

struct need {
	const char *name;		/* in `stats --json` */
	const char *alert;		/* what alerts call it; NULL: they do not tell it */
	bool of_destination;		/* else of the outbox as a whole */
	/* In words: one of it, several, and that there is none any more. */
	const char *one, *many, *over;
	const char *cure;		/* what to type, a line each */
};

extern const struct need needs[NEED_KINDS];

/* What is judged, and by what. */
struct need_view {
	const struct store_stats *stats;
	const struct config_alert *limits;
	int64_t deliverable;		/* waits or is being sent at configured destinations */
	int64_t quiet_since_ms;		/* silence before this moment does not count; 0: all does */
	int64_t now_ms;
};

/* Deliveries of a destination that wait or are being sent. */
int64_t need_undelivered(const struct store_destination_stats *destination);

/*
 * How much of ${kind} there is at ${destination} (NULL: of the outbox as a whole),
 * 0 for none; and in *since_ms since when, 0 where that is not known.
 */
int64_t need_level(enum need_kind kind, const struct need_view *view,
    const struct store_destination_stats *destination, int64_t *since_ms);

/*
 * Append what there is, ${level} of it (0: none any more), as a sentence without its
 * end: "2 deliveries to crm are held".  ${subject}: the destination's name, or "".
 */
void need_say(enum need_kind kind, int64_t level, const char *subject,
    struct buf *out);

/* Append what to type, a line each, indented by four. */
void need_cure(enum need_kind kind, const char *subject, struct buf *out);

/* The relay's process has its lock, and has shown no sign of life for too long. */
bool need_relay_stuck(const struct store_stats *stats, int64_t now_ms);

#endif
