/* Files that are moved, unlinked or replaced under an open outbox. */
#include "box_lite.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "outbox/sqlite/lite.h"

static char *
beside(const struct box *box, const char *suffix)
{
	static char path[200];

	snprintf(path, sizeof(path), "%s%s", box->path, suffix);
	return path;
}

/* The second after a loss is over. */
static void
rest(struct box *box)
{
	((struct lite *)box->store)->rest_until = 0;
}

/* Writing is refused, and the words say why. */
static void
must_refuse(struct box *box, const char *word)
{
	assert_int_equal(box->store->ops->begin(box->store, true), -1);
	assert_int_equal(box->store->fault.kind, STORE_FAULT_IO);
	assert_non_null(strstr(box->store->fault.text, word));
}

/* Away, and back: nothing is made in its place, nothing is lost. */
static void
test_moved(void **state)
{
	struct box *box = *state;
	char away[200];

	snprintf(away, sizeof(away), "%s-away", box->path);
	box_put(box, "1", "A", BOX_NOW);
	assert_int_equal(rename(box->path, away), 0);
	for (int i = 0; i < 3; i++) {
		must_refuse(box, "moved");
		rest(box);
		assert_int_equal(access(box->path, F_OK), -1);
	}
	assert_int_equal(rename(away, box->path), 0);
	box_put(box, "2", "A", BOX_NOW);
	assert_int_equal(box_stats(box).events_undelivered, 2);
	box_check(box);
}

/* The first to see it need not be a lead. */
static void
test_seen_idle(void **state)
{
	struct box *box = *state;
	char away[200];

	snprintf(away, sizeof(away), "%s-away", box->path);
	assert_int_equal(rename(box->path, away), 0);
	assert_false(box->store->ops->tidy(box->store, true));
	assert_null(((struct lite *)box->store)->db);
	assert_int_equal(rename(away, box->path), 0);
	must_refuse(box, "moved");		/* everybody sees it first */
	rest(box);
	box_put(box, "1", "A", BOX_NOW);
}

static void
test_folder_moved(void **state)
{
	struct box *box = *state;
	char away[100];

	snprintf(away, sizeof(away), "%s-away", box->folder);
	box_put(box, "1", "A", BOX_NOW);
	assert_int_equal(rename(box->folder, away), 0);
	must_refuse(box, "moved");
	rest(box);
	must_refuse(box, "moved");
	/* An empty one in its place is not it either. */
	assert_int_equal(mkdir(box->folder, 0700), 0);
	rest(box);
	must_refuse(box, "moved");
	assert_int_equal(rmdir(box->folder), 0);
	assert_int_equal(rename(away, box->folder), 0);
	box_put(box, "2", "A", BOX_NOW);
	assert_int_equal(box_stats(box).events_undelivered, 2);
}

/* Another outbox in its place has other numbers: not without a restart. */
static void
test_replaced(void **state)
{
	struct box *box = *state;
	char *sql;

	box_put(box, "1", "A", BOX_NOW);
	sql = sqlite3_mprintf("VACUUM INTO '%q-copy'", box->path);
	box_number(box, sql);
	sqlite3_free(sql);
	assert_int_equal(rename(beside(box, "-copy"), box->path), 0);
	must_refuse(box, "replaced");
	rest(box);
	must_refuse(box, "restart");
	box_close(box);
	unlink(beside(box, "-wal"));
	assert_true(box_open(box));
	assert_int_equal(box_stats(box).events_undelivered, 1);
}

/* The log unlinked: what it held is saved, by whoever has it still open. */
static void
test_log_unlinked(void **state)
{
	struct box *box = *state;

	box_put(box, "1", "A", BOX_NOW);
	assert_int_equal(unlink(beside(box, "-wal")), 0);
	must_refuse(box, "-wal");
	rest(box);
	box_put(box, "2", "A", BOX_NOW);
	assert_int_equal(box_stats(box).events_undelivered, 2);
	box_check(box);
	box_close(box);
	assert_true(box_open(box));
	assert_int_equal(box_stats(box).events_undelivered, 2);
	assert_int_equal(box_number(box,
	    "SELECT count(*) FROM pragma_integrity_check "
	    "WHERE integrity_check <> 'ok'"), 0);
}

/* The log moved away and put back later brings nothing back. */
static void
test_log_put_back(void **state)
{
	struct box *box = *state;
	char away[200];

	snprintf(away, sizeof(away), "%s-away", box->path);
	box_put(box, "1", "A", BOX_NOW);
	assert_int_equal(rename(beside(box, "-wal"), away), 0);
	must_refuse(box, "-wal");
	rest(box);
	box_put(box, "2", "A", BOX_NOW);
	box_close(box);
	box_number(box, "PRAGMA wal_checkpoint(TRUNCATE)");
	assert_int_equal(rename(away, beside(box, "-wal")), 0);
	assert_true(box_open(box));
	assert_int_equal(box_stats(box).events_undelivered, 2);
	box_check(box);
}

/* A start that finds a log without its database makes no new one over it. */
static void
test_log_alone(void **state)
{
	struct box *box = *state;

	box_put(box, "1", "A", BOX_NOW);
	box_close(box);
	assert_int_equal(unlink(box->path), 0);
	assert_false(box_open(box));
	assert_int_equal(box->fault.kind, STORE_FAULT_IO);
	assert_non_null(strstr(box->fault.text, "-wal is there"));
	assert_int_equal(access(box->path, F_OK), -1);
	assert_int_equal(unlink(beside(box, "-wal")), 0);
	assert_true(box_open(box));
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, box_setup, box_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_moved),
		TEST(test_seen_idle),
		TEST(test_folder_moved),
		TEST(test_replaced),
		TEST(test_log_unlinked),
		TEST(test_log_put_back),
		TEST(test_log_alone)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
