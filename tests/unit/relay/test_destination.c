#include "unit.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "relay/destination.h"
#include "relay/retry.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define BEGIN INT64_C(1700000000000)
#define RECEIVED (BEGIN - 5 * SECOND)

/* A destination with the defaults, a clock, and what the last attempt came to. */
struct world {
	struct config_destination config;
	struct destination d;
	struct destination_verdict v;
	int64_t now;
	int64_t doubt;			/* how much later that is than what is believed */
};

static int64_t retry[] = { 5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE,
	30 * MINUTE, 2 * HOUR, 6 * HOUR, 12 * HOUR };
static int64_t probe[] = { 30 * SECOND, MINUTE, 2 * MINUTE, 5 * MINUTE };

static int
set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->config.max_concurrent = 8;
	w->config.retry_ms = retry;
	w->config.retry_count = COUNT(retry);
	w->config.probe_ms = probe;
	w->config.probe_count = COUNT(probe);
	w->config.retry_for_ms = 4 * DAY;
	w->now = BEGIN;
	destination_init(&w->d, &w->config, 1);
	*state = w;
	return 0;
}

static int
tear_down(void **state)
{
	struct world *w = *state;

	destination_free(&w->d);
	free(w);
	return 0;
}

static struct destination_attempt
answer(struct world *w, uint64_t lead, int status)
{
	static const struct config_range success[] = { { 200, 299 } };

	return (struct destination_attempt){
		.lead = lead,
		.attempts = 1,
		.received_ms = RECEIVED,
		.first_attempt_ms = w->now,
		.status = status,
		.class = status != 0 ? classify_status(success, 1, status, false) :
		    CLASSIFY_DESTINATION,
		.error = status != 0 ? NULL : "Connection refused",
	};
}

/* An attempt that began just now ends. */
static enum delivery_state
judge(struct world *w, struct destination_attempt a)
{
	a.era = w->d.era;
	a.sure_ms = w->now - w->doubt;
	destination_judge(&w->d, &a, w->now, 0, &w->v);
	return w->v.state;
}

/* Lead ${lead}'s first attempt ends with ${status}. */
static enum delivery_state
try(struct world *w, uint64_t lead, int status)
{
	return judge(w, answer(w, lead, status));
}

static enum delivery_state
try_probe(struct world *w, uint64_t lead, int status)
{
	struct destination_attempt a = answer(w, lead, status);

	a.probe = true;
	return judge(w, a);
}

static bool
is_open(const struct world *w)
{
	return destination_open(&w->d, w->now);
}

static void
test_lead_hash(void **state)
{
	(void)state;
	assert_true(destination_lead("a", "1") == destination_lead("a", "1"));
	assert_true(destination_lead("a", "1") != destination_lead("a", "2"));
	assert_true(destination_lead("a1", "") != destination_lead("a", "1"));
	assert_true(destination_lead("", "a1") != destination_lead("a", "1"));
}

static void
test_delivered(void **state)
{
	struct world *w = *state;

	assert_int_equal(try(w, 1, 200), DELIVERY_DELIVERED);
	assert_int_equal(w->d.state.last_success_ms, w->now);
	assert_int_equal(w->d.state.window, 8);
	assert_false(w->d.state.make_due);
	assert_true(w->d.changed);
	assert_int_equal(w->v.turn, DESTINATION_SAME);
}

static void
test_refused_is_dead(void **state)
{
	struct world *w = *state;

	assert_int_equal(try(w, 1, 422), DELIVERY_DEAD);
	assert_string_equal(w->v.reason, "refused with status 422");
	assert_int_equal(try(w, 2, 400), DELIVERY_DEAD);
	assert_true(is_open(w));
	/* A success between them: not in a row. */
	assert_int_equal(try(w, 3, 201), DELIVERY_DELIVERED);
	assert_int_equal(try(w, 4, 409), DELIVERY_DEAD);
	assert_int_equal(try(w, 5, 413), DELIVERY_DEAD);
	/* The same lead again is no third one. */
	assert_int_equal(try(w, 5, 413), DELIVERY_DEAD);
	assert_int_equal(try(w, 4, 413), DELIVERY_DEAD);
	assert_true(is_open(w));
	assert_int_equal(try(w, 6, 422), DELIVERY_DEAD);
	assert_false(is_open(w));
	assert_int_equal(w->v.turn, DESTINATION_PAUSED);
	assert_non_null(strstr(w->d.state.pause_reason, "refuses everything"));
	/* In a pause for that, too, a probe costs nothing. */
	w->now += 30 * SECOND;
	assert_true(destination_probe_due(&w->d, w->now));
	assert_int_equal(try_probe(w, 7, 422), DELIVERY_WAITING);
	assert_true(w->v.free_of_charge);
	assert_int_equal(try_probe(w, 7, 200), DELIVERY_DELIVERED);
	assert_int_equal(w->v.turn, DESTINATION_RECOVERED);
	assert_int_equal(w->d.state.refused_leads, 0);
	assert_int_equal(try(w, 8, 422), DELIVERY_DEAD);
	assert_true(is_open(w));
}

