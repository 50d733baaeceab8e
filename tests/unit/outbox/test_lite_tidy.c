/* What was deleted is nowhere, and its room goes back to the disk. */
#include "box_lite.h"

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
	assert_int_equal(store_purge(box->store, BOX_NOW + 10,
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

/* --- no remains, wherever b-trees have moved what was there --- */

#define LEADS 1200
#define ERASED 800

struct remains {
	char ids[LEADS][UUID7_SIZE];
	unsigned order[LEADS];		/* the first ERASED of them go */
	unsigned dice;
	char text[6000];
};

static unsigned
roll(struct remains *r, unsigned sides)
{
	r->dice = r->dice * 1103515245 + 12345;
	return (r->dice >> 16) % sides;
}

static const char *
word_of(unsigned i)
{
	static char word[32];

	snprintf(word, sizeof(word), "<canary%04u>", i);
	return word;
}

/* Nothing but its word, about so many bytes of it. */
static const char *
fill_with(struct remains *r, unsigned i, size_t len)
{
	size_t at = 0;

	for (; at + 12 < len; at += 12)
		memcpy(r->text + at, word_of(i), 12);
	r->text[at] = '\0';
	return r->text;
}

/* What the receiver said of it, in an attempt that came to nothing. */
static void
refuse(struct box *box, struct remains *r, unsigned i)
{
	struct delivery_outcome o = { .state = DELIVERY_WAITING,
	    .due_ms = BOX_NOW + BOX_HOUR, .attempted = true, .status = 500 };
	struct delivery_claim claim;

	assert_int_equal(box_claim(box, 0, BOX_NOW, 1, &claim), 1);
	o.ticket = claim.ticket;
	o.answer = fill_with(r, i, 20 + roll(r, 1500));
	o.answer_len = strlen(o.answer);
	box_settle_with(box, &o, BOX_NOW);
	delivery_claim_free(&claim);
}

/* Many, long and short; those that go are chosen by the dice, or are the oldest. */
static struct remains *
put_many(struct box *box, bool by_dice)
{
	struct remains *r = calloc(1, sizeof(*r));
	char lead[16];
	unsigned j;

	assert_non_null(r);
	r->dice = 7;
	for (unsigned i = 0; i < LEADS; i++) {
		snprintf(lead, sizeof(lead), "%u", roll(r, 100) * 10000 + i);
		strcpy(r->ids[i], box_put(box, lead, fill_with(r, i,
		    20 + roll(r, i % 7 == 0 ? 5900 : 600)), BOX_NOW));
		if (i % 2 == 0)
			refuse(box, r, i);
		else
			box_send(box, 0, DELIVERY_DELIVERED, 0, BOX_NOW);
		if (i % 3 == 0)
			tidy(box, false);
		j = by_dice ? roll(r, i + 1) : i;
		r->order[i] = r->order[j];
		r->order[j] = i;
	}
	return r;
}

static void
erase_some(struct box *box, const struct remains *r)
{
	enum store_act_result result;

	for (unsigned i = 0; i < ERASED; i++) {
		box_begin(box);
		assert_int_equal(store_erase(box->store,
		    r->ids[r->order[i]], &result), 0);
		box_commit(box);
		assert_int_equal(result, STORE_ACT_DONE);
		if (i % 50 == 0)
			tidy(box, false);
	}
	while (tidy(box, true))
		;
}

static void
check_remains(struct box *box, const struct remains *r)
{
	int bad = 0;

	for (unsigned i = 0; i < LEADS; i++)
		bad += is_stored(box, word_of(r->order[i])) != (i >= ERASED);
	assert_int_equal(bad, 0);
}

static void
no_remains(struct box *box, bool by_dice)
{
	struct remains *r = put_many(box, by_dice);

	erase_some(box, r);
	check_remains(box, r);
	/* Nor does it come back with what was in memory. */
	for (unsigned i = ERASED; i < LEADS; i += 5)
		(void)box_act(box, STORE_DISCARD, r->ids[r->order[i]], true,
		    BOX_NOW);
	check_remains(box, r);
	box_close(box);
	check_remains(box, r);
	free(r);
	box_check(box);
}

static void
test_no_remains(void **state)
{
	no_remains(*state, false);
}

static void
test_no_remains_in_any_order(void **state)
{
	no_remains(*state, true);
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

/* What was erased is not to be found in the file either. */
static void
test_purge_erases(void **state)
{
	struct box *box = *state;
	static const char needle[] = "jane.doe@people.example";
	char buffer[65536], *hit = NULL;
	size_t len, count;
	FILE *f;

	box_put(box, "1", needle, BOX_NOW);
	box_send(box, 0, DELIVERY_DELIVERED, 0, BOX_NOW);
	box_begin(box);
	assert_int_equal(store_purge(box->store, BOX_NOW + 1, 0, 99, &count), 0);
	box_commit(box);
	assert_int_equal(count, 1);
	assert_int_equal(box_number(box, "PRAGMA wal_checkpoint(TRUNCATE)"), 0);
	f = fopen(box->path, "rb");
	assert_non_null(f);
	while ((len = fread(buffer, 1, sizeof(buffer), f)) > 0)
		if (memmem(buffer, len, needle, strlen(needle)) != NULL)
			hit = buffer;
	fclose(f);
	assert_null(hit);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, box_setup, box_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_purged),
		TEST(test_closed),
		TEST(test_reader),
		TEST(test_purge_erases),
		TEST(test_no_remains),
		TEST(test_no_remains_in_any_order),
		TEST(test_shrinks),
		TEST(test_old_one)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
