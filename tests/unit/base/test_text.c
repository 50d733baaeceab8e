#include "unit.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/text.h"

#define NOW_MS INT64_C(1790000000000)
#define NO INT64_C(-1)

struct number_case {
	const char *text;
	int64_t want;
};

static void
test_duration(void **state)
{
	static const struct number_case cases[] = {
		{ "", NO }, { "s", NO }, { "90", NO }, { "-1s", NO }, { "1.5s", NO },
		{ "1s ", NO }, { " 1s", NO }, { "1S", NO }, { "1y", NO },
		{ "9223372036854775807s", NO }, { "99999999999999999999ms", NO },
		{ "0", 0 }, { "0s", 0 }, { "500ms", 500 }, { "90s", 90000 },
		{ "15m", 900000 }, { "12h", 43200000 }, { "4d", 345600000 },
		{ "2w", 1209600000 }
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		int64_t got = NO;
		int rc = text_parse_duration(cases[i].text, &got);

		if (got != cases[i].want || (rc == 0) != (cases[i].want != NO))
			fail_msg("\"%s\": %" PRId64, cases[i].text, got);
	}
}

static void
test_size(void **state)
{
	static const struct number_case cases[] = {
		{ "", NO }, { "k", NO }, { "1t", NO }, { "-1k", NO }, { "1 k", NO },
		{ "9223372036854775807k", NO }, { "0", 0 }, { "4096", 4096 },
		{ "256k", 262144 }, { "64m", 67108864 }, { "1G", 1073741824 }
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		uint64_t got = UINT64_MAX;

		(void)text_parse_size(cases[i].text, &got);
		if (got != (uint64_t)cases[i].want)
			fail_msg("\"%s\": %" PRIu64, cases[i].text, got);
	}
}

static void
test_int(void **state)
{
	static const struct number_case cases[] = {
		{ "", NO }, { "-", NO }, { "+1", NO }, { "1x", NO }, { "101", NO },
		{ "-6", NO }, { "18446744073709551616", NO }, { "-5", -5 },
		{ "0", 0 }, { "100", 100 }
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		int64_t got = NO;

		(void)text_parse_int(cases[i].text, -5, 100, &got);
		if (got != cases[i].want)
			fail_msg("\"%s\": %" PRId64, cases[i].text, got);
	}
}

static void
test_when(void **state)
{
	static const struct number_case cases[] = {
		{ "", NO }, { "yesterday", NO }, { "2026-13-01", NO },
		{ "2026-06-31", NO }, { "2026-02-29", NO }, { "2026-1-1", NO },
		{ "2026-01-01T", NO }, { "2026-01-01T10", NO },
		{ "2026-01-01T24:00Z", NO }, { "2026-01-01T10:00", NO },
		{ "2026-01-01T10:00:00.Z", NO }, { "2026-01-01T10:00Zx", NO },
		{ "2h", NOW_MS - 7200000 }, { "999999w", 0 },
		{ "1970-01-02", 86400000 },
		{ "2024-02-29T00:00:00Z", 1709164800000 },
		{ "2024-02-29T01:30:00.123+01:30", 1709164800000 },
		{ "2024-02-28T23:00:00-01:00", 1709164800000 },
		{ "2024-02-29 00:00Z", 1709164800000 }
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		int64_t got = NO;

		(void)text_parse_when(cases[i].text, NOW_MS, &got);
		if (got != cases[i].want)
			fail_msg("\"%s\": %" PRId64, cases[i].text, got);
	}
}

static void
test_format(void **state)
{
	static const struct {
		int64_t ms;
		const char *want;
	} cases[] = {
		{ -1, "0ms" }, { 0, "0ms" }, { 250, "250ms" }, { 1020, "1s" },
		{ 59999, "59s" }, { 60000, "1m" }, { 310000, "5m 10s" },
		{ 183600000, "2d 3h" }, { 172800000, "2d" },
		{ INT64_MAX, "106751991167d 7h" }
	};
	char out[TEXT_DURATION_SIZE], when[TEXT_TIME_SIZE];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++)
		assert_string_equal(text_format_duration(cases[i].ms, out),
		    cases[i].want);
	assert_string_equal(text_format_time(1709164800123, when),
	    "2024-02-29T00:00:00.123Z");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_duration), cmocka_unit_test(test_size),
		cmocka_unit_test(test_int), cmocka_unit_test(test_when),
		cmocka_unit_test(test_format)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