static void
test_refusals_survive_restart(void **state)
{
	struct world *w = *state;

	(void)try(w, 1, 422);
	(void)try(w, 2, 422);
	assert_int_equal(w->d.state.refused_leads, 2);
	destination_loaded(&w->d);
	assert_int_equal(try(w, 3, 422), DELIVERY_DEAD);
	assert_int_equal(w->v.turn, DESTINATION_PAUSED);
}

/* The process ends and another one goes on, with nothing but what is stored. */
static void
restart(struct world *w)
{
	struct destination_state state = w->d.state;

	destination_init(&w->d, &w->config, state.number);
	w->d.state = state;
	destination_loaded(&w->d);
}

/* One lead refused over and over is one, whoever counts. */
static void
test_refused_lead_is_known_after_restart(void **state)
{
	struct world *w = *state;
	int i;

	for (i = 0; i < 4; i++) {
		assert_int_equal(try(w, 1, 422), DELIVERY_DEAD);
		restart(w);
		assert_int_equal(try(w, 2, 422), DELIVERY_DEAD);
		restart(w);
	}
	assert_true(is_open(w));
	assert_int_equal(try(w, 3, 422), DELIVERY_DEAD);
	assert_false(is_open(w));
}

/* One attempt a process, as with cron: the run counts all the same. */
static void
test_run_over_restarts(void **state)
{
	struct world *w = *state;
	int i;

	for (i = 0; i < 8; i++) {
		(void)try(w, 1, 500);
		restart(w);
		assert_true(is_open(w));	/* one lead alone pauses nothing */
	}
	(void)try(w, 2, 500);
	assert_false(is_open(w));
	restart(w);
	assert_false(is_open(w));
	assert_int_equal(try_probe(w, 3, 200), DELIVERY_DELIVERED);
	restart(w);
	(void)try(w, 1, 500);
	(void)try(w, 2, 500);
	assert_true(is_open(w));	/* the success ended the run */
}

/* The success that ends a run makes due, and starts with one, in whatever process. */
static void
test_recovery_over_restarts(void **state)
{
	struct world *w = *state;

	(void)try(w, 1, 500);
	(void)try(w, 2, 500);
	restart(w);
	w->now += MINUTE;
	(void)try(w, 3, 200);
	assert_true(w->d.state.make_due);
	assert_int_equal(w->d.state.recovered_ms, w->now);
	restart(w);
	assert_true(w->d.state.make_due);
	assert_int_equal(w->d.state.window, 1);
	(void)try(w, 4, 200);
	restart(w);
	assert_int_equal(w->d.state.window, 2);
	/* Less than that may be allowed by now. */
	w->config.max_concurrent = 1;
	restart(w);
	assert_int_equal(w->d.state.window, 1);
}

static void
test_passing_schedule(void **state)
{
	struct world *w = *state;
	struct destination_attempt a;
	size_t i;

	a = answer(w, 1, 503);
	for (i = 0; i < COUNT(retry) + 2; i++) {
		a.attempts = (int)i + 1;
		assert_int_equal(judge(w, a), DELIVERY_WAITING);
		assert_false(w->v.free_of_charge);
		assert_int_equal(w->v.due_ms,
		    w->now + retry[i < COUNT(retry) ? i : COUNT(retry) - 1]);
		a.first_failure_ms = a.first_attempt_ms;
	}
	/* One lead alone pauses nothing, however often it fails. */
	assert_true(is_open(w));
}

