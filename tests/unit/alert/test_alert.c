#include "unit.h"

#include "alert/alert.h"
#include "config/config.h"

#define NOW INT64_C(1700000000000)
#define MINUTE INT64_C(60000)

static void
test_judge(void **state)
{
	struct store_alert told = { 0 };

	(void)state;
	assert_int_equal(alert_judge(&told, 0, NOW), ALERT_NO_NEWS);
	/* The first is told at once, more of it after a pause. */
	assert_int_equal(alert_judge(&told, 1, NOW), ALERT_RAISED);
	assert_int_equal(alert_judge(&told, 1, NOW + 1), ALERT_NO_NEWS);
	assert_int_equal(alert_judge(&told, 5, NOW + 9 * MINUTE), ALERT_NO_NEWS);
	assert_int_equal(alert_judge(&told, 5, NOW + 10 * MINUTE), ALERT_RAISED);
	assert_int_equal(alert_judge(&told, 5, NOW + 60 * MINUTE), ALERT_NO_NEWS);
	/* Fewer is no news, but then more of them is. */
	assert_int_equal(alert_judge(&told, 2, NOW + 61 * MINUTE), ALERT_NO_NEWS);
	assert_int_equal(alert_judge(&told, 3, NOW + 62 * MINUTE), ALERT_RAISED);
	/* The end is told at once, and once. */
	assert_int_equal(alert_judge(&told, 0, NOW + 62 * MINUTE), ALERT_RECOVERED);
	assert_int_equal(alert_judge(&told, 0, NOW + 63 * MINUTE), ALERT_NO_NEWS);
	/* What comes and goes is not told each time, neither way. */
	assert_int_equal(alert_judge(&told, 1, NOW + 64 * MINUTE), ALERT_NO_NEWS);
	assert_int_equal(alert_judge(&told, 0, NOW + 65 * MINUTE), ALERT_NO_NEWS);
	assert_int_equal(alert_judge(&told, 1, NOW + 66 * MINUTE), ALERT_NO_NEWS);
	assert_int_equal(alert_judge(&told, 1, NOW + 72 * MINUTE), ALERT_RAISED);
}

static void
test_clock_put_back(void **state)
{
	struct store_alert told = { 0 };

	(void)state;
	assert_int_equal(alert_judge(&told, 1, NOW + 1000 * MINUTE), ALERT_RAISED);
	assert_int_equal(alert_judge(&told, 0, NOW), ALERT_RECOVERED);
	assert_int_equal(alert_judge(&told, 1, NOW), ALERT_RAISED);
}

static void
test_wanted(void **state)
{
	char word[] = "x";
	struct config_alert config = { 0 };

	(void)state;
	assert_false(alert_wanted(&config));
	config.email = word;
	assert_true(alert_wanted(&config));
	config = (struct config_alert){ .command = word };
	assert_true(alert_wanted(&config));
	config = (struct config_alert){ .url = word };
	assert_true(alert_wanted(&config));
	config = (struct config_alert){ .url_file = word };
	assert_true(alert_wanted(&config));
}

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
#define LEVEL(kind, dest) alert_level(kind, &config, &stats, dest, NOW - 1000 * MINUTE, \
	NOW, &since)
	d.count[DELIVERY_WAITING] = 4;
	d.count[DELIVERY_SENDING] = 1;
	d.count[DELIVERY_DEAD] = 7;
	d.count[DELIVERY_HELD] = 2;
	assert_int_equal(LEVEL(ALERT_DEAD, &d), 7);
	assert_int_equal(LEVEL(ALERT_HELD, &d), 2);
	assert_int_equal(LEVEL(ALERT_HELD, NULL), 3);
	assert_int_equal(LEVEL(ALERT_PAUSED, &d), 0);
	d.state.paused_ms = NOW - 5;
	assert_int_equal(LEVEL(ALERT_PAUSED, &d), 1);
	assert_int_equal(since, NOW - 5);
	assert_int_equal(LEVEL(ALERT_WAITING, &d), 1);
	assert_int_equal(since, NOW - 16 * MINUTE);
	d.oldest_waiting_ms = NOW - 15 * MINUTE;
	assert_int_equal(LEVEL(ALERT_WAITING, &d), 0);
	d.oldest_waiting_ms = 0;
	assert_int_equal(LEVEL(ALERT_WAITING, &d), 0);
	assert_int_equal(LEVEL(ALERT_UNCONFIGURED, &d), 0);
	d.configured = false;
	d.oldest_waiting_ms = NOW - 100 * MINUTE;
	assert_int_equal(LEVEL(ALERT_UNCONFIGURED, &d), 5);
	assert_int_equal(LEVEL(ALERT_WAITING, &d), 0);
	assert_int_equal(LEVEL(ALERT_PAUSED, &d), 0);
	assert_int_equal(LEVEL(ALERT_QUIET, NULL), 1);
	assert_int_equal(since, NOW - 61 * MINUTE);
	stats.last_received_ms = NOW - 59 * MINUTE;
	assert_int_equal(LEVEL(ALERT_QUIET, NULL), 0);
	/* Where no lead ever came, silence begins with the watch. */
	stats.last_received_ms = 0;
	assert_int_equal(LEVEL(ALERT_QUIET, NULL), 1);
	assert_int_equal(since, NOW - 1000 * MINUTE);
	assert_int_equal(LEVEL(ALERT_FROZEN, NULL), 0);
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
		assert_int_equal(LEVEL(ALERT_WAITING, &d), 1);
		assert_int_equal(LEVEL(ALERT_QUIET, NULL), 1);
		assert_int_equal(since, NOW - 1000 * MINUTE);
	}
	/* Set right by seconds. */
	d.oldest_waiting_ms = stats.last_received_ms = NOW + 30000;
	assert_int_equal(LEVEL(ALERT_WAITING, &d), 0);
	assert_int_equal(LEVEL(ALERT_QUIET, NULL), 0);
}

static void
test_quiet_off(void **state)
{
	const struct config_alert config = { .quiet_for_ms = -1 };
	const struct store_stats stats = { .last_received_ms = 1 };
	int64_t since;

	(void)state;
	assert_int_equal(alert_level(ALERT_QUIET, &config, &stats, NULL, 1, NOW,
	    &since), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_judge),
		cmocka_unit_test(test_clock_put_back),
		cmocka_unit_test(test_wanted),
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_levels_ahead),
		cmocka_unit_test(test_quiet_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
