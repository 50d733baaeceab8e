/*
 * No statement walks a table that grows: each plan is asked for, and a SCAN is
 * allowed only where the table stays small or a partial index bounds it.
 */
#include "box.h"

#include <sqlite3.h>
#include <string.h>

#include "outbox/sqlite/lite.h"

static bool
is_allowed(const char *detail)
{
	static const char *const allowed[] = {
		"SCAN CONSTANT ROW",
		"SCAN head",
		"SCAN clock",
		"SCAN destination",
		/* Once, when on_dead is changed. */
		"SCAN delivery USING INDEX delivery_blocks"
	};

	if (strncmp(detail, "SCAN (subquery", 14) == 0)
		return true;
	for (size_t i = 0; i < COUNT(allowed); i++)
		if (strcmp(detail, allowed[i]) == 0)
			return true;
	return false;
}

static void
test_plans(void **state)
{
	struct box *box = *state;
	struct lite *lt = (struct lite *)box->store;
	sqlite3_stmt *s;
	char *sql;
	const char *detail;

	for (int i = 0; i < LITE_SQL_COUNT; i++) {
		sql = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", lite_sql_text(i));
		if (sqlite3_prepare_v2(lt->db, sql, -1, &s, NULL) != SQLITE_OK)
			fail_msg("%s: %s", sql, sqlite3_errmsg(lt->db));
		while (sqlite3_step(s) == SQLITE_ROW) {
			detail = (const char *)sqlite3_column_text(s, 3);
			/* The newest event is one step from the end. */
			if (i == LITE_STATS_NEWEST &&
			    strcmp(detail, "SCAN event") == 0)
				continue;
			if (strncmp(detail, "SCAN", 4) == 0 &&
			    !is_allowed(detail))
				fail_msg("%s\n  %s", sql, detail);
			/* The few of one event, or lead; the few leads asked for. */
			if (strstr(detail, "TEMP B-TREE") != NULL &&
			    i != LITE_DELIVERY_COUNTS && i != LITE_FIND_LEAD &&
			    i != LITE_DELIVERED_SINCE)
				fail_msg("%s\n  %s", sql, detail);
		}
		sqlite3_finalize(s);
		sqlite3_free(sql);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_plans, box_setup,
		    box_teardown)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