static void
test_five_failures(void **state)
{
	struct world *w = *state;
	int i;

	for (i = 0; i < 4; i++)
		assert_int_equal(try(w, 1, 500), DELIVERY_WAITING);
	assert_true(is_open(w));
	assert_int_equal(try(w, 2, 502), DELIVERY_WAITING);
	assert_false(is_open(w));
	assert_int_equal(w->v.turn, DESTINATION_PAUSED);
	assert_string_equal(w->d.state.pause_reason,
	    "5 failures in a row, the last: status 502");
	/* What was under way and fails now does not pause it once more. */
	assert_int_equal(try(w, 3, 500), DELIVERY_WAITING);
	assert_int_equal(w->v.turn, DESTINATION_SAME);
}

/* Everything a pause can come of. */
static void
pause_for(struct world *w, int cause)
{
	static const int statuses[] = { 422, 401, 500, 0 };
	uint64_t lead;

	for (lead = 1; w->d.state.paused_ms == 0; lead++)
		if (cause < (int)COUNT(statuses))
			(void)try(w, lead, statuses[cause]);
		else
			destination_blame(&w->d, "token endpoint: status 500", w->now, &w->v);
	assert_int_equal(w->v.turn, DESTINATION_PAUSED);
}

/* Whatever was under way when a pause began waits, for no price, and weighs nothing. */
static void
test_under_way_at_a_pause(void **state)
{
	static const int statuses[] = { 422, 409, 401, 404, 500, 503, 429, 0 };
	struct destination_attempt late;
	struct destination_state before;
	struct world *w;
	int cause, over;
	size_t i;

	for (cause = 0; cause < 5; cause++)
		for (over = 0; over < 2; over++) {
			assert_int_equal(set_up(state), 0);
			w = *state;
			late = answer(w, 100, 422);
			late.era = w->d.era;
			pause_for(w, cause);
			w->now += MINUTE;
			if (over)
				(void)try_probe(w, 50, 200);
			before = w->d.state;
			for (i = 0; i < 3 * COUNT(statuses); i++) {
				late.lead++;
				late.status = statuses[i % COUNT(statuses)];
				late.class = answer(w, 1, late.status).class;
				late.first_attempt_ms = w->now - 10 * DAY;
				destination_judge(&w->d, &late, w->now, 0, &w->v);
				assert_int_equal(w->v.state, DELIVERY_WAITING);
				assert_true(w->v.free_of_charge);
				assert_int_equal(w->v.due_ms, RECEIVED);
				assert_int_equal(w->v.turn, DESTINATION_SAME);
			}
			assert_memory_equal(&w->d.state, &before, sizeof(before));
			assert_int_equal(tear_down(state), 0);
		}
	assert_int_equal(set_up(state), 0);
}

/* Its success is one; and the next refusals are the leads' own again. */
static void
test_success_under_way_at_a_pause(void **state)
{
	struct world *w = *state;
	struct destination_attempt late = answer(w, 100, 200);
	uint64_t lead;

	pause_for(w, 0);
	destination_judge(&w->d, &late, w->now, 0, &w->v);
	assert_int_equal(w->v.state, DELIVERY_DELIVERED);
	assert_int_equal(w->v.turn, DESTINATION_RECOVERED);
	/* More of them do not open the window for what has yet to begin. */
	for (lead = 101; lead < 110; lead++) {
		late.lead = lead;
		destination_judge(&w->d, &late, w->now, 0, &w->v);
		assert_int_equal(w->v.state, DELIVERY_DELIVERED);
	}
	assert_int_equal(w->d.state.window, 1);
	assert_int_equal(try(w, 7, 422), DELIVERY_DEAD);
	assert_true(is_open(w));
}

static void
test_success_breaks_the_row(void **state)
{
	struct world *w = *state;
	uint64_t lead;

	for (lead = 1; lead <= 4; lead++)
		(void)try(w, lead, 500);
	w->now += SECOND;
	assert_int_equal(try(w, 5, 200), DELIVERY_DELIVERED);
	assert_true(w->d.state.make_due);
	assert_int_equal(w->d.state.window, 1);
	assert_int_equal(w->d.state.recovered_ms, w->now);
	for (lead = 1; lead <= 4; lead++)
		(void)try(w, lead, 500);
	assert_true(is_open(w));
}

