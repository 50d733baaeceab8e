/*
 * A store of the first release is brought up to date: nothing changes its meaning,
 * and whatever ends it in the middle leaves the old store or the new one.
 */
#include "box_lite.h"

#include <dirent.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "disk.h"
#include "filesystem.h"
#include "old.h"
#include "outbox/sqlite/lite.h"

#define FEW 150			/* deliveries, where it is done over and over */

static struct disk *disk;
static int stride;		/* of the calls at which it is ended */
static int64_t now_ms;
static uint64_t room;		/* what statvfs finds free; 0: the real number */

/* See local.mk: --wrap. */
int __real_statvfs(const char *path, struct statvfs *fs);
int __wrap_statvfs(const char *path, struct statvfs *fs);

int
__wrap_statvfs(const char *path, struct statvfs *fs)
{
	int rc = __real_statvfs(path, fs);

	if (rc == 0 && room != 0)
		fs->f_bavail = (fsblkcnt_t)(room / fs->f_frsize);
	return rc;
}

/* An empty folder. */
static int
setup(void **state)
{
	struct box *box;

	disk = disk_install();
	room = 0;
	file_system = 0;
	now_ms = clock_wall_ms();
	if (box_setup(state) == -1)
		return -1;
	box = *state;
	box_close(box);
	old_configure(box);
	return 0;
}

static int
teardown(void **state)
{
	disk_mend();
	return box_teardown(state);
}

/* Nothing is there any more, of whatever version. */
static void
remove_store(struct box *box)
{
	char path[400];
	struct dirent *entry;
	DIR *dir;

	box_close(box);
	assert_non_null(dir = opendir(box->folder));
	while ((entry = readdir(dir)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", box->folder,
		    entry->d_name);
		(void)unlink(path);
	}
	closedir(dir);
}

static bool
has_copy(const struct box *box)
{
	char path[200];

	snprintf(path, sizeof(path), "%s-before", box->path);
	return access(path, F_OK) == 0;
}

static void
make(struct box *box, int version, int deliveries, struct buf *was)
{
	remove_store(box);
	old_make(box->path, version, deliveries, now_ms);
	buf_reset(was);
	old_meaning(box->path, version, now_ms, was);
	disk = disk_install();		/* from here on it counts, and forgets */
}

static void
check_meaning(struct box *box, int version, const struct buf *was)
{
	struct buf is = { 0 };

	box_check(box);
	old_meaning_now(box, version, now_ms, was, &is);
	old_compare(was, &is);
	buf_free(&is);
	assert_false(has_copy(box));
}

/* Open it, and no more, without expecting that it goes well. */
static bool
try_open(struct box *box)
{
	box->options.location = box->path;
	memset(&box->fault, 0, sizeof(box->fault));
	box->store = store_sqlite.open(&box->options, &box->fault);
	return box->store != NULL;
}

static int64_t
count_names(struct box *box)
{
	return box_number(box, "SELECT count(*) FROM destination");
}

/* --- nothing changes its meaning --- */

static void
test_every_version(void **state)
{
	struct box *box = *state;
	struct buf was = { 0 };

	for (int version = 1; version <= OLD_VERSION; version++) {
		make(box, version, version == OLD_VERSION ? 10000 : 400, &was);
		assert_int_equal(box_number(box, "SELECT count(DISTINCT state) "
		    "FROM delivery"), DELIVERY_STATES);
		assert_int_equal(box_number(box, "SELECT count(DISTINCT state) "
		    "FROM event"), 3);
		if (!box_open(box))
			fail_msg("%s", box->fault.text);
		check_meaning(box, version, &was);
		assert_int_equal(count_names(box), 3);
		/* The clock is believed from where the newest lead came. */
		assert_int_equal(box_number(box, "SELECT wall - (SELECT received "
		    "FROM event ORDER BY number DESC LIMIT 1) FROM clock"), 0);
		box_put(box, "new", "A", now_ms);	/* and it goes on */
	}
	buf_free(&was);
}

/* What it came from is known: by lead, and by name. */
static void
add_name(void *arg, const char *name)
{
	strcat(strcat(arg, name), " ");
}

