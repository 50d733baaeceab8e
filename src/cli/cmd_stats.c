/* stats: one review of the outbox, said twice: as JSON for programs, as text for people. */
#include "cli/cmd.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/exits.h"
#include "base/text.h"
#include "cli/object.h"
#include "cli/print.h"
#include "cli/review.h"
#include "cli/setup.h"
#include "cli/table.h"
#include "config/config.h"

/* --- for programs --- */

static void
json_destination(struct buf *out, const struct review_destination *destination)
{
	const struct store_destination_stats *stats = &destination->stats;
	const struct destination_state *state = &stats->state;

	object_open(out);
	object_string(out, "name", stats->name);
	object_bool(out, "configured", stats->configured);
	for (int i = 0; i < DELIVERY_STATES; i++)
		object_number(out, delivery_state_name(i), stats->count[i]);
	object_moment(out, "oldest_waiting_at", stats->oldest_waiting_ms);
	object_moment(out, "last_success_at", state->last_success_ms);
	object_moment(out, "paused_at", state->paused_ms);
	object_string(out, "pause_reason", state->pause_reason);
	object_moment(out, "next_probe_at", state->next_probe_ms);
	object_moment(out, "not_before", state->not_before_ms);
	object_number(out, "requests_24h", destination->today);
	object_moment(out, "limit_until", destination->until_ms);
	object_close(out);
}

static void
json_stats(const struct review *review, struct buf *out)
{
	const struct store_stats *stats = &review->stats;
	struct review_need need = { 0 };

	object_open(out);
	object_bool(out, "person_needed", review_needs_person(review));
	object_array(out, "needs");
	while (review_next(review, &need)) {
		object_open(out);
		object_string(out, "need", needs[need.kind].name);
		object_string(out, "destination",
		    need.destination != NULL ? need.destination->name : NULL);
		object_close(out);
	}
	buf_putc(out, ']');
	object_number(out, "events_undelivered", stats->events_undelivered);
	object_number(out, "events_held", stats->events_held);
	object_moment(out, "oldest_waiting_at", review_oldest(review));
	object_moment(out, "last_received_at", stats->last_received_ms);
	object_bool(out, "relay_alive", stats->relay_alive);
	object_number_unless(out, "relay_pid", stats->relay_alive &&
	    stats->relay_pid > 0 ? stats->relay_pid : 0, 0);
	object_moment(out, "relay_seen_at", stats->relay_seen_ms);
	object_number(out, "store_bytes", (int64_t)stats->store_bytes);
	object_number(out, "free_bytes", (int64_t)stats->free_bytes);
	object_array(out, "destinations");
	for (size_t i = 0; i < review->count; i++)
		json_destination(out, &review->destinations[i]);
	buf_puts(out, "]}\n");
}

/* --- for people --- */

/* The first lines answer the first question: is anything waiting, and since when? */
static void
text_summary(const struct review *review, struct buf *out)
{
	const struct store_stats *stats = &review->stats;
	int64_t total = review_total(review), oldest = review_oldest(review);

	buf_puts(out, "waiting       ");
	if (total == 0)
		buf_puts(out, "nothing");
	else
		buf_printf(out, "%" PRId64 " %s; %s", total,
		    total == 1 ? "delivery" : "deliveries",
		    oldest == 0 ? "being sent now" : "the oldest came ");
	if (total != 0 && oldest != 0)
		print_moment(out, oldest, review->now_ms);
	if (stats->events_held > 0)
		buf_printf(out, "\nheld          %" PRId64 " for a person",
		    stats->events_held);
	buf_puts(out, "\nlast received ");
	print_moment(out, stats->last_received_ms, review->now_ms);
	buf_puts(out, "\nrelay         ");
	if (stats->relay_alive)
		buf_printf(out, "running (process %ld)", stats->relay_pid);
	else {
		buf_puts(out, "not running; last seen ");
		print_moment(out, stats->relay_seen_ms, review->now_ms);
	}
	buf_puts(out, "\nstore         ");
	print_bytes(out, stats->store_bytes);
	buf_puts(out, ", ");
	print_bytes(out, stats->free_bytes);
	buf_puts(out, " free on its disk\n");
}