/* A lead that fails on and on is not sent again at each of the others' successes. */
static void
test_poison_lead_starts_no_recovery(void **state)
{
	struct world *w = *state;
	struct destination_attempt a = answer(w, 1, 500);
	int i;

	assert_int_equal(judge(w, a), DELIVERY_WAITING);
	w->now += SECOND;
	(void)try(w, 2, 200);
	assert_true(w->d.state.make_due);
	assert_int_equal(w->d.state.recovered_ms, 0);	/* one lead's trouble is none */
	w->d.state.make_due = false;
	a.first_failure_ms = a.first_attempt_ms;
	for (i = 0; i < 10; i++) {
		w->now += SECOND;
		a.attempts++;
		assert_int_equal(judge(w, a), DELIVERY_WAITING);
		w->now += SECOND;
		(void)try(w, 3, 200);
		assert_false(w->d.state.make_due);
		assert_int_equal(w->d.state.window, 8);
	}
	w->now += 4 * DAY;
	assert_int_equal(judge(w, a), DELIVERY_DEAD);
}

static void
test_fault_pauses_at_once(void **state)
{
	static const int statuses[] = { 0, 301, 401, 403, 404, 405, 407, 410, 415, 421,
		426, 501, 505 };
	size_t i;

	for (i = 0; i < COUNT(statuses); i++) {
		struct world *w;

		assert_int_equal(set_up(state), 0);
		w = *state;
		assert_int_equal(try(w, 1, statuses[i]), DELIVERY_WAITING);
		assert_false(is_open(w));
		assert_int_equal(w->v.turn, DESTINATION_PAUSED);
		assert_int_equal(w->d.state.paused_ms, w->now);
		assert_int_equal(w->d.state.next_probe_ms, w->now + 30 * SECOND);
		assert_int_equal(tear_down(state), 0);
	}
	assert_int_equal(set_up(state), 0);
}

static void
test_probes(void **state)
{
	static const int64_t pauses[] = { 30 * SECOND, MINUTE, 2 * MINUTE, 5 * MINUTE,
		5 * MINUTE, 5 * MINUTE };
	struct world *w = *state;
	int64_t paused;
	size_t i;

	(void)try(w, 1, 0);
	paused = w->now;
	assert_string_equal(w->d.state.pause_reason, "Connection refused");
	for (i = 0; i < COUNT(pauses); i++) {
		assert_false(destination_probe_due(&w->d, w->now));
		assert_int_equal(destination_wake_ms(&w->d, w->now), w->now + pauses[i]);
		w->now += pauses[i] - 1;
		assert_false(destination_probe_due(&w->d, w->now));
		w->now++;
		assert_true(destination_probe_due(&w->d, w->now));
		assert_false(is_open(w));
		destination_probed(&w->d, (int64_t)i + 10);
		assert_int_equal(w->d.state.probe_cursor, (int64_t)i + 10);
		assert_int_equal(try_probe(w, i, 0), DELIVERY_WAITING);
		assert_true(w->v.free_of_charge);
		assert_int_equal(w->v.due_ms, RECEIVED);
		assert_int_equal(w->d.state.probes, (int64_t)i + 1);
	}
	w->now += 10 * DAY;
	/* A probe never gives up, whatever its lead's age. */
	assert_int_equal(try_probe(w, 1, 503), DELIVERY_WAITING);
	assert_int_equal(try_probe(w, 1, 200), DELIVERY_DELIVERED);
	assert_int_equal(w->v.turn, DESTINATION_RECOVERED);
	assert_int_equal(w->v.paused_for_ms, w->now - paused);
	assert_true(is_open(w));
	assert_true(w->d.state.make_due);
	assert_int_equal(w->d.state.recovered_ms, w->now);
	assert_null(w->d.state.pause_reason);
}

static void
test_slow_start(void **state)
{
	static const int64_t windows[] = { 1, 2, 3, 4, 5, 6, 7, 8, 8, 8 };
	struct world *w = *state;
	size_t i;

	(void)try(w, 1, 0);
	w->now += MINUTE;
	for (i = 0; i < COUNT(windows); i++) {
		assert_int_equal(i == 0 ? try_probe(w, 1, 200) : try(w, i, 200),
		    DELIVERY_DELIVERED);
		assert_int_equal(w->d.state.window, windows[i]);
	}
}