static void
test_sources(void **state)
{
	struct box *box = *state;
	struct buf was = { 0 };
	char all[100] = "", lead[100] = "";

	make(box, OLD_VERSION, FEW, &was);
	assert_true(box_open(box));
	box_begin(box);
	assert_int_equal(store_names(box->store, STORE_SOURCES, NULL,
	    add_name, all), 0);
	assert_int_equal(store_names(box->store, STORE_SOURCES, "0",
	    add_name, lead), 0);
	box_commit(box);
	assert_string_equal(all, "bath default oxford ");
	assert_string_equal(lead, all);
	buf_free(&was);
}

/* An outbox of before there were counts: they are made from what is there. */
static void
test_counted_later(void **state)
{
	static const char *const sources[] = { "default", "oxford", "bath" };
	struct box *box = *state;
	struct buf was = { 0 };
	struct event_in in = box_in("held", "A", now_ms);
	int64_t held[COUNT(sources)], newest;
	char sql[200];

	make(box, OLD_VERSION, 400, &was);
	for (size_t i = 0; i < COUNT(sources); i++) {
		snprintf(sql, sizeof(sql), "SELECT count(*) FROM event e "
		    "JOIN lead l ON l.number = e.lead WHERE e.state = 1 "
		    "AND l.source = '%s'", sources[i]);
		assert_true((held[i] = box_number(box, sql)) > 0);
	}
	newest = box_number(box, "SELECT max(received) FROM event");
	assert_true(try_open(box));
	/* And the clock is believed from where the newest lead came. */
	assert_int_equal(box_number(box, "SELECT wall FROM clock"), newest);
	box_close(box);
	assert_true(box_open(box));
	in.hold = EVENT_HOLD_RULES;
	in.violations = "[]";
	for (size_t i = 0; i < COUNT(sources); i++) {
		in.source = sources[i];
		in.max_held = held[i];
		assert_int_equal(box_accept(box, &in), EVENT_FULL);
		in.max_held++;
		assert_int_equal(box_accept(box, &in), EVENT_STORED);
	}
	box_check(box);
	buf_free(&was);
}

/* --- what ends it in the middle --- */

/* The old one to the letter, or the new one, and no page that does not belong. */
static void
check_whole(struct box *box, int version, const struct buf *was)
{
	struct buf is = { 0 };
	int64_t found = box_number(box, "PRAGMA user_version");

	assert_int_equal(box_number(box, "SELECT count(*) FROM "
	    "pragma_integrity_check WHERE integrity_check <> 'ok'"), 0);
	if (found != version)
		return;
	old_meaning(box->path, version, now_ms, &is);
	assert_string_equal(was->data, is.data);
	buf_free(&is);
}

/* Open an old store again and again, ended at each call that reaches the disk. */
static void
end_at_every_call(struct box *box, int version, bool power)
{
	struct buf was = { 0 };
	bool opened = false;
	int ended = 0;

	for (int at = 1; !opened; at += stride) {
		make(box, version, FEW, &was);
		disk->stop_at = at;
		opened = try_open(box);
		if (!opened)
			ended++;
		box_close(box);
		if (power)
			disk_power_cut((unsigned)at * 31u);
		disk_mend();
		check_whole(box, version, &was);
		if (!box_open(box))
			fail_msg("ended at %d: %s", at, box->fault.text);
		check_meaning(box, version, &was);
		assert_true(at < 1000);
	}
	assert_true(ended > 0);
	buf_free(&was);
}

static void
test_killed(void **state)
{
	end_at_every_call(*state, OLD_VERSION, false);
	end_at_every_call(*state, 1, false);
}

static void
test_power_cut(void **state)
{
	end_at_every_call(*state, OLD_VERSION, true);
}

/* Where no log can be: with a rollback journal. */
static void
test_ended_with_a_journal(void **state)
{
	file_system = 0x6969;
	end_at_every_call(*state, OLD_VERSION, false);
	end_at_every_call(*state, OLD_VERSION, true);
}

/* A sync fails; what is there is found out at the next opening. */
static void
test_sync_fails(void **state)
{
	struct box *box = *state;
	struct buf was = { 0 };

	for (int at = 1; at < 4; at++) {
		make(box, OLD_VERSION, FEW, &was);
		disk->fail_from = disk->fail_to = at;
		if (!try_open(box))
			assert_int_equal(box->fault.kind, STORE_FAULT_IO);
		disk->fail_from = 0;
		box_close(box);
		assert_true(try_open(box));
		box_close(box);
		disk_power_cut(0);
		assert_true(box_open(box));
		check_meaning(box, OLD_VERSION, &was);
	}
	buf_free(&was);
}

