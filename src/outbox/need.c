/*
 * The table of kinds, and a judgement of each by what the store counts.
 */
#include "outbox/need.h"

#include <stddef.h>
#include <string.h>

#include "config/config.h"

/*
 * Where cron delivers there is no relay between two runs, which are a minute
 * apart.  Only a longer silence means that nobody comes.
 */
#define SILENT_MS 150000

/* A relay at work gives a sign of life every five seconds: three were missed. */
#define STUCK_MS 15000

/* So far ahead may a moment be of a clock that is set right. */
#define AHEAD_MS INT64_C(60000)

/* %n: how many; %s: the destination's name. */
const struct need needs[NEED_KINDS] = {
	[NEED_NO_RELAY] = { "no_relay", NULL, false,
		"1 delivery waits and nobody delivers",
		"%n deliveries wait and nobody delivers",
		"somebody delivers again",
		"leadrelay relay\n"
		"leadrelay relay --once    (from cron, every minute)\n" },
	[NEED_RELAY_STUCK] = { "relay_stuck", "frozen", false,
		"the relay's process does nothing, and lets no other",
		"the relay's process does nothing, and lets no other",
		"the relay works again",
		"leadrelay stats\n" },
	[NEED_PAUSED] = { "paused", "paused", true,
		"%s is paused", "%s is paused", "%s takes leads again",
		"leadrelay check\n" },
	[NEED_UNCONFIGURED] = { "unconfigured", "unconfigured", true,
		"1 delivery waits for %s, which is not in the configuration any more",
		"%n deliveries wait for %s, which is not in the configuration any more",
		"nothing waits for %s any more",
		"leadrelay list --destination %s\n" },
	[NEED_WAITING] = { "waiting", "waiting", true,
		"a lead waits for %s", "a lead waits for %s",
		"no lead waits for %s so long any more",
		"leadrelay list --state waiting --destination %s\n" },
	[NEED_EVENTS_HELD] = { "events_held", "held", false,
		"1 event is held: it breaks LeadPro's rules, or came too late",
		"%n events are held: they break LeadPro's rules, or came too late",
		"no event is held any more",
		"leadrelay list --state held\nleadrelay show ID\n"
		"leadrelay release ID, or leadrelay discard ID\n" },
	[NEED_HELD] = { "held", "held", true,
		"1 delivery to %s is held", "%n deliveries to %s are held",
		"no delivery to %s is held any more",
		"leadrelay list --state held --destination %s\nleadrelay show ID\n"
		"leadrelay release ID, or leadrelay discard ID\n" },
	[NEED_DEAD] = { "dead", "dead", true,
		"1 delivery to %s is given up", "%n deliveries to %s are given up",
		"no delivery to %s is given up any more",
		"leadrelay list --state dead --destination %s\nleadrelay show ID\n"
		"leadrelay retry ID, or leadrelay discard ID\n" },
	[NEED_QUIET] = { "quiet", "quiet", false,
		"no lead came", "no lead came", "leads come again",
		"leadrelay doctor URL\n" },
	[NEED_REFUSED] = { "refused", "refused", false,
		"1 request was refused for its token",
		"%n requests were refused for their token",
		"tokens are accepted again",
		"leadrelay doctor URL\n" },
};

/* ${pattern} with its %n and %s filled in. */
static void
fill(const char *pattern, int64_t level, const char *subject, struct buf *out)
{
	for (; *pattern != '\0'; pattern++) {
		if (pattern[0] != '%')
			buf_putc(out, *pattern);
		else if (*++pattern == 'n')
			buf_int(out, level);
		else
			buf_puts(out, subject);
	}
}

void
need_say(enum need_kind kind, int64_t level, const char *subject, struct buf *out)
{
	const struct need *need = &needs[kind];

	fill(level == 0 ? need->over : level == 1 ? need->one : need->many, level,
	    subject, out);
}

void
need_cure(enum need_kind kind, const char *subject, struct buf *out)
{
	struct buf text = { 0 };
	char *line, *rest;

	fill(needs[kind].cure, 0, subject, &text);
	for (rest = text.data; rest != NULL && (line = strsep(&rest, "\n")) != NULL;)
		if (*line != '\0')
			buf_printf(out, "    %s\n", line);
	buf_free(&text);
}

int64_t
need_undelivered(const struct store_destination_stats *destination)
{
	return destination->count[DELIVERY_WAITING] +
	    destination->count[DELIVERY_SENDING];
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
	    (now_ms - since_ms > limit_ms || since_ms - now_ms > AHEAD_MS);
}

bool
need_relay_stuck(const struct store_stats *stats, int64_t now_ms)
{
	int64_t silent_ms = now_ms - stats->relay_seen_ms;

	/* A sign of life that is yet to come: the clock was put back. */
	return stats->relay_alive && (silent_ms > STUCK_MS || -silent_ms > STUCK_MS);
}

static bool
is_quiet(const struct need_view *view, int64_t *since_ms)
{
	int64_t last = view->stats->last_received_ms;

	*since_ms = last > view->quiet_since_ms && last <= view->now_ms + AHEAD_MS ?
	    last : view->quiet_since_ms;
	return overdue(*since_ms, view->limits->quiet_for_ms, view->now_ms);
}

static int64_t
destination_level(enum need_kind kind, const struct need_view *view,
    const struct store_destination_stats *destination, int64_t *since_ms)
{
	switch (kind) {
	case NEED_PAUSED:
		*since_ms = destination->state.paused_ms;
		return destination->configured && *since_ms != 0;
	case NEED_UNCONFIGURED:
		return destination->configured ? 0 : need_undelivered(destination);
	case NEED_WAITING:
		*since_ms = destination->oldest_waiting_ms;
		return destination->configured && overdue(*since_ms,
		    view->limits->waiting_longer_than_ms, view->now_ms);
	case NEED_HELD:
		return destination->count[DELIVERY_HELD];
	default:
		return destination->count[DELIVERY_DEAD];
	}
}

int64_t
need_level(enum need_kind kind, const struct need_view *view,
    const struct store_destination_stats *destination, int64_t *since_ms)
{
	const struct store_stats *stats = view->stats;

	*since_ms = 0;
	if (needs[kind].of_destination)
		return destination_level(kind, view, destination, since_ms);
	switch (kind) {
	case NEED_NO_RELAY:
		return !stats->relay_alive && (stats->relay_seen_ms > view->now_ms + STUCK_MS ||
		    view->now_ms - stats->relay_seen_ms > SILENT_MS) ? view->deliverable : 0;
	case NEED_RELAY_STUCK:
		*since_ms = stats->relay_seen_ms;
		return need_relay_stuck(stats, view->now_ms) ? view->deliverable : 0;
	case NEED_EVENTS_HELD:
		return stats->events_held;
	case NEED_QUIET:
		return is_quiet(view, since_ms);
	default:
		return 0;
	}
}