/* An attempt that was under way when the pause began got through. */
static void
test_late_success_opens(void **state)
{
	struct world *w = *state;

	(void)try(w, 1, 0);
	assert_int_equal(try(w, 2, 200), DELIVERY_DELIVERED);
	assert_int_equal(w->v.turn, DESTINATION_RECOVERED);
	assert_true(is_open(w));
	/* And a probe that fails afterwards is still free and pauses nothing. */
	assert_int_equal(try_probe(w, 3, 0), DELIVERY_WAITING);
	assert_true(w->v.free_of_charge);
	assert_true(is_open(w));
}

static void
test_own_trouble_is_held(void **state)
{
	struct world *w = *state;
	struct destination_attempt a = answer(w, 1, 404);

	assert_false(destination_asks_others(&w->d, &a));
	(void)judge(w, a);
	a.first_failure_ms = a.first_attempt_ms;
	assert_false(destination_asks_others(&w->d, &a));
	w->now += MINUTE;
	(void)try_probe(w, 2, 200);
	assert_true(is_open(w));

	a.era = w->d.era;
	assert_true(destination_asks_others(&w->d, &a));
	a.others = 2;
	assert_int_equal(judge(w, a), DELIVERY_WAITING);
	assert_false(is_open(w));
	(void)try(w, 3, 200);
	a.others = 3;
	assert_int_equal(judge(w, a), DELIVERY_HELD);
	assert_true(is_open(w));
	assert_non_null(strstr(w->v.reason, "404"));

	/* Not when a pause began meanwhile, nor for a probe or a failure without an answer. */
	assert_false(destination_asks_others(&w->d, &a));
	a.era = w->d.era;
	assert_true(destination_asks_others(&w->d, &a));
	a.probe = true;
	assert_false(destination_asks_others(&w->d, &a));
	a.probe = false;
	a.status = 0;
	assert_false(destination_asks_others(&w->d, &a));
}

static void
test_retry_after(void **state)
{
	struct world *w = *state;
	struct destination_attempt a = answer(w, 1, 503);
	uint64_t lead;

	a.retry_after_ms = 10 * SECOND;
	for (lead = 1; lead <= 10; lead++) {
		a.lead = lead;
		assert_int_equal(judge(w, a), DELIVERY_WAITING);
		assert_true(w->v.free_of_charge);
		assert_int_equal(w->v.due_ms, w->now + 10 * SECOND);
	}
	assert_int_equal(w->d.state.paused_ms, 0);	/* it says itself when */
	assert_false(is_open(w));
	assert_int_equal(destination_wake_ms(&w->d, w->now), w->now + 10 * SECOND);
	/* A shorter wish does not undo a longer one. */
	a.retry_after_ms = SECOND;
	(void)judge(w, a);
	w->now += 10 * SECOND - 1;
	assert_false(is_open(w));
	w->now++;
	assert_true(is_open(w));
	assert_int_equal(w->d.state.window, 1);
}

static void
test_retry_after_defers_probe(void **state)
{
	struct world *w = *state;
	struct destination_attempt a;

	(void)try(w, 1, 0);
	w->now += 30 * SECOND;
	a = answer(w, 1, 503);
	a.probe = true;
	a.retry_after_ms = HOUR;
	(void)judge(w, a);
	w->now += MINUTE;
	assert_false(destination_probe_due(&w->d, w->now));
	assert_int_equal(destination_wake_ms(&w->d, w->now), w->now + HOUR - MINUTE);
	w->now += HOUR - MINUTE;
	assert_true(destination_probe_due(&w->d, w->now));
}

static void
test_given_up(void **state)
{
	struct world *w = *state;
	struct destination_attempt a = answer(w, 1, 503);

	a.first_failure_ms = a.first_attempt_ms;
	w->now += 4 * DAY;
	assert_int_equal(judge(w, a), DELIVERY_WAITING);
	w->now += 1;
	assert_int_equal(judge(w, a), DELIVERY_DEAD);
	assert_string_equal(w->v.reason, "given up after 4d: status 503");
	/* Time that the destination itself was down does not count. */
	w->d.state.recovered_ms = w->now - DAY;
	assert_int_equal(judge(w, a), DELIVERY_WAITING);
	w->now += 3 * DAY + 1;
	assert_int_equal(judge(w, a), DELIVERY_DEAD);
	/* Retry-After saves an attempt, not a life. */
	a.retry_after_ms = SECOND;
	assert_int_equal(judge(w, a), DELIVERY_DEAD);
	assert_false(w->v.free_of_charge);
}

