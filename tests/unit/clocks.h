/*
 * clocks: the clocks under which a suite of tests is run: one that is right, and
 * ones that are set while leads are taken in, or for all the rest.  All of them
 * with LEADRELAY_LONG in the environment, else a few.
 */
#ifndef LEADRELAY_TESTS_CLOCKS_H
#define LEADRELAY_TESTS_CLOCKS_H

#include "unit.h"

#include <stdlib.h>

#define CLOCKS_HOUR INT64_C(3600000)
#define CLOCKS_DAY (24 * CLOCKS_HOUR)
#define CLOCKS_YEAR (365 * CLOCKS_DAY)

/* By how much it is off. */
static struct {
	const char *name;
	int64_t intake_ms;		/* while a lead is taken in */
	int64_t rest_ms;		/* for the rest, once all is at work */
	int quick;			/* also in short */
} const clocks[] = {
	{ "a right clock", 0, 0, 1 },
	{ "taken in 1 h ahead", CLOCKS_HOUR, 0, 1 },
	{ "taken in 1 h behind", -CLOCKS_HOUR, 0, 0 },
	{ "taken in 1 d ahead", CLOCKS_DAY, 0, 0 },
	{ "taken in 1 d behind", -CLOCKS_DAY, 0, 0 },
	{ "taken in 10 y ahead", 10 * CLOCKS_YEAR, 0, 0 },
	{ "taken in 10 y behind", -10 * CLOCKS_YEAR, 0, 0 },
	{ "set 1 h ahead", 0, CLOCKS_HOUR, 0 },
	{ "set 1 h back", 0, -CLOCKS_HOUR, 0 },
	{ "set 1 d ahead", 0, CLOCKS_DAY, 0 },
	{ "set 1 d back", 0, -CLOCKS_DAY, 0 },
	{ "set 10 y ahead", 0, 10 * CLOCKS_YEAR, 1 },
	{ "set 10 y back", 0, -10 * CLOCKS_YEAR, 0 },
};

/* The one that holds. */
static size_t clocks_now;

/* Run ${tests} under each; returns what main does. */
#define clocks_run(tests) clocks_run_(#tests, (tests), COUNT(tests))
static inline int
clocks_run_(const char *name, const struct CMUnitTest *tests, size_t count)
{
	int failed = 0;

	for (clocks_now = 0; clocks_now < COUNT(clocks); clocks_now++) {
		if (!clocks[clocks_now].quick && getenv("LEADRELAY_LONG") == NULL)
			continue;
		print_message("[ CLOCK    ] %s\n", clocks[clocks_now].name);
		failed += _cmocka_run_group_tests(name, tests, count, NULL, NULL);
	}
	return failed;
}

#endif