/* --- no room --- */

static void
test_disk_full(void **state)
{
	struct box *box = *state;
	struct buf was = { 0 };
	int refused = 0;
	bool opened = false;

	for (int writes = 0; !opened; writes += stride) {
		make(box, OLD_VERSION, FEW, &was);
		disk->write_code = SQLITE_FULL;
		disk->writes_left = writes;
		opened = try_open(box);
		box_close(box);
		if (!opened) {
			refused++;
			assert_int_equal(box->fault.kind, STORE_FAULT_FULL);
			assert_non_null(strstr(box->fault.text,
			    "MB are missing"));
		}
		disk_mend();
		check_whole(box, OLD_VERSION, &was);
		assert_true(box_open(box));
		check_meaning(box, OLD_VERSION, &was);
		assert_true(writes < 1000);
	}
	assert_true(refused > 0);
	buf_free(&was);
}

/* --- others --- */

/* Several open it at once: one does it, the others find it done. */
static void
test_at_once(void **state)
{
	enum { PROCESSES = 4 };
	struct box *box = *state;
	struct buf was = { 0 };
	pid_t pids[PROCESSES];
	int status;

	make(box, OLD_VERSION, 2000, &was);
	for (int i = 0; i < PROCESSES; i++)
		if ((pids[i] = fork()) == 0)
			_exit(box_open(box) ? 0 : 1);
	for (int i = 0; i < PROCESSES; i++) {
		waitpid(pids[i], &status, 0);
		assert_int_equal(status, 0);
	}
	assert_true(box_open(box));
	check_meaning(box, OLD_VERSION, &was);
	buf_free(&was);
}

/* Somebody is at it for longer than a request waits for a lock else. */
static void
test_waits(void **state)
{
	struct box *box = *state;
	struct buf was = { 0 };
	char path[200];
	int ready[2], status;
	pid_t pid;

	make(box, OLD_VERSION, FEW, &was);
	snprintf(path, sizeof(path), "%s-lock", box->path);
	box->options.busy_ms = 1;
	assert_int_equal(pipe(ready), 0);
	if ((pid = fork()) == 0) {
		int fd = open(path, O_RDWR | O_CREAT, 0600);

		if (flock(fd, LOCK_EX) == -1 || write(ready[1], "", 1) != 1)
			_exit(1);
		usleep(400000);
		_exit(0);
	}
	assert_int_equal(read(ready[0], path, 1), 1);
	close(ready[0]);
	close(ready[1]);
	if (!box_open(box))
		fail_msg("%s", box->fault.text);
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	check_meaning(box, OLD_VERSION, &was);
	buf_free(&was);
}

/* It is left as it was: ${words} say why. */
static void
expect_left_alone(struct box *box, const char *words, const struct buf *was)
{
	assert_false(try_open(box));
	assert_int_equal(box->fault.kind, STORE_FAULT_OLDER);
	if (strstr(box->fault.text, words) == NULL)
		fail_msg("%s", box->fault.text);
	check_whole(box, OLD_VERSION, was);
	assert_int_equal(box_number(box, "PRAGMA user_version"), OLD_VERSION);
}

/* Looks and commands end nobody's work: they leave it as it is. */
static void
test_not_by_commands(void **state)
{
	struct box *box = *state;
	struct buf was = { 0 };

	make(box, OLD_VERSION, FEW, &was);
	box->options.create = false;
	expect_left_alone(box, "version 4 of the tables", &was);
	box->options.read_only = true;
	expect_left_alone(box, "version 4 of the tables", &was);
	box->options.read_only = false;
	box->options.create = true;
	assert_true(box_open(box));
	check_meaning(box, OLD_VERSION, &was);
	box_close(box);
	box->options.create = false;
	assert_true(box_open(box));
	buf_free(&was);
}

