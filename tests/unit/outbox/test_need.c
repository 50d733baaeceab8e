#include "unit.h"

#include <string.h>

#include "config/config.h"
#include "outbox/need.h"

#define NOW INT64_C(1700000000000)
#define MINUTE INT64_C(60000)

static void
test_levels(void **state)
{
	const struct config_alert config = { .waiting_longer_than_ms = 15 * MINUTE,
	    .quiet_for_ms = 60 * MINUTE };
	struct store_stats stats = { .events_held = 3,
	    .last_received_ms = NOW - 61 * MINUTE };
	struct store_destination_stats d = { .name = "crm", .configured = true,
	    .oldest_waiting_ms = NOW - 16 * MINUTE };
	int64_t since;

	(void)state;
#define LEVEL(kind, dest) need_level(kind, &(struct need_view){ .stats = &stats, \
	.limits = &config, .quiet_since_ms = NOW - 1000 * MINUTE, .now_ms = NOW }, dest, &since)
	d.count[DELIVERY_WAITING] = 4;
	d.count[DELIVERY_SENDING] = 1;
	d.count[DELIVERY_DEAD] = 7;
	d.count[DELIVERY_HELD] = 2;
	assert_int_equal(LEVEL(NEED_DEAD, &d), 7);
	assert_int_equal(LEVEL(NEED_HELD, &d), 2);
	assert_int_equal(LEVEL(NEED_EVENTS_HELD, NULL), 3);
	assert_int_equal(LEVEL(NEED_PAUSED, &d), 0);
	d.state.paused_ms = NOW - 5;
	assert_int_equal(LEVEL(NEED_PAUSED, &d), 1);
	assert_int_equal(since, NOW - 5);
	assert_int_equal(LEVEL(NEED_WAITING, &d), 1);
	assert_int_equal(since, NOW - 16 * MINUTE);
	d.oldest_waiting_ms = NOW - 15 * MINUTE;
	assert_int_equal(LEVEL(NEED_WAITING, &d), 0);
	d.oldest_waiting_ms = 0;
	assert_int_equal(LEVEL(NEED_WAITING, &d), 0);
	assert_int_equal(LEVEL(NEED_UNCONFIGURED, &d), 0);
	d.configured = false;
	d.oldest_waiting_ms = NOW - 100 * MINUTE;
	assert_int_equal(LEVEL(NEED_UNCONFIGURED, &d), 5);
	assert_int_equal(LEVEL(NEED_WAITING, &d), 0);
	assert_int_equal(LEVEL(NEED_PAUSED, &d), 0);
	assert_int_equal(LEVEL(NEED_QUIET, NULL), 1);
	assert_int_equal(since, NOW - 61 * MINUTE);
	stats.last_received_ms = NOW - 59 * MINUTE;
	assert_int_equal(LEVEL(NEED_QUIET, NULL), 0);
	/* Where no lead ever came, silence begins with the watch. */
	stats.last_received_ms = 0;
	assert_int_equal(LEVEL(NEED_QUIET, NULL), 1);
	assert_int_equal(since, NOW - 1000 * MINUTE);
	assert_int_equal(LEVEL(NEED_REFUSED, NULL), 0);
}

/* What is yet to come by a clock that was put back is long enough ago. */
static void
test_levels_ahead(void **state)
{
	static const int64_t offs[] = { 60, 120, 1440, 5256000 };
	const struct config_alert config = { .waiting_longer_than_ms = 15 * MINUTE,
	    .quiet_for_ms = 60 * MINUTE };
	struct store_stats stats = { 0 };
	struct store_destination_stats d = { .name = "crm", .configured = true };
	int64_t since;

	(void)state;
	for (size_t i = 0; i < COUNT(offs); i++) {
		d.oldest_waiting_ms = stats.last_received_ms = NOW + offs[i] * MINUTE;
		assert_int_equal(LEVEL(NEED_WAITING, &d), 1);
		assert_int_equal(LEVEL(NEED_QUIET, NULL), 1);
		assert_int_equal(since, NOW - 1000 * MINUTE);
	}
	/* Set right by seconds. */
	d.oldest_waiting_ms = stats.last_received_ms = NOW + 30000;
	assert_int_equal(LEVEL(NEED_WAITING, &d), 0);
	assert_int_equal(LEVEL(NEED_QUIET, NULL), 0);
}

static void
test_quiet_off(void **state)
{
	const struct config_alert config = { .quiet_for_ms = -1 };
	const struct store_stats stats = { .last_received_ms = 1 };
	int64_t since;

	(void)state;
	assert_int_equal(need_level(NEED_QUIET, &(struct need_view){ .stats = &stats,
	    .limits = &config, .quiet_since_ms = 1, .now_ms = NOW }, NULL, &since), 0);
}

/* A sign of life that is long past, or yet to come. */
static void
test_relay(void **state)
{
	static const struct { bool alive; int64_t ago_ms, silent, stuck; } rows[] = {
		{ true, 15000, 0, 0 }, { true, 15001, 0, 3 }, { true, -15001, 0, 3 },
		{ false, 150000, 0, 0 }, { false, 150001, 3, 0 }, { false, -15001, 3, 0 },
	};
	const struct config_alert config = { .quiet_for_ms = -1 };
	int64_t since;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct store_stats stats = { .relay_alive = rows[i].alive,
		    .relay_seen_ms = NOW - rows[i].ago_ms };
		const struct need_view view = { .stats = &stats, .limits = &config,
		    .deliverable = 3, .now_ms = NOW };

		assert_int_equal(need_level(NEED_NO_RELAY, &view, NULL, &since),
		    rows[i].silent);
		assert_int_equal(need_level(NEED_RELAY_STUCK, &view, NULL, &since),
		    rows[i].stuck);
	}
}

/* Every kind has its words, and what to type. */
static void
test_words(void **state)
{
	struct buf out = { 0 };

	(void)state;
	for (int kind = 0; kind < NEED_KINDS; kind++)
		for (int64_t level = 0; level < 3; level++) {
			buf_reset(&out);
			need_say(kind, level, "crm", &out);
			assert_true(out.len > 5);
			assert_null(strchr(out.data, '%'));
			assert_int_equal(strstr(out.data, "crm") != NULL,
			    needs[kind].of_destination);
			buf_reset(&out);
			need_cure(kind, "crm", &out);
			assert_int_equal(strncmp(out.data, "    leadrelay ", 14), 0);
			assert_int_equal(out.data[out.len - 1], '\n');
		}
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_levels_ahead),
		cmocka_unit_test(test_quiet_off),
		cmocka_unit_test(test_relay),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
