/*
 * No statement walks a table that grows: each plan is asked for, and a SCAN is
 * allowed only where the table stays small or a partial index bounds it.
 */
#include "box.h"

#include <sqlite3.h>
#include <stdio.h>
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
		"SCAN source",
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
		sql = sqlite3_mprintf("EXPLAIN QUERY PLAN %s",
		    sqlite3_sql(LITE_GET(lt, i)));
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

/* Keep the text of the list's statement. */
static int
keep_text(unsigned what, void *arg, void *s, void *text)
{
	(void)what;
	(void)text;
	if (strstr(sqlite3_sql(s), "ORDER BY e.number DESC") != NULL)
		snprintf(arg, 2000, "EXPLAIN QUERY PLAN %s", sqlite3_sql(s));
	return 0;
}

static void
ignore_row(void *arg, const struct store_row *row)
{
	(void)arg;
	(void)row;
}

/*
 * The list's statement, whatever it is asked for: it goes through the events from
 * the newest, or has those of a lead or an id by their index; nothing is sorted but
 * the former.
 */
static void
test_plan_of_list(void **state)
{
	struct box *box = *state;
	struct lite *lt = (struct lite *)box->store;
	char text[2000] = "";
	const char *detail;
	sqlite3_stmt *s;

	sqlite3_trace_v2(lt->db, SQLITE_TRACE_STMT, keep_text, text);
	for (int i = 0; i < 64; i++) {
		const struct store_filter filter = {
			.state = i & 1 ? DELIVERY_DEAD : -1,
			.id = i & 2 ? "01890a5d-ac96-774b-bcce-b302099a8057" :
			    NULL,
			.lead = i & 4 ? "1" : NULL,
			.source = i & 8 ? "default" : NULL,
			.destination = i & 16 ? "crm" : NULL,
			.since_ms = i & 32 ? BOX_NOW : 0
		};

		box_begin(box);
		assert_int_equal(lite_list(box->store, &filter, ignore_row,
		    NULL), 0);
		box_commit(box);
		assert_int_equal(sqlite3_prepare_v2(lt->db, text, -1, &s,
		    NULL), SQLITE_OK);
		while (sqlite3_step(s) == SQLITE_ROW) {
			detail = (const char *)sqlite3_column_text(s, 3);
			if ((strncmp(detail, "SCAN", 4) == 0 &&
			    (i & 6 || strcmp(detail, "SCAN e") != 0)) ||
			    (strstr(detail, "TEMP B-TREE FOR ORDER BY") != NULL &&
			    (i & 4) == 0))
				fail_msg("%s\n  %s", text, detail);
		}
		sqlite3_finalize(s);
	}
	sqlite3_trace_v2(lt->db, 0, NULL, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_plans, box_setup,
		    box_teardown),
		cmocka_unit_test_setup_teardown(test_plan_of_list, box_setup,
		    box_teardown)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
