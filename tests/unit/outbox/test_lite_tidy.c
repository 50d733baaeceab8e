/* What was deleted is nowhere, and its room goes back to the disk. */
#include "box.h"

#include <dirent.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "outbox/sqlite/lite.h"

#define CANARY "Quillfeather"

static bool
is_in_file(const char *path, const char *word)
{
	size_t len = 0, size = strlen(word);
	struct stat sb;
	char *bytes;
	bool found;
	FILE *f;

	if (stat(path, &sb) == -1 || !S_ISREG(sb.st_mode) ||
	    (f = fopen(path, "rb")) == NULL)
		return false;
	bytes = malloc((size_t)sb.st_size + 1);
	assert_non_null(bytes);
	len = fread(bytes, 1, (size_t)sb.st_size, f);
	fclose(f);
	found = memmem(bytes, len, word, size) != NULL;
	free(bytes);
	return found;
}

/* Is ${word} in any file of the outbox's folder? */
static bool
is_stored(const struct box *box, const char *word)
{
	struct dirent *entry;
	char path[400];
	bool found = false;
	DIR *dir;

	dir = opendir(box->folder);
	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", box->folder,
		    entry->d_name);
		found |= is_in_file(path, word);
	}
	closedir(dir);
	return found;
}

static size_t
purge(struct box *box)
{
	size_t count;

	box_begin(box);
	assert_int_equal(box->store->ops->purge(box->store, BOX_NOW + 10,
	    BOX_NOW + 10, 10000, &count), 0);
	box_commit(box);
	return count;
}

static bool
tidy(struct box *box, bool idle)
{
	((struct lite *)box->store)->fold_next = 0;
	return box->store->ops->tidy(box->store, idle);
}

/* A delivered event, with the word in its payload. */
static void
deliver(struct box *box, const char *lead)
{
	box_put(box, lead, "{\"name\":\"Zebedee " CANARY "\"}", BOX_NOW);
	box_send(box, 0, DELIVERY_DELIVERED, 0, BOX_NOW);
}

static void
test_purged(void **state)
{
	struct box *box = *state;

	deliver(box, "1");
	assert_true(is_stored(box, CANARY));
	assert_int_equal(purge(box), 1);
	assert_false(tidy(box, false));
	assert_false(is_stored(box, CANARY));
	box_check(box);
}

/* At the end of the process, too, and with a rollback journal. */
static void
test_closed(void **state)
{
	struct box *box = *state;

	deliver(box, "1");
	purge(box);
	box_close(box);
	assert_false(is_stored(box, CANARY));
}