static void
test_pause_survives_restart(void **state)
{
	struct world *w = *state;

	(void)try(w, 1, 401);
	destination_loaded(&w->d);
	assert_false(w->d.changed);
	assert_false(is_open(w));
	assert_int_equal(w->d.state.window, 1);
	w->now += 30 * SECOND;
	assert_true(destination_probe_due(&w->d, w->now));
}

/* A clock that was put back must not stop the relay until it has caught up. */
static void
test_clock_put_back(void **state)
{
	struct world *w = *state;
	struct destination_attempt a = answer(w, 1, 503);

	a.retry_after_ms = MINUTE;
	(void)judge(w, a);
	assert_false(is_open(w));
	w->now -= DAY;
	assert_true(is_open(w));
	w->now += DAY;
	(void)try(w, 1, 0);
	w->d.state.not_before_ms = 0;
	assert_false(destination_probe_due(&w->d, w->now));
	w->now -= DAY;
	assert_true(destination_probe_due(&w->d, w->now));
	assert_true(destination_wake_ms(&w->d, w->now) == INT64_MAX);
}

/* What every lead needs failed: a pause, its probes counted, and no lead sent. */
static void
test_blame(void **state)
{
	struct world *w = *state;

	destination_blame(&w->d, "token endpoint: status 500", w->now, &w->v);
	assert_int_equal(w->v.turn, DESTINATION_PAUSED);
	assert_string_equal(w->d.state.pause_reason, "token endpoint: status 500");
	assert_false(is_open(w));
	w->now += 30 * SECOND;
	assert_true(destination_probe_due(&w->d, w->now));
	destination_blame(&w->d, "token endpoint: status 500", w->now, &w->v);
	assert_int_equal(w->v.turn, DESTINATION_SAME);
	assert_int_equal(w->d.state.next_probe_ms, w->now + MINUTE);
	w->now += MINUTE;
	assert_int_equal(try_probe(w, 1, 200), DELIVERY_DELIVERED);
	assert_int_equal(w->v.turn, DESTINATION_RECOVERED);
}

/* A lead is given up by the moment that is believed, not by the clock. */
static void
test_given_up_when_sure(void **state)
{
	static const int64_t jumps[] = { HOUR, DAY, 200 * DAY, 3650 * DAY };
	struct world *w = *state;
	struct destination_attempt a;
	size_t i;

	for (i = 0; i < COUNT(jumps); i++) {
		w->now = BEGIN;
		a = answer(w, 1, 503);
		w->now = BEGIN + 5 * MINUTE + jumps[i];
		w->doubt = jumps[i];
		assert_int_equal(judge(w, a), DELIVERY_WAITING);
		w->doubt = 0;
		assert_int_equal(judge(w, a), jumps[i] > 4 * DAY ? DELIVERY_DEAD :
		    DELIVERY_WAITING);
	}
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lead_hash),
		T(test_delivered),
		T(test_refused_is_dead),
		T(test_refusals_survive_restart),
		T(test_refused_lead_is_known_after_restart),
		T(test_run_over_restarts),
		T(test_recovery_over_restarts),
		T(test_passing_schedule),
		T(test_five_failures),
		cmocka_unit_test_teardown(test_under_way_at_a_pause, tear_down),
		T(test_success_under_way_at_a_pause),
		T(test_success_breaks_the_row),
		T(test_poison_lead_starts_no_recovery),
		cmocka_unit_test_teardown(test_fault_pauses_at_once, tear_down),
		T(test_probes),
		T(test_slow_start),
		T(test_late_success_opens),
		T(test_own_trouble_is_held),
		T(test_retry_after),
		T(test_retry_after_defers_probe),
		T(test_given_up),
		T(test_given_up_when_sure),
		T(test_pause_survives_restart),
		T(test_clock_put_back),
		T(test_blame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
