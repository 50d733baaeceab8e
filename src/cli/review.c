#include "cli/review.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/print.h"
#include "config/config.h"
#include "relay/limit.h"

/*
 * Where cron delivers there is no relay between two runs, which are a minute
 * apart.  Only a longer silence means that nobody comes.
 */
#define RELAY_SILENT_MS 150000

/* A relay at work gives a sign of life every five seconds. */
#define RELAY_STUCK_MS 30000

static const struct {
	const char *name;
	bool of_destination;
} needs[REVIEW_NEEDS] = {
	[REVIEW_NO_RELAY] = { "no_relay", false },
	[REVIEW_RELAY_STUCK] = { "relay_stuck", false },
	[REVIEW_PAUSED] = { "paused", true },
	[REVIEW_UNCONFIGURED] = { "unconfigured", true },
	[REVIEW_EVENTS_HELD] = { "events_held", false },
	[REVIEW_HELD] = { "held", true },
	[REVIEW_DEAD] = { "dead", true },
};

const char *
review_need_name(enum review_need need)
{
	return needs[need].name;
}

/* The store's strings live for the callback: keep copies. */
static void
keep_destination(void *arg, const struct store_destination_stats *destination)
{
	struct review *review = arg;
	struct store_destination_stats *list, *copy;

	list = realloc(review->destinations,
	    (review->count + 1) * sizeof(*list));
	if (list == NULL) {
		review->oom = true;
		return;
	}
	review->destinations = list;
	copy = &list[review->count];
	*copy = *destination;
	copy->name = strdup(destination->name);
	if (destination->state.pause_reason != NULL)
		copy->state.pause_reason =
		    strdup(destination->state.pause_reason);
	if (copy->name == NULL) {
		free(copy->state.pause_reason);
		review->oom = true;
	} else
		review->count++;
}

static void
forget_destinations(struct review *review)
{
	for (size_t i = 0; i < review->count; i++) {
		free((char *)review->destinations[i].name);
		free(review->destinations[i].state.pause_reason);
	}
	free(review->destinations);
	free(review->limits);
	review->destinations = NULL;
	review->limits = NULL;
	review->count = 0;
}

static void
note_requests(void *arg, int64_t start_ms, int64_t count)
{
	limit_note(arg, start_ms, count);
}

static int
take_limit(struct store *store, const struct review *review, size_t index)
{
	const struct store_destination_stats *destination =
	    &review->destinations[index];
	struct review_limit *limit = &review->limits[index];
	struct limit day;
	int64_t next;

	limit->config = config_destination_named(review->config, destination->name);
	if (limit->config == NULL)
		return 0;
	limit_init(&day, limit->config);
	if (store->ops->requests(store, destination->state.number,
	    review->now_ms - LIMIT_DAY_MS - LIMIT_SPAN_MS, review->now_ms,
	    note_requests, &day) == -1)
		return -1;
	limit->today = limit_today(&day, review->now_ms);
	next = limit_next_ms(&day, review->now_ms);
	limit->until_ms = next > review->now_ms ? next : 0;
	return 0;
}

static int
take_run(struct store *store, void *arg)
{
	struct review *review = arg;

	forget_destinations(review);	/* it may be run twice */
	if (store->ops->stats(store, &review->stats, keep_destination, review) == -1)
		return -1;
	review->limits = calloc(review->count + 1, sizeof(*review->limits));
	if (review->limits == NULL) {
		review->oom = true;
		return 0;
	}
	for (size_t i = 0; i < review->count; i++)
		if (take_limit(store, review, i) == -1)
			return -1;
	return 0;
}

int
review_take(struct outbox *ob, const struct config *config, int64_t now_ms,
    struct review *review, struct store_fault *fault)
{
	memset(review, 0, sizeof(*review));
	review->config = config;
	review->now_ms = now_ms;
	if (outbox_run(ob, take_run, review, fault) == -1)
		return -1;
	if (!review->oom)
		return 0;
	fault->kind = STORE_FAULT_MEMORY;
	strcpy(fault->text, "out of memory");
	return -1;
}

void
review_free(struct review *review)
{
	forget_destinations(review);
}

int64_t
review_undelivered(const struct store_destination_stats *destination)
{
	return destination->count[DELIVERY_WAITING] +
	    destination->count[DELIVERY_SENDING];
}

int64_t
review_total(const struct review *review)
{
	int64_t total = 0;

	for (size_t i = 0; i < review->count; i++)
		total += review_undelivered(&review->destinations[i]);
	return total;
}

int64_t
review_oldest(const struct review *review)
{
	int64_t oldest = 0;

	for (size_t i = 0; i < review->count; i++) {
		int64_t ms = review->destinations[i].oldest_waiting_ms;

		if (ms != 0 && (oldest == 0 || ms < oldest))
			oldest = ms;
	}
	return oldest;
}

/* What a relay could deliver: nothing goes to a destination nobody configured. */
static int64_t
deliverable(const struct review *review)
{
	int64_t total = 0;

	for (size_t i = 0; i < review->count; i++)
		if (review->destinations[i].configured)
			total += review_undelivered(&review->destinations[i]);
	return total;
}