/* A reader holds it back: again later, by whoever is there then. */
static void
test_reader(void **state)
{
	struct box *box = *state;
	sqlite3 *reader;

	deliver(box, "1");
	assert_int_equal(sqlite3_open(box->path, &reader), SQLITE_OK);
	sqlite3_db_config(reader, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	assert_int_equal(sqlite3_exec(reader,
	    "BEGIN; SELECT count(*) FROM event", NULL, NULL, NULL), SQLITE_OK);
	purge(box);
	assert_true(tidy(box, false));
	assert_true(tidy(box, true));
	assert_true(is_stored(box, CANARY));

	/* As if killed: the next one knows. */
	((struct lite *)box->store)->fold = false;
	box_close(box);
	assert_true(box_open(box));
	assert_true(tidy(box, true));
	sqlite3_close(reader);
	assert_true(is_stored(box, CANARY));
	assert_false(tidy(box, true));
	assert_false(is_stored(box, CANARY));
	assert_int_equal(box_number(box, "SELECT purged - folded FROM head"), 0);
}

/* Many, long and short, the oldest first: b-trees move them about, and no page keeps a copy. */
static void
test_no_remains(void **state)
{
	struct box *box = *state;
	enum store_act_result result;
	char (*ids)[UUID7_SIZE], word[32], lead[16], payload[6000];
	unsigned dice = 7;
	size_t len;

	ids = calloc(1200, sizeof(*ids));
	assert_non_null(ids);
	for (unsigned i = 0; i < 1200; i++) {
		snprintf(word, sizeof(word), "<canary%04u>", i);
		dice = dice * 1103515245 + 12345;
		len = 20 + (dice >> 16) % (i % 7 == 0 ? 5900 : 600);
		for (size_t at = 0; at + 12 < len; at += 12)
			memcpy(payload + at, word, 12);
		payload[12 * ((len - 1) / 12)] = '\0';
		snprintf(lead, sizeof(lead), "%u", i);
		strcpy(ids[i], box_put(box, lead, payload, BOX_NOW));
		if (i % 3 == 0)
			tidy(box, false);
	}
	for (unsigned i = 0; i < 800; i++) {
		box_begin(box);
		assert_int_equal(box->store->ops->erase(box->store, ids[i],
		    &result), 0);
		box_commit(box);
		assert_int_equal(result, STORE_ACT_DONE);
		if (i % 50 == 0)
			tidy(box, false);
	}
	while (tidy(box, true))
		;
	for (unsigned i = 0; i < 1200; i++) {
		snprintf(word, sizeof(word), "<canary%04u>", i);
		assert_int_equal(is_stored(box, word), i >= 800);
	}
	free(ids);
	box_check(box);
}

static int64_t
fill_and_empty(struct box *box)
{
	struct stat sb;
	char payload[8192], lead[16];

	memset(payload, 'x', sizeof(payload) - 1);
	payload[sizeof(payload) - 1] = '\0';
	for (int i = 0; i < 600; i++) {
		snprintf(lead, sizeof(lead), "%d", i);
		box_put(box, lead, payload, BOX_NOW);
		box_send(box, 0, DELIVERY_DELIVERED, 0, BOX_NOW);
	}
	assert_int_equal(purge(box), 600);
	while (tidy(box, false))
		;
	assert_int_equal(stat(box->path, &sb), 0);
	return sb.st_size;
}

/* In steps, only when nothing else is to be done, and not to the last page. */
static void
test_shrinks(void **state)
{
	struct box *box = *state;
	int64_t full = fill_and_empty(box), steps = 0;
	struct stat sb;

	assert_true(full > 1200 * 4096);
	while (tidy(box, true)) {
		steps++;
		box_check(box);
	}
	assert_in_range(steps, 5, 40);
	assert_int_equal(stat(box->path, &sb), 0);
	assert_true(sb.st_size < full / 3);
	assert_true(box_number(box, "PRAGMA freelist_count") >= 128);
	box_put(box, "1", "A", BOX_NOW);
	assert_int_equal(box_number(box,
	    "SELECT count(*) FROM pragma_integrity_check "
	    "WHERE integrity_check <> 'ok'"), 0);
}

/* One that was made before it could: it keeps its free pages and goes on. */
static void
test_old_one(void **state)
{
	struct box *box = *state;
	char path[200];
	struct stat sb;
	int64_t full;
	FILE *f;

	box_close(box);
	snprintf(path, sizeof(path), "%s-wal", box->path);
	unlink(path);
	assert_int_equal(unlink(box->path), 0);
	f = fopen(box->path, "w");
	assert_non_null(f);
	fclose(f);
	box_number(box, "PRAGMA journal_mode = WAL");
	assert_true(box_open(box));
	assert_int_equal(box_number(box, "PRAGMA auto_vacuum"), 0);
	full = fill_and_empty(box);
	assert_false(tidy(box, true));
	assert_int_equal(stat(box->path, &sb), 0);
	assert_int_equal(sb.st_size, full);
	box_check(box);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, box_setup, box_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_purged),
		TEST(test_closed),
		TEST(test_reader),
		TEST(test_no_remains),
		TEST(test_shrinks),
		TEST(test_old_one)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
