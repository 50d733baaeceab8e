#include "alert/alert.h"

#include <stddef.h>

#include "config/config.h"

const char *
alert_kind_name(enum alert_kind kind)
{
	static const char *const names[ALERT_KINDS] = {
		[ALERT_DEAD] = "dead", [ALERT_HELD] = "held",
		[ALERT_PAUSED] = "paused", [ALERT_WAITING] = "waiting",
		[ALERT_UNCONFIGURED] = "unconfigured", [ALERT_QUIET] = "quiet",
		[ALERT_REFUSED] = "refused", [ALERT_FROZEN] = "frozen",
	};

	return names[kind];
}

enum alert_verdict
alert_judge(struct store_alert *told, int64_t level, int64_t now_ms)
{
	bool raised = told->level > 0;
	/* News from the future: the clock was put back. */
	bool lately = told->told_ms != 0 && now_ms >= told->told_ms &&
	    now_ms - told->told_ms < ALERT_PAUSE_MS;

	if (level > told->level) {
		if (lately)
			return ALERT_NO_NEWS;
		*told = (struct store_alert){ .level = level, .told_ms = now_ms };
		return ALERT_RAISED;
	}
	told->level = level;
	return raised && level == 0 ? ALERT_RECOVERED : ALERT_NO_NEWS;
}

bool
alert_wanted(const struct config_alert *config)
{
	return config->url != NULL || config->url_file != NULL ||
	    config->command != NULL || config->email != NULL;
}

/*
 * Has it been longer than ${limit_ms}?  Never with a limit that is not set.  Nobody
 * knows how long ago a moment is that is yet to come by a clock that was put back:
 * too long.
 */
static bool
overdue(int64_t since_ms, int64_t limit_ms, int64_t now_ms)
{
	return limit_ms != -1 && since_ms != 0 &&
	    (now_ms - since_ms > limit_ms || since_ms - now_ms > ALERT_AHEAD_MS);
}

static int64_t
whole_level(enum alert_kind kind, const struct config_alert *config,
    const struct store_stats *stats, int64_t quiet_since_ms, int64_t now_ms,
    int64_t *since_ms)
{
	switch (kind) {
	case ALERT_HELD:
		return stats->events_held;
	case ALERT_QUIET:
		*since_ms = stats->last_received_ms > quiet_since_ms &&
		    stats->last_received_ms <= now_ms + ALERT_AHEAD_MS ?
		    stats->last_received_ms : quiet_since_ms;
		return overdue(*since_ms, config->quiet_for_ms, now_ms);
	default:
		return 0;
	}
}

int64_t
alert_level(enum alert_kind kind, const struct config_alert *config,
    const struct store_stats *stats,
    const struct store_destination_stats *destination, int64_t quiet_since_ms,
    int64_t now_ms, int64_t *since_ms)
{
	const int64_t *count;

	*since_ms = 0;
	if (destination == NULL)
		return whole_level(kind, config, stats, quiet_since_ms, now_ms,
		    since_ms);
	count = destination->count;
	switch (kind) {
	case ALERT_DEAD:
		return count[DELIVERY_DEAD];
	case ALERT_HELD:
		return count[DELIVERY_HELD];
	case ALERT_PAUSED:
		*since_ms = destination->state.paused_ms;
		return destination->configured && *since_ms != 0;
	case ALERT_WAITING:
		*since_ms = destination->oldest_waiting_ms;
		return destination->configured &&
		    overdue(*since_ms, config->waiting_longer_than_ms, now_ms);
	case ALERT_UNCONFIGURED:
		return destination->configured ? 0 :
		    count[DELIVERY_WAITING] + count[DELIVERY_SENDING];
	default:
		return 0;
	}
}
