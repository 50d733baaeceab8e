/* The store's strings live for its callback only, so each destination is copied. */
#include "cli/review.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/print.h"
#include "config/config.h"
#include "relay/limit.h"

static void
keep_destination(void *arg, const struct store_destination_stats *destination)
{
	struct review *review = arg;
	struct review_destination *list;
	struct store_destination_stats *copy;

	list = realloc(review->destinations,
	    (review->count + 1) * sizeof(*list));
	if (list == NULL) {
		review->oom = true;
		return;
	}
	review->destinations = list;
	list[review->count] = (struct review_destination){ .stats = *destination };
	copy = &list[review->count].stats;
	copy->name = strdup(destination->name);
	if (destination->state.pause_reason != NULL)
		copy->state.pause_reason =
		    strdup(destination->state.pause_reason);
	review->count++;
	review->oom |= copy->name == NULL;
}

void
review_free(struct review *review)
{
	for (size_t i = 0; i < review->count; i++) {
		free((char *)review->destinations[i].stats.name);
		free(review->destinations[i].stats.state.pause_reason);
	}
	free(review->destinations);
	review->destinations = NULL;
	review->count = 0;
}

static void
note_requests(void *arg, int64_t start_ms, int64_t count)
{
	limit_note(arg, start_ms, count);
}

static int
take_limit(struct store *store, const struct review *review,
    struct review_destination *destination)
{
	struct limit day;
	int64_t next;

	destination->config = config_destination_named(review->config,
	    destination->stats.name);
	if (destination->config == NULL)
		return 0;
	limit_init(&day, destination->config);
	if (store_requests(store, destination->stats.state.number,
	    review->now_ms - LIMIT_DAY_MS - LIMIT_SPAN_MS, review->now_ms,
	    note_requests, &day) == -1)
		return -1;
	destination->today = limit_today(&day, review->now_ms);
	next = limit_next_ms(&day, review->now_ms);
	destination->until_ms = next > review->now_ms ? next : 0;
	return 0;
}

static int
take(struct store *store, struct review *review)
{
	if (store_stats(store, &review->stats, keep_destination, review) == -1)
		return -1;
	for (size_t i = 0; i < review->count && !review->oom; i++)
		if (take_limit(store, review, &review->destinations[i]) == -1)
			return -1;
	return 0;
}

int
review_take(struct outbox *ob, const struct config *config, int64_t now_ms,
    struct review *review, struct store_fault *fault)
{
	struct store *store;

	memset(review, 0, sizeof(*review));
	review->config = config;
	review->now_ms = now_ms;
	if ((store = outbox_begin(ob, fault)) != NULL &&
	    outbox_end(ob, take(store, review), fault) == 0) {
		if (!review->oom)
			return 0;
		fault->kind = STORE_FAULT_MEMORY;
		strcpy(fault->text, "out of memory");
	}
	review_free(review);
	return -1;
}

/* What waits or is being sent; ${deliverable}: only where somebody configured. */
static int64_t
total(const struct review *review, bool deliverable)
{
	int64_t sum = 0;

	for (size_t i = 0; i < review->count; i++)
		if (!deliverable || review->destinations[i].stats.configured)
			sum += need_undelivered(&review->destinations[i].stats);
	return sum;
}

int64_t
review_total(const struct review *review)
{
	return total(review, false);
}

int64_t
review_oldest(const struct review *review)
{
	int64_t oldest = 0;

	for (size_t i = 0; i < review->count; i++) {
		int64_t ms = review->destinations[i].stats.oldest_waiting_ms;

		if (ms != 0 && (oldest == 0 || ms < oldest))
			oldest = ms;
	}
	return oldest;
}

bool
review_paused(const struct review *review, const char *name)
{
	for (size_t i = 0; i < review->count; i++)
		if (strcmp(review->destinations[i].stats.name, name) == 0)
			return review->destinations[i].stats.state.paused_ms != 0;
	return false;
}

/* When and why it paused, and that it goes on by itself. */
static void
explain_pause(const struct review *review,
    const struct store_destination_stats *destination, struct buf *out)
{
	const struct destination_state *state = &destination->state;

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
	    "themselves once it answers.\n", need_undelivered(destination));
}

void
review_explain(const struct review *review, const struct review_need *need,
    struct buf *out)
{
	const char *name = need->destination != NULL ? need->destination->name : "";

	need_say(need->kind, need->level, name, out);
	if (need->since_ms != 0) {
		buf_puts(out, " since ");
		print_moment(out, need->since_ms, review->now_ms);
	}
	switch (need->kind) {
	case NEED_PAUSED:
		explain_pause(review, need->destination, out);
		break;
	case NEED_RELAY_STUCK:
		buf_printf(out, ", while %" PRId64 " wait.\n  Another worker takes "
		    "over once it is gone, and nothing is lost by ending it:\n"
		    "    kill -9 %ld\n", need->level, review->stats.relay_pid);
		return;
	case NEED_UNCONFIGURED:
		buf_puts(out, ": put it back, or discard them.\n");
		break;
	case NEED_NO_RELAY:
		buf_puts(out, ": start the worker, or one of\n");
		break;
	default:
		buf_puts(out, ".\n");
		break;
	}
	need_cure(need->kind, name, out);
}

bool
review_next(const struct review *review, struct review_need *need)
{
	const struct need_view view = {
		.stats = &review->stats, .limits = &review->config->alert,
		.deliverable = total(review, true), .now_ms = review->now_ms,
	};

	for (; need->kind < NEED_KINDS; need->kind++, need->round = 0) {
		bool each = needs[need->kind].of_destination;

		while (need->round < (each ? review->count : 1)) {
			need->destination = each ?
			    &review->destinations[need->round].stats : NULL;
			need->round++;
			need->level = need_level(need->kind, &view,
			    need->destination, &need->since_ms);
			if (need->level != 0)
				return true;
		}
	}
	return false;
}

bool
review_needs_person(const struct review *review)
{
	struct review_need need = { 0 };

	return review_next(review, &need);
}