static int
text_destinations(const struct review *review)
{
	static const char *const head[] = {
		"DESTINATION", "WAITING", "SENDING", "DELIVERED", "DEAD", "HELD",
		"DISCARDED", "SKIPPED", "LAST SUCCESS", NULL
	};
	struct table table;
	struct buf cell = { 0 };

	if (review->count == 0)
		return 0;
	table_open(&table, head, NULL);
	for (size_t i = 0; i < review->count; i++) {
		const struct store_destination_stats *destination =
		    &review->destinations[i].stats;

		table_string(&table, destination->name);
		for (int state = 0; state < DELIVERY_STATES; state++)
			table_number(&table, destination->count[state]);
		print_moment(&cell, destination->state.last_success_ms,
		    review->now_ms);
		table_buf(&table, &cell);
	}
	buf_free(&cell);
	return table_close(&table);
}

/* Destinations that asked for patience: no fault, but the reason for a wait. */
static void
text_patience(const struct review *review, struct buf *out)
{
	for (size_t i = 0; i < review->count; i++) {
		const struct store_destination_stats *stats =
		    &review->destinations[i].stats;

		if (stats->state.not_before_ms <= review->now_ms)
			continue;
		buf_printf(out, "\n%s asked us to wait; next try in ", stats->name);
		print_span(out, review->now_ms, stats->state.not_before_ms);
		buf_puts(out, ".\n");
	}
}

/* One that gets no more than it allows: the same. */
static void
text_limit(const struct review *review,
    const struct review_destination *destination, struct buf *out)
{
	const struct store_destination_stats *stats = &destination->stats;
	const struct config_destination *config = destination->config;
	char period[TEXT_DURATION_SIZE];

	if (config == NULL || stats->count[DELIVERY_WAITING] == 0)
		return;
	if (destination->until_ms != 0) {
		buf_printf(out, "\n%s waits for its max_per_day: it had %" PRId64
		    " requests in 24 hours; next one in ", stats->name,
		    destination->today);
		print_span(out, review->now_ms, destination->until_ms);
		buf_puts(out, ".\n");
	} else if (config->max_rate.count != 0 && stats->state.paused_ms == 0)
		buf_printf(out, "\n%s gets %" PRId64 " requests in %s, its "
		    "max_rate.\n", stats->name, config->max_rate.count,
		    text_format_duration(config->max_rate.period_ms, period));
}

static bool
text_stats(const struct review *review, struct buf *out)
{
	struct review_need need = { 0 };
	bool any = false;

	text_summary(review, out);
	if (review->count > 0)
		buf_putc(out, '\n');
	if (!print_flush(out) || text_destinations(review) == -1)
		return false;
	text_patience(review, out);
	for (size_t i = 0; i < review->count; i++)
		text_limit(review, &review->destinations[i], out);
	for (; review_next(review, &need); any = true) {
		buf_puts(out, any ? "- " : "\nA person is needed:\n- ");
		review_explain(review, &need, out);
	}
	return true;
}

int
cmd_stats(const struct args *args, struct setup *setup)
{
	struct review review = { 0 };
	struct store_fault fault = { 0 };
	struct buf out = { 0 };
	bool written = true;
	int status;

	if ((status = setup_outbox(setup, args, OUTBOX_READ)) != EXIT_DONE)
		return status;
	if (review_take(setup->outbox, setup->config, clock_wall_ms(), &review,
	    &fault) == -1)
		return setup_store_failed(setup->config, &fault);
	if (args_flag(args, "json"))
		json_stats(&review, &out);
	else
		written = text_stats(&review, &out);
	status = print_end(&out, !written);
	if (status == EXIT_DONE && review_needs_person(&review))
		status = EXIT_NO;
	review_free(&review);
	return status;
}