/* A relay on its own does no more for a store than the one that is at it. */
static void
test_yields_to_a_relay(void **state)
{
	struct box *box = *state;
	struct buf was = { 0 };
	char path[200], words[40];
	int fd;

	make(box, OLD_VERSION, FEW, &was);
	snprintf(path, sizeof(path), "%s-relay", box->path);
	assert_true((fd = open(path, O_RDWR | O_CREAT, 0600)) != -1);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_true(dprintf(fd, "%-20ld\n", (long)getpid()) > 0);
	box->options.yields = true;
	snprintf(words, sizeof(words), "process %ld still", (long)getpid());
	expect_left_alone(box, words, &was);
	close(fd);
	assert_true(box_open(box));
	check_meaning(box, OLD_VERSION, &was);
	buf_free(&was);
}

/*
 * A worker of the first release that has the store open does not notice, so each
 * of its changes must fail: these are the statements that all of them need.
 */
static void
test_first_release_cannot_go_on(void **state)
{
	static const char *const texts[] = {
		"SELECT event, open, held, floor FROM head",
		"UPDATE head SET event = 1, open = 2, held = 3, floor = 4",
		"UPDATE head SET event = event",
		"INSERT INTO tally (destination, state, count) VALUES (1, 1, 1) "
		"ON CONFLICT DO UPDATE SET count = count + 1"
	};
	struct box *box = *state;
	struct buf was = { 0 };
	sqlite3_stmt *s[COUNT(texts)];
	sqlite3 *db;

	make(box, OLD_VERSION, FEW, &was);
	assert_int_equal(sqlite3_open(box->path, &db), SQLITE_OK);
	for (size_t i = 0; i < COUNT(texts); i++)
		assert_int_equal(sqlite3_prepare_v2(db, texts[i], -1, &s[i],
		    NULL), SQLITE_OK);
	assert_true(box_open(box));
	for (size_t i = 0; i < COUNT(texts); i++) {
		if (sqlite3_step(s[i]) != SQLITE_ERROR)
			fail_msg("%s", texts[i]);
		sqlite3_finalize(s[i]);
	}
	sqlite3_close(db);
	check_meaning(box, OLD_VERSION, &was);
	buf_free(&was);
}

/* Whoever has it open today notices a newer one, in the next transaction. */
static void
test_notices_a_newer_one(void **state)
{
	struct box *box = *state;
	char sql[64];
	int64_t version;

	assert_true(box_open(box));
	box_put(box, "1", "A", now_ms);
	version = box_number(box, "PRAGMA user_version");
	snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", (int)version + 1);
	box_number(box, sql);
	for (int write = 0; write < 4; write++) {
		assert_int_equal(box->store->ops->begin(box->store, write & 1),
		    -1);
		assert_int_equal(box->store->fault.kind, STORE_FAULT_VERSION);
	}
	snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", (int)version);
	box_number(box, sql);
	box_put(box, "2", "A", now_ms);
	box_check(box);
}

/* --- rows that are written again --- */

/* One step more than there is, which writes payloads again. */
struct further {
	const char *list[64];
	int64_t count;
};

static struct further
one_more(struct box *box, const char *step)
{
	struct further f = { .count = box_number(box, "PRAGMA user_version") };

	f.list[f.count++] = step;
	return f;
}

/* Within the step: is a whole copy of what was before there? */
static void
peek(sqlite3_context *context, int argc, sqlite3_value **argv)
{
	struct box *box = sqlite3_user_data(context);
	struct box copy = *box;

	(void)argc;
	(void)argv;
	snprintf(copy.path, sizeof(copy.path), "%s/outbox.db-before",
	    box->folder);
	assert_true(has_copy(box));
	sqlite3_result_int64(context, box_number(&copy, "SELECT count(*) "
	    "FROM payload WHERE CAST(bytes AS TEXT) NOT LIKE '% '"));
}

#define REWRITE LITE_SCHEMA_REWRITES \
	"UPDATE payload SET bytes = CAST(bytes || ' ' AS BLOB);"