int64_t
review_needs(const struct review *review, enum review_need need,
    const struct store_destination_stats *destination)
{
	const struct store_stats *stats = &review->stats;
	int64_t silent_ms = review->now_ms - stats->relay_seen_ms;

	/* A sign of life that is yet to come: the clock was put back. */
	if (silent_ms < -RELAY_STUCK_MS)
		silent_ms = -silent_ms;
	switch (need) {
	case REVIEW_EVENTS_HELD:
		return stats->events_held;
	case REVIEW_HELD:
		return destination->count[DELIVERY_HELD];
	case REVIEW_DEAD:
		return destination->count[DELIVERY_DEAD];
	case REVIEW_PAUSED:
		return destination->configured &&
		    destination->state.paused_ms != 0;
	case REVIEW_UNCONFIGURED:
		return destination->configured ? 0 :
		    review_undelivered(destination);
	case REVIEW_NO_RELAY:
		return !stats->relay_alive && silent_ms > RELAY_SILENT_MS ?
		    deliverable(review) : 0;
	case REVIEW_RELAY_STUCK:
		return stats->relay_alive && silent_ms > RELAY_STUCK_MS ?
		    deliverable(review) : 0;
	default:
		return 0;
	}
}

bool
review_paused(const struct review *review, const char *name)
{
	for (size_t i = 0; i < review->count; i++)
		if (strcmp(review->destinations[i].name, name) == 0)
			return review->destinations[i].state.paused_ms != 0;
	return false;
}

static void
explain_pause(const struct review *review,
    const struct store_destination_stats *destination, struct buf *out)
{
	const struct destination_state *state = &destination->state;

	buf_puts(out, destination->name);
	buf_puts(out, " is paused since ");
	print_moment(out, state->paused_ms, review->now_ms);
	if (state->pause_reason != NULL) {
		buf_puts(out, ": ");
		print_text(out, state->pause_reason,
		    strlen(state->pause_reason));
	}
	if (state->next_probe_ms > review->now_ms) {
		buf_puts(out, "; next try in ");
		print_span(out, review->now_ms, state->next_probe_ms);
	}
	buf_printf(out, ".\n  Nothing is lost: %" PRId64 " wait, and go out by "
	    "themselves once it answers.\n    leadrelay check\n",
	    review_undelivered(destination));
}

/* How to look into and settle what stands in ${state}. */
static void
explain_state(const char *state, const char *destination, const char *verb,
    struct buf *out)
{
	buf_printf(out, "    leadrelay list --state %s", state);
	if (destination != NULL)
		buf_printf(out, " --destination %s", destination);
	buf_printf(out, "\n    leadrelay show ID\n"
	    "    leadrelay %s ID, or leadrelay discard ID\n", verb);
}

static const char *
are(int64_t n, const char *one, const char *many)
{
	return n == 1 ? one : many;
}

void
review_explain(const struct review *review, enum review_need need,
    const struct store_destination_stats *destination, struct buf *out)
{
	int64_t n = review_needs(review, need, destination);

	switch (need) {
	case REVIEW_EVENTS_HELD:
		buf_printf(out, "%" PRId64 " %s held: signed by LeadPro, but not "
		    "as its rules have it.\n", n, are(n, "event is", "events are"));
		explain_state("held", NULL, "release", out);
		break;
	case REVIEW_HELD:
		buf_printf(out, "%" PRId64 " %s to %s %s held.\n", n,
		    are(n, "delivery", "deliveries"), destination->name,
		    are(n, "is", "are"));
		explain_state("held", destination->name, "release", out);
		break;
	case REVIEW_DEAD:
		buf_printf(out, "%" PRId64 " %s to %s %s given up.\n", n,
		    are(n, "delivery", "deliveries"), destination->name,
		    are(n, "is", "are"));
		explain_state("dead", destination->name, "retry", out);
		break;
	case REVIEW_PAUSED:
		explain_pause(review, destination, out);
		break;
	case REVIEW_UNCONFIGURED:
		buf_printf(out, "%" PRId64 " %s for %s, which is not in the "
		    "configuration any more: put it back, or discard them.\n"
		    "    leadrelay list --destination %s\n", n,
		    are(n, "delivery waits", "deliveries wait"),
		    destination->name, destination->name);
		break;
	case REVIEW_NO_RELAY:
		buf_printf(out, "%" PRId64 " %s and nobody delivers: start the "
		    "worker, or one of\n    leadrelay relay\n"
		    "    leadrelay relay --once    (from cron, every minute)\n",
		    n, are(n, "delivery waits", "deliveries wait"));
		break;
	case REVIEW_RELAY_STUCK:
		buf_printf(out, "the relay (process %ld) shows no sign of life "
		    "since ", review->stats.relay_pid);
		print_moment(out, review->stats.relay_seen_ms, review->now_ms);
		buf_printf(out, ", while %" PRId64 " %s.\n  Another worker takes "
		    "over once it is gone, and nothing is lost by ending it:\n"
		    "    kill -9 %ld\n", n, are(n, "delivery waits",
		    "deliveries wait"), review->stats.relay_pid);
		break;
	default:
		break;
	}
}

int
review_visit(const struct review *review,
    void (*visit)(void *arg, enum review_need need,
    const struct store_destination_stats *destination), void *arg)
{
	int found = 0;

	for (int need = 0; need < REVIEW_NEEDS; need++) {
		size_t rounds = needs[need].of_destination ? review->count : 1;

		for (size_t i = 0; i < rounds; i++) {
			const struct store_destination_stats *destination =
			    needs[need].of_destination ?
			    &review->destinations[i] : NULL;

			if (review_needs(review, need, destination) == 0)
				continue;
			found++;
			if (visit != NULL)
				visit(arg, need, destination);
		}
	}
	return found;
}
