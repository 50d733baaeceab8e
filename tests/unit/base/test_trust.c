/* Which readings of the wall clock are believed, and when. */
#include "unit.h"

#include <string.h>

#include "base/trust.h"

#define MINUTE INT64_C(60000)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define YEAR (365 * DAY)
#define BEGIN INT64_C(1700000000000)

static struct trust trust;
static enum trust_news news;

/* What is believed when the clocks read so. */
static int64_t
read_all(const char *boot, int64_t wall, int64_t up, bool run)
{
	const struct trust_reading r = { .wall_ms = wall, .boot_ms = up,
		.boot = boot };

	return trust_read(&trust, &r, run, &news);
}

/* A run of a minute's cron, or a look of a relay that goes on. */
#define RUN(wall, up) read_all("one", (wall), (up), true)
#define LOOK(wall, up) read_all("one", (wall), (up), false)

static int
set_up(void **state)
{
	(void)state;
	memset(&trust, 0, sizeof(trust));
	assert_int_equal(RUN(BEGIN, DAY), BEGIN);
	assert_int_equal(news, TRUST_SAME);
	return 0;
}

static void
test_goes_on(void **state)
{
	(void)state;
	assert_int_equal(LOOK(BEGIN + 5000, DAY + 5000), BEGIN + 5000);
	/* Set by less than an hour, either way. */
	assert_int_equal(LOOK(BEGIN + 50 * MINUTE, DAY + 6000), BEGIN + 50 * MINUTE);
	assert_int_equal(LOOK(BEGIN - 5 * MINUTE, DAY + 7000), BEGIN - 5 * MINUTE);
	/* Nobody looked for a week, and the machine was on all the time. */
	assert_int_equal(RUN(BEGIN + 7 * DAY, 8 * DAY), BEGIN + 7 * DAY);
	assert_int_equal(news, TRUST_SAME);
}

static void
test_jump_of_a_running_relay(void **state)
{
	static const int64_t jumps[] = { 2 * HOUR, DAY, 200 * DAY, 10 * YEAR };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(jumps); i++) {
		set_up(NULL);
		assert_int_equal(LOOK(BEGIN + jumps[i], DAY), BEGIN);
		assert_int_equal(news, TRUST_JUMPED);
		/* Until it is believed, time passes as the machine lives. */
		assert_int_equal(LOOK(BEGIN + jumps[i] + 59 * MINUTE,
		    DAY + 59 * MINUTE), BEGIN + 59 * MINUTE);
		assert_int_equal(news, TRUST_SAME);
		assert_int_equal(LOOK(BEGIN + jumps[i] + HOUR, DAY + HOUR),
		    BEGIN + jumps[i] + HOUR);
		assert_int_equal(news, TRUST_BELIEVED);
	}
}

static void
test_withdrawn(void **state)
{
	(void)state;
	LOOK(BEGIN + 200 * DAY, DAY);
	assert_int_equal(LOOK(BEGIN + MINUTE, DAY + MINUTE), BEGIN + MINUTE);
	assert_int_equal(news, TRUST_BELIEVED);
	/* The next one begins from nothing. */
	LOOK(BEGIN + 200 * DAY, DAY + 2 * MINUTE);
	assert_int_equal(news, TRUST_JUMPED);
	assert_int_equal(LOOK(BEGIN + 200 * DAY + HOUR, DAY + 61 * MINUTE),
	    BEGIN + 61 * MINUTE);
}

/* Each jump waits for itself: an hour of another one says nothing about it. */
static void
test_jump_after_jump(void **state)
{
	(void)state;
	LOOK(BEGIN + DAY, DAY);
	assert_int_equal(LOOK(BEGIN + 10 * YEAR, DAY + HOUR), BEGIN + HOUR);
	assert_int_equal(LOOK(BEGIN + 10 * YEAR + 30 * MINUTE, DAY + 90 * MINUTE),
	    BEGIN + 90 * MINUTE);
	assert_int_equal(LOOK(BEGIN + 10 * YEAR + HOUR, DAY + 2 * HOUR),
	    BEGIN + 10 * YEAR + HOUR);
}

/* Behind is what the clock says at most, and is believed by the same rule. */
static void
test_put_back(void **state)
{
	(void)state;
	assert_int_equal(LOOK(BEGIN - 10 * YEAR, DAY), BEGIN - 10 * YEAR);
	assert_int_equal(news, TRUST_JUMPED);
	/* One look long: what was believed before is not forgotten. */
	assert_int_equal(LOOK(BEGIN + MINUTE, DAY + MINUTE), BEGIN + MINUTE);
	LOOK(BEGIN - 10 * YEAR, DAY + MINUTE);
	LOOK(BEGIN - 10 * YEAR + HOUR, DAY + 61 * MINUTE);
	assert_int_equal(news, TRUST_BELIEVED);
	assert_int_equal(LOOK(BEGIN, DAY + 62 * MINUTE),
	    BEGIN - 10 * YEAR + 61 * MINUTE);
}

