/*
 * clocks: the clocks under which a suite of tests is run: one that is right, and
 * ones that are set while leads are taken in, or for all the rest.  All of them
 * with LEADRELAY_LONG in the environment, else a few.
 */
#ifndef LEADRELAY_TESTS_CLOCKS_H
#define LEADRELAY_TESTS_CLOCKS_H

#include "unit.h"

#include <stdbool.h>
#include <stdlib.h>

#define CLOCKS_HOUR INT64_C(3600000)
#define CLOCKS_DAY (24 * CLOCKS_HOUR)
#define CLOCKS_YEAR (365 * CLOCKS_DAY)

/* By how much it is off. */
static struct {
	const char *name;
	int64_t intake_ms;		/* while a lead is taken in */
	int64_t rest_ms;		/* for the rest, once all is at work */
	bool quick;			/* also in short */
} const clocks[] = {
	{ "a right clock", 0, 0, true },
	{ "taken in 1 h ahead", CLOCKS_HOUR, 0, true },
	{ "taken in 1 h behind", -CLOCKS_HOUR, 0, false },
	{ "taken in 1 d ahead", CLOCKS_DAY, 0, false },
	{ "taken in 1 d behind", -CLOCKS_DAY, 0, false },
	{ "taken in 10 y ahead", 10 * CLOCKS_YEAR, 0, false },
	{ "taken in 10 y behind", -10 * CLOCKS_YEAR, 0, false },
	{ "set 1 h ahead", 0, CLOCKS_HOUR, false },
	{ "set 1 h back", 0, -CLOCKS_HOUR, false },
	{ "set 1 d ahead", 0, CLOCKS_DAY, false },
	{ "set 1 d back", 0, -CLOCKS_DAY, false },
	{ "set 10 y ahead", 0, 10 * CLOCKS_YEAR, true },
	{ "set 10 y back", 0, -10 * CLOCKS_YEAR, false },
};

/* The one that holds. */
static size_t clocks_now;

/*
 * Go on to the first, or the next, that is to be tried; false: there is no more.
 *
 *	while (clocks_next())
 *		failed += cmocka_run_group_tests(tests, NULL, NULL);
 */
static inline bool
clocks_next(void)
{
	static bool begun;

	do {
		clocks_now += begun;
		begun = true;
	} while (clocks_now < COUNT(clocks) && !clocks[clocks_now].quick &&
	    getenv("LEADRELAY_LONG") == NULL);
	if (clocks_now == COUNT(clocks))
		return false;
	print_message("[ CLOCK    ] %s\n", clocks[clocks_now].name);
	return true;
}

#endif