static void
test_copy(void **state)
{
	struct box *box = *state;
	struct buf was = { 0 };
	struct further f;
	int64_t events;
	char step[300];

	make(box, OLD_VERSION, FEW, &was);
	assert_true(box_open(box));
	events = box_number(box, "SELECT count(*) FROM payload");
	assert_int_equal(sqlite3_create_function(((struct lite *)box->store)->db,
	    "peek", 0, SQLITE_UTF8, box, peek, NULL, NULL), SQLITE_OK);
	snprintf(step, sizeof(step), REWRITE "CREATE TABLE peeked AS "
	    "SELECT peek() AS seen;");
	f = one_more(box, step);
	if (lite_schema_migrate((struct lite *)box->store, f.list, f.count) == -1)
		fail_msg("%s", box->store->fault.text);
	assert_int_equal(box_number(box, "SELECT seen FROM peeked"), events);
	assert_int_equal(box_number(box, "PRAGMA user_version"), f.count);
	assert_false(has_copy(box));

	/* It does not fit: the old one stays, and goes on. */
	f.list[f.count++] = LITE_SCHEMA_REWRITES "UPDATE nothing SET a = 1";
	assert_int_equal(lite_schema_migrate((struct lite *)box->store, f.list,
	    f.count), -1);
	assert_int_equal(box_number(box, "PRAGMA user_version"), f.count - 1);
	buf_free(&was);
}

/* A copy and a log as large do not fit: said at once, with how much is missing. */
static void
test_no_room_for_a_copy(void **state)
{
	struct box *box = *state;
	struct buf was = { 0 };
	struct further f;

	make(box, OLD_VERSION, 4000, &was);
	assert_true(box_open(box));
	f = one_more(box, REWRITE);
	room = 1 << 20;
	disk->stop_at = disk->calls + 1;
	assert_int_equal(lite_schema_migrate((struct lite *)box->store, f.list,
	    f.count), -1);
	assert_int_equal(box->store->fault.kind, STORE_FAULT_FULL);
	assert_non_null(strstr(box->store->fault.text, " MB are missing"));
	assert_null(strstr(box->store->fault.text, " 0 MB"));
	disk_mend();
	assert_false(has_copy(box));
	check_meaning(box, OLD_VERSION, &was);
	room = 0;
	assert_int_equal(lite_schema_migrate((struct lite *)box->store, f.list,
	    f.count), 0);
	buf_free(&was);
}

/* How many payloads are as ${new}; they must all be, or none. */
static void
check_payloads(struct box *box, int64_t version)
{
	int64_t all = box_number(box, "SELECT count(*) FROM payload");
	int64_t written = box_number(box, "SELECT count(*) FROM payload "
	    "WHERE CAST(bytes AS TEXT) LIKE '% '");

	assert_int_equal(written, box_number(box, "PRAGMA user_version") ==
	    version ? 0 : all);
}

/* Ended at each call, copy and all; the next opening takes what is left away. */
static void
end_rewriting(struct box *box, bool power)
{
	struct buf was = { 0 };
	struct further f;
	char sql[64];
	bool done = false;
	int left = 0;

	for (int at = 1; !done; at += 3 * stride) {
		make(box, OLD_VERSION, FEW, &was);
		assert_true(box_open(box));
		f = one_more(box, REWRITE);
		disk->stop_at = disk->calls + at;
		done = lite_schema_migrate((struct lite *)box->store, f.list,
		    f.count) == 0;
		box_close(box);
		if (power)
			disk_power_cut((unsigned)at * 17u);
		disk_mend();
		left += has_copy(box);
		check_payloads(box, f.count - 1);
		snprintf(sql, sizeof(sql), "PRAGMA user_version = %d",
		    (int)f.count - 1);
		box_number(box, sql);
		if (!box_open(box))
			fail_msg("ended at %d: %s", at, box->fault.text);
		assert_false(has_copy(box));
		box_check(box);
		assert_true(at < 5000);
	}
	assert_true(left > 0);
	buf_free(&was);
}

static void
test_rewriting_killed(void **state)
{
	end_rewriting(*state, false);
}

static void
test_rewriting_power_cut(void **state)
{
	end_rewriting(*state, true);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_every_version),
		TEST(test_sources),
		TEST(test_counted_later),
		TEST(test_killed),
		TEST(test_power_cut),
		TEST(test_ended_with_a_journal),
		TEST(test_sync_fails),
		TEST(test_disk_full),
		TEST(test_at_once),
		TEST(test_waits),
		TEST(test_not_by_commands),
		TEST(test_yields_to_a_relay),
		TEST(test_first_release_cannot_go_on),
		TEST(test_notices_a_newer_one),
		TEST(test_copy),
		TEST(test_no_room_for_a_copy),
		TEST(test_rewriting_killed),
		TEST(test_rewriting_power_cut)
	};

	stride = box_stride();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
