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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_judge),
		cmocka_unit_test(test_clock_put_back),
		cmocka_unit_test(test_wanted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
