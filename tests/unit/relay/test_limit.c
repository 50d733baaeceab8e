#include "unit.h"

#include <string.h>

#include "config/config.h"
#include "relay/limit.h"

/* A moment at which a span begins. */
#define NOW (INT64_C(5666667) * LIMIT_SPAN_MS)
#define HOUR INT64_C(3600000)

static struct limit
make(int64_t count, int64_t period_ms, int64_t per_day)
{
	struct config_destination config = {
		.max_rate = { count, period_ms }, .max_per_day = per_day };
	struct limit l;

	limit_init(&l, &config);
	return l;
}

/* Send whenever it may, with a clock that ticks by ${tick_ms}; keep when. */
static size_t
run(struct limit *l, int64_t from, int64_t until, int64_t tick_ms,
    int64_t *when, size_t max)
{
	size_t n = 0;

	for (int64_t now = from; now < until; now += tick_ms)
		while (limit_room(l, now, 1) != 0) {
			limit_spend(l, now);
			if (n < max)
				when[n] = now;
			n++;
		}
	return n;
}

static void
test_none(void **state)
{
	struct limit l = make(0, 0, 0);

	(void)state;
	for (int i = 0; i < 1000; i++)
		limit_spend(&l, NOW);
	assert_int_equal(limit_room(&l, NOW, 77), 77);
	assert_int_equal(limit_next_ms(&l, NOW), NOW);
}

static void
test_rate(void **state)
{
	static const struct { int64_t count, period, tick; } cases[] = {
		{ 10, 1000, 1 }, { 10, 1000, 7 }, { 100, 60000, 1 },
		{ 1000, 1000, 1 }, { 1000, 1000, 10 }, { 3, 1000, 15 },
		{ 100, 10000, 3 }, { 1, 1000, 1 },
	};
	static int64_t when[4096];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct limit l = make(cases[i].count, cases[i].period, 0);
		int64_t end = NOW + 3 * cases[i].period;
		size_t n = run(&l, NOW, end, cases[i].tick, when, 4096);
		size_t most = (size_t)cases[i].count;

		/* As many as allowed, and never more in any stretch, but for the slack. */
		assert_in_range(n, 3 * most - 1, 3 * most + 1 +
		    (size_t)(LIMIT_SLACK_MS * cases[i].count / cases[i].period));
		for (size_t j = most; j < n; j++)
			assert_true(when[j] - when[j - most] >=
			    cases[i].period - 2 * LIMIT_SLACK_MS);
	}
}

static void
test_first_at_once_then_wait(void **state)
{
	struct limit l = make(1, 60000, 0);

	(void)state;
	assert_int_equal(limit_room(&l, NOW, 5), 1);
	limit_spend(&l, NOW);
	assert_int_equal(limit_room(&l, NOW, 5), 0);
	assert_int_equal(limit_next_ms(&l, NOW), NOW + 60000 - LIMIT_SLACK_MS);
	assert_int_equal(limit_room(&l, limit_next_ms(&l, NOW), 5), 1);
	assert_int_equal(limit_room(&l, limit_next_ms(&l, NOW) - 1, 5), 0);
	/* Idleness is not saved up. */
	assert_int_equal(limit_room(&l, NOW + HOUR, 5), 1);
}

static void
test_clock_put_back(void **state)
{
	struct limit l = make(1, 1000, 2);

	(void)state;
	limit_spend(&l, NOW + 300 * 24 * HOUR);
	limit_spend(&l, NOW + 300 * 24 * HOUR + 1000);
	assert_int_equal(limit_room(&l, NOW, 1), 1);
	assert_int_equal(limit_next_ms(&l, NOW), NOW);
}

static void
test_day(void **state)
{
	struct limit l = make(0, 0, 3);
	int64_t next;

	(void)state;
	limit_spend(&l, NOW);
	limit_spend(&l, NOW + HOUR);
	assert_int_equal(limit_room(&l, NOW + HOUR, 9), 1);
	limit_spend(&l, NOW + 2 * HOUR);
	assert_int_equal(limit_today(&l, NOW + 2 * HOUR), 3);
	assert_int_equal(limit_room(&l, NOW + 2 * HOUR, 9), 0);

	/* The window slides: the first request is a day past, and one may go. */
	next = limit_next_ms(&l, NOW + 2 * HOUR);
	assert_int_equal(next, NOW + LIMIT_SPAN_MS + LIMIT_DAY_MS);
	assert_int_equal(limit_room(&l, next - 1, 9), 0);
	assert_int_equal(limit_room(&l, next, 9), 1);
	limit_spend(&l, next);
	assert_int_equal(limit_next_ms(&l, next),
	    NOW + HOUR + LIMIT_SPAN_MS + LIMIT_DAY_MS);
	assert_int_equal(limit_room(&l, next + LIMIT_DAY_MS + LIMIT_SPAN_MS, 9), 3);
}

static void
test_day_after_restart(void **state)
{
	struct limit l = make(0, 0, 10);

	(void)state;
	limit_note(&l, NOW - LIMIT_SPAN_MS, 4);
	limit_note(&l, NOW, 5);
	limit_note(&l, NOW - 2 * LIMIT_DAY_MS, 100);
	assert_int_equal(limit_room(&l, NOW, 9), 1);
	limit_clear(&l);
	assert_int_equal(limit_room(&l, NOW, 9), 9);
	/* A limit made smaller than what was sent already. */
	limit_note(&l, NOW, 50);
	assert_int_equal(limit_room(&l, NOW, 9), 0);
	assert_int_equal(limit_next_ms(&l, NOW), NOW + LIMIT_SPAN_MS + LIMIT_DAY_MS);
}

/* A day's requests, spread over it, never exceed the limit in any 24 hours. */
static void
test_day_slides(void **state)
{
	static int64_t when[1024];
	struct limit l = make(0, 0, 100);
	size_t n;

	(void)state;
	n = run(&l, NOW, NOW + 4 * LIMIT_DAY_MS, 60000, when, 1024);
	assert_in_range(n, 300, 400);
	for (size_t j = 100; j < n; j++)
		assert_true(when[j] - when[j - 100] >= LIMIT_DAY_MS);
}

static void
test_both(void **state)
{
	struct limit l = make(10, 1000, 2);

	(void)state;
	limit_spend(&l, NOW);
	assert_int_equal(limit_next_ms(&l, NOW), NOW + 100 - LIMIT_SLACK_MS);
	limit_spend(&l, NOW + 100);
	assert_int_equal(limit_next_ms(&l, NOW + 100),
	    NOW + LIMIT_SPAN_MS + LIMIT_DAY_MS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_first_at_once_then_wait),
		cmocka_unit_test(test_clock_put_back),
		cmocka_unit_test(test_day),
		cmocka_unit_test(test_day_after_restart),
		cmocka_unit_test(test_day_slides),
		cmocka_unit_test(test_both),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
