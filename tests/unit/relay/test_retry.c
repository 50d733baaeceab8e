#include "unit.h"

#include <string.h>

#include "relay/retry.h"

#define SECOND INT64_C(1000)
#define HOUR (3600 * SECOND)

/* Sun, 06 Nov 1994 08:49:37 GMT */
#define EXAMPLE (INT64_C(784111777) * 1000)

static void
test_pause(void **state)
{
	static const int64_t list[] = { 5000, 30000, 120000 };

	(void)state;
	assert_int_equal(retry_pause(list, 3, 1), 5000);
	assert_int_equal(retry_pause(list, 3, 2), 30000);
	assert_int_equal(retry_pause(list, 3, 3), 120000);
	assert_int_equal(retry_pause(list, 3, 4), 120000);
	assert_int_equal(retry_pause(list, 3, INT64_MAX), 120000);
	assert_int_equal(retry_pause(list, 3, 0), 5000);
	assert_int_equal(retry_pause(list, 3, -7), 5000);
	assert_int_equal(retry_pause(NULL, 0, 1), 0);
}

static void
test_jitter(void **state)
{
	static const int64_t huge[] = { INT64_MAX };
	int64_t longest = retry_pause(huge, 1, 1);

	(void)state;
	assert_int_equal(retry_jitter(10000, 0), 10000);
	assert_int_equal(retry_jitter(10000, 0x80000000), 11000);
	assert_in_range(retry_jitter(10000, UINT32_MAX), 11990, 12000);
	assert_int_equal(retry_jitter(0, UINT32_MAX), 0);
	/* Added to any moment of ours it stays a moment. */
	assert_true(retry_jitter(longest, UINT32_MAX) >= longest);
	assert_true(retry_jitter(longest, UINT32_MAX) < INT64_MAX / 1024);
}

static void
test_retry_after(void **state)
{
	static const struct {
		const char *value;
		int64_t ms;
	} cases[] = {
		{ "soon", 0 }, { "", 0 }, { " ", 0 }, { "-1", 0 }, { "1.5", 0 }, { "5 s", 0 },
		{ "0", 0 }, { "+5", 0 }, { "0x10", 0 }, { "5,6", 0 },
		{ "5", 5 * SECOND }, { " 120\r\n", 120 * SECOND }, { "007", 7 * SECOND },
		{ "21600", 6 * HOUR }, { "86400", 6 * HOUR },
		{ "1000000000000", 6 * HOUR },
		{ "99999999999999999999999999999999999999", 6 * HOUR },
		{ "999999999999999999999999999999999999999999999999999999999999999999999", 0 },
		{ "Sun, 06 Nov 1994 08:49:47 GMT", 10 * SECOND },
		{ "Sunday, 06-Nov-94 08:49:47 GMT", 10 * SECOND },
		{ "Sun Nov  6 08:49:47 1994", 10 * SECOND },
		{ "Sun, 06 Nov 1994 08:49:37 GMT", 0 },
		{ "Sun, 06 Nov 1994 08:49:27 GMT", 0 },
		{ "Mon, 07 Nov 1994 08:49:37 GMT", 6 * HOUR },
		{ "Fri, 31 Dec 9999 23:59:59 GMT", 6 * HOUR },
		{ "Sun, 06 Nov 1994 08:49:47 PST", 0 },
		{ "Sun, 06 Nov 1994 08:49:47 GMT!", 0 },
		{ "Sun, 06 Nvo 1994 08:49:47 GMT", 0 },
		{ "Sun, 06 ovD 1994 08:49:47 GMT", 0 },
		{ "Sun, 99 Nov 1994 08:49:47 GMT", 0 },
		{ "Sun, 06 Nov 1994 25:49:47 GMT", 0 },
		{ "Sun, -6 Nov 1994 08:49:47 GMT", 0 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++)
		if (retry_after(cases[i].value, EXAMPLE) != cases[i].ms)
			fail_msg("\"%s\" gave %lld", cases[i].value,
			    (long long)retry_after(cases[i].value, EXAMPLE));
}

static void
test_given_up(void **state)
{
	(void)state;
	assert_false(retry_given_up(1000, 0, 500, 1500));
	assert_true(retry_given_up(1000, 0, 500, 1501));
	assert_false(retry_given_up(1000, 2000, 500, 2500));
	assert_true(retry_given_up(1000, 2000, 500, 2501));
	assert_false(retry_given_up(3000, 2000, 500, 3400));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pause),
		cmocka_unit_test(test_jitter),
		cmocka_unit_test(test_retry_after),
		cmocka_unit_test(test_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
