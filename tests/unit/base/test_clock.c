#include "unit.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"

#define DAY INT64_C(86400000)

static int
tear_down(void **state)
{
	(void)state;
	clock_pretend(0, 0);
	clock_pretend_boot(NULL);
	return 0;
}

/* Nothing that goes by the steady clock sees the wall clock being set. */
static void
test_steady(void **state)
{
	static const int64_t jumps[] = { DAY, -DAY, 3650 * DAY, -3650 * DAY, 0 };
	int64_t before = clock_steady_ms(), wall, steady;
	size_t i;

	(void)state;
	assert_in_range(clock_wall_ms() - before + 1000, 0, 2000);
	for (i = 0; i < COUNT(jumps); i++) {
		clock_pretend(jumps[i], 0);
		steady = clock_steady_ms();
		assert_in_range(steady, before, before + 60000);
		wall = clock_wall_ms();
		assert_in_range(clock_steady_of(wall) - steady + 1000, 0, 61000);
		assert_in_range(clock_wall_of(steady + DAY) - wall, DAY - 60000,
		    DAY + 60000);
		assert_int_equal(clock_steady_of(0), 0);
		assert_int_equal(clock_wall_of(0), 0);
	}
}

static void
test_boot(void **state)
{
	int64_t before = clock_boot_ms();

	(void)state;
	assert_true(before >= clock_mono_ms() - 1000);
	clock_pretend(0, 2 * DAY);
	assert_in_range(clock_boot_ms() - before, 2 * DAY, 2 * DAY + 60000);
	assert_true(strlen(clock_boot_id()) > 0);
	assert_ptr_equal(clock_boot_id(), clock_boot_id());
	clock_pretend_boot("another");
	assert_string_equal(clock_boot_id(), "another");
}

/* A wait ends by the monotonic clock, wherever the wall clock stands. */
static void
test_condition(void **state)
{
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t cond;
	int64_t before = clock_mono_ms();
	struct timespec until;

	(void)state;
	clock_pretend(-3650 * DAY, 0);
	clock_cond_init(&cond);
	until = clock_deadline(20);
	pthread_mutex_lock(&mutex);
	while (pthread_cond_timedwait(&cond, &mutex, &until) != ETIMEDOUT)
		continue;
	pthread_mutex_unlock(&mutex);
	assert_true(clock_mono_ms() - before >= 19);
	pthread_cond_destroy(&cond);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_steady, tear_down),
		cmocka_unit_test_teardown(test_boot, tear_down),
		cmocka_unit_test_teardown(test_condition, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
