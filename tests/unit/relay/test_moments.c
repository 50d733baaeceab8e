/* A destination's stored moments, read under other clocks than they were written by. */
#include "unit.h"

#include "base/clock.h"
#include "outbox/event.h"
#include "relay/moments.h"

#define HOUR INT64_C(3600000)
#define DAY (24 * HOUR)
#define YEAR (365 * DAY)
#define SLACK 60000

static const int64_t offs[] = { HOUR, 2 * HOUR, DAY, 10 * YEAR, -HOUR, -DAY,
	-10 * YEAR };

static int
tear_down(void **state)
{
	(void)state;
	clock_pretend(0, 0);
	return 0;
}

#define NEAR(a, b) assert_in_range((a) - (b) + SLACK, 0, 2 * SLACK)

/* What has happened is past; pauses keep their moment, which destination.c bounds. */
static void
test_come_in(void **state)
{
	int64_t now = clock_wall_ms();
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(offs); i++) {
		int64_t at = now + offs[i], past = offs[i] > 0 ? now : at;
		struct destination_state s = { .paused_ms = at, .next_probe_ms = at,
			.not_before_ms = at, .recovered_ms = at,
			.last_success_ms = at };

		moments_come_in(&s, 0);
		NEAR(s.paused_ms, past);
		NEAR(s.recovered_ms, past);
		NEAR(s.last_success_ms, past);
		NEAR(s.next_probe_ms, at);
		NEAR(s.not_before_ms, at);
	}
}

/* A reading that is behind what was believed takes nothing back. */
static void
test_behind(void **state)
{
	int64_t now = clock_wall_ms();
	struct destination_state s = { .recovered_ms = now };

	(void)state;
	clock_pretend(-10 * YEAR, 0);
	moments_come_in(&s, now);
	moments_go_out(&s, clock_wall_ms() - clock_steady_ms());
	NEAR(s.recovered_ms, now);
}

/* In under one clock, out under another: a pause lasts as long as it did. */
static void
test_set_between(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(offs); i++) {
		int64_t now = clock_wall_ms();
		struct destination_state s = { .next_probe_ms = now + HOUR };

		moments_come_in(&s, 0);
		clock_pretend(offs[i], 0);
		moments_go_out(&s, clock_wall_ms() - clock_steady_ms());
		NEAR(s.next_probe_ms, now + offs[i] + HOUR);
		assert_int_equal(s.paused_ms, 0);
		assert_int_equal(s.not_before_ms, 0);
		clock_pretend(0, 0);
	}
}

int
main(void)
{
#define T(name) cmocka_unit_test_teardown(name, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_come_in), T(test_behind), T(test_set_between),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