/* Off for a week, then up for an hour: as one process, or run by cron. */
static void
test_was_off(void **state)
{
	const int64_t later = BEGIN + 7 * DAY;
	int64_t up;

	(void)state;
	for (up = 0; up < 60; up++)
		assert_int_equal(read_all("two", later + up * MINUTE, up * MINUTE,
		    true), up < 40 ? BEGIN : later + up * MINUTE);
	assert_int_equal(read_all("two", later + HOUR, HOUR, true), later + HOUR);
	set_up(NULL);
	for (up = 0; up < 60; up++)
		assert_int_equal(read_all("two", later + up * MINUTE, up * MINUTE,
		    up == 0), BEGIN);
	assert_int_equal(read_all("two", later + HOUR, HOUR, false), later + HOUR);
}

static void
test_three_runs(void **state)
{
	static const char *const boots[] = { "a", "b", "c", "d", "e" };
	const int64_t ahead = BEGIN + 200 * DAY;

	(void)state;
	assert_int_equal(RUN(ahead, DAY), BEGIN);
	assert_int_equal(RUN(ahead + MINUTE, DAY), BEGIN);
	assert_int_equal(RUN(ahead + 20 * MINUTE, DAY), BEGIN);
	assert_int_equal(RUN(ahead + 39 * MINUTE, DAY), BEGIN);
	assert_int_equal(RUN(ahead + 40 * MINUTE, DAY), ahead + 40 * MINUTE);
	assert_int_equal(news, TRUST_BELIEVED);

	/* A machine that is on for minutes, once a day: each is new to the next. */
	set_up(NULL);
	for (int i = 0; i < 5; i++)
		assert_int_equal(read_all(boots[i], ahead + i * DAY, MINUTE, true),
		    i < 2 ? BEGIN : ahead + (i - 2) * DAY);

	/* Three that read one thing, and something else between. */
	set_up(NULL);
	RUN(ahead, DAY);
	RUN(ahead + 20 * MINUTE, DAY);
	assert_int_equal(RUN(BEGIN, DAY), BEGIN);
	assert_int_equal(RUN(ahead + 40 * MINUTE, DAY), BEGIN);
	/* A looser one: what the least of three said. */
	set_up(NULL);
	RUN(BEGIN + 10 * YEAR, DAY);
	RUN(BEGIN + DAY, DAY);
	RUN(BEGIN + 20 * YEAR, DAY);
	assert_int_equal(RUN(BEGIN + 30 * YEAR, DAY), BEGIN + DAY);
	/* Looks of one and the same run are no runs. */
	set_up(NULL);
	RUN(ahead, DAY);
	for (int i = 1; i < 60; i++)
		assert_int_equal(LOOK(ahead + i * MINUTE, DAY), BEGIN);
}

/* A new start of the machine does not carry on with the former one's hour. */
static void
test_started_anew(void **state)
{
	(void)state;
	read_all("one", BEGIN + 200 * DAY, DAY, true);
	assert_int_equal(read_all("two", BEGIN + 200 * DAY + MINUTE, 2 * DAY, false),
	    BEGIN);
	assert_int_equal(read_all("two", BEGIN + 200 * DAY + MINUTE + HOUR,
	    2 * DAY + HOUR, false), BEGIN + 200 * DAY + MINUTE + HOUR);
	/* Within the hour a new start is nothing special. */
	assert_int_equal(read_all("three", BEGIN + 200 * DAY + 90 * MINUTE, 0, true),
	    BEGIN + 200 * DAY + 90 * MINUTE);
}

static void
test_differs(void **state)
{
	struct trust stored = trust;

	(void)state;
	LOOK(BEGIN + 9 * MINUTE, DAY + 9 * MINUTE);
	assert_false(trust_differs(&trust, &stored));
	LOOK(BEGIN + 10 * MINUTE, DAY + 10 * MINUTE);
	assert_true(trust_differs(&trust, &stored));
	stored = trust;
	LOOK(BEGIN + DAY, DAY + 10 * MINUTE);
	assert_true(trust_differs(&trust, &stored));
	stored = trust;
	LOOK(BEGIN + DAY + MINUTE, DAY + 11 * MINUTE);
	assert_false(trust_differs(&trust, &stored));
	RUN(BEGIN + DAY + 2 * MINUTE, DAY + 12 * MINUTE);
	assert_true(trust_differs(&trust, &stored));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
	const struct CMUnitTest tests[] = {
		TEST(test_goes_on), TEST(test_jump_of_a_running_relay),
		TEST(test_withdrawn), TEST(test_jump_after_jump),
		TEST(test_put_back), TEST(test_was_off), TEST(test_three_runs),
		TEST(test_started_anew), TEST(test_differs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
