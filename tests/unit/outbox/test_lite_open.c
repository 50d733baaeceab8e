/* Where the outbox lives: made, refused, shared, and on which file systems. */
#include "box_lite.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "filesystem.h"
#include "base/identity.h"
#include "config/config.h"
#include "outbox/outbox.h"
#include "outbox/owner.h"
#include "outbox/sqlite/lite.h"

static mode_t
mode_of(const char *path)
{
	struct stat sb;

	if (lstat(path, &sb) == -1)
		return 0;
	return sb.st_mode & 07777;
}

/* Open a store at ${location} in the box's folder, create or not. */
static enum store_fault_kind
try_open(struct box *box, const char *name, bool create)
{
	struct store_options options = box->options;
	struct store_fault fault = { 0 };
	struct store *st;
	char path[300];

	snprintf(path, sizeof(path), "%s/%s", box->folder, name);
	options.location = path;
	options.create = create;
	if ((st = store_sqlite.open(&options, &fault)) == NULL) {
		assert_string_not_equal(fault.text, "");
		return fault.kind;
	}
	store_sqlite.close(st);
	return STORE_FAULT_NONE;
}

static void
put_file(const struct box *box, const char *name, const char *text)
{
	char path[300];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", box->folder, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void
execute(const struct box *box, const char *name, const char *sql)
{
	char path[300];
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/%s", box->folder, name);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* 0600 and 0700 whatever the umask; nothing for commands, which never create. */
static void
test_modes(void **state)
{
	static const mode_t umasks[] = { 0, 022, 0777 };
	static const char *const files[] = { "", "-wal", "-shm", "-lock" };
	struct box *box = *state;
	char folder[200], path[300], name[40];
	mode_t old;

	for (size_t i = 0; i < COUNT(umasks); i++) {
		snprintf(name, sizeof(name), "new%zu/outbox.db", i);
		assert_int_equal(try_open(box, name, false),
		    STORE_FAULT_ABSENT);
		old = umask(umasks[i]);
		assert_int_equal(try_open(box, name, true), STORE_FAULT_NONE);
		umask(old);
		snprintf(folder, sizeof(folder), "%s/new%zu", box->folder, i);
		assert_int_equal(mode_of(folder), 0700);
		for (size_t k = 0; k < COUNT(files); k++) {
			snprintf(path, sizeof(path), "%s/outbox.db%s", folder,
			    files[k]);
			assert_int_equal(mode_of(path) & 077, 0);
			if (k == 0)
				assert_int_equal(mode_of(path), 0600);
		}
		snprintf(path, sizeof(path), "rm -r '%s'", folder);
		assert_int_equal(system(path), 0);
	}
}

static void
test_refused(void **state)
{
	struct box *box = *state;
	char path[300];

	assert_int_equal(try_open(box, "a/b/outbox.db", true),
	    STORE_FAULT_CANTCREAT);
	assert_int_equal(try_open(box, "", true), STORE_FAULT_CANTCREAT);
	assert_int_equal(try_open(box, "..", true), STORE_FAULT_CANTCREAT);

	put_file(box, "text", "This is no database, and long enough to be seen "
	    "as one that it is not; SQLite's header has a hundred bytes.\n");
	assert_int_equal(try_open(box, "text", true), STORE_FAULT_CORRUPT);
	execute(box, "foreign", "CREATE TABLE t (x)");
	assert_int_equal(try_open(box, "foreign", true), STORE_FAULT_CORRUPT);
	execute(box, "other", "PRAGMA application_id = 7; "
	    "PRAGMA user_version = 1; CREATE TABLE t (x)");
	assert_int_equal(try_open(box, "other", true), STORE_FAULT_CORRUPT);
	assert_int_equal(try_open(box, "text/outbox.db", true),
	    STORE_FAULT_CANTCREAT);
	put_file(box, "empty", "");
	assert_int_equal(try_open(box, "empty", false), STORE_FAULT_ABSENT);
	assert_int_equal(try_open(box, "empty", true), STORE_FAULT_NONE);

	/* Whoever comes by a link would use other lock files. */
	snprintf(path, sizeof(path), "%s/link", box->folder);
	assert_int_equal(symlink(box->path, path), 0);
	assert_int_equal(try_open(box, "link", true), STORE_FAULT_CANTCREAT);
	snprintf(path, sizeof(path), "%s/dir", box->folder);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(try_open(box, "dir", true), STORE_FAULT_CANTCREAT);
	rmdir(path);
}

static void
test_versions(void **state)
{
	struct box *box = *state;

	box_put(box, "1", "A", BOX_NOW);
	box_close(box);
	assert_int_equal(try_open(box, "outbox.db", false), STORE_FAULT_NONE);
	box_number(box, "PRAGMA user_version = 99");
	assert_int_equal(try_open(box, "outbox.db", true),
	    STORE_FAULT_VERSION);
}

/* A store that was cut short says so; it is not made anew. */
static void
test_damaged(void **state)
{
	struct box *box = *state;
	char junk[8192];
	FILE *f;

	box_put(box, "1", "A", BOX_NOW);
	box_close(box);
	box_number(box, "PRAGMA wal_checkpoint(TRUNCATE)");
	memset(junk, 0xaa, sizeof(junk));
	f = fopen(box->path, "r+b");
	assert_non_null(f);
	fseek(f, 100, SEEK_SET);
	fwrite(junk, 1, sizeof(junk), f);
	fclose(f);
	assert_int_equal(try_open(box, "outbox.db", true),
	    STORE_FAULT_CORRUPT);
}

/* Another process keeps the lock, ours or SQLite's: BUSY, in bounded time. */
static void
test_busy(void **state)
{
	struct box *box = *state;
	char path[200];
	sqlite3 *db;
	int fd;

	box_close(box);
	box->options.busy_ms = 50;
	assert_true(box_open(box));
	snprintf(path, sizeof(path), "%s-lock", box->path);
	fd = open(path, O_RDWR);
	/* Shared, to see that ours is not. */
	assert_int_equal(flock(fd, LOCK_SH), 0);
	assert_int_equal(box->store->ops->begin(box->store, true), -1);
	assert_int_equal(box->store->fault.kind, STORE_FAULT_BUSY);
	assert_int_equal(box->store->ops->begin(box->store, false), 0);
	box_commit(box);
	close(fd);

	assert_int_equal(sqlite3_open(box->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL),
	    SQLITE_OK);
	assert_int_equal(box->store->ops->begin(box->store, true), -1);
	assert_int_equal(box->store->fault.kind, STORE_FAULT_BUSY);
	sqlite3_close(db);
	box_put(box, "1", "A", BOX_NOW);
	box_check(box);
}

static int64_t
is_wal(const struct box *box)
{
	return box_number(box, "SELECT journal_mode = 'wal' "
	    "FROM pragma_journal_mode");
}

/* A network file system: a rollback journal, and everything else as ever. */
static void
test_network(void **state)
{
	static const unsigned long magic[] = { 0x6969, 0xff534d42, 0xfe534d42,
		0x65735546, 0x01021997 };
	struct box *box = *state;
	char lead[8];

	assert_int_equal(is_wal(box), 1);
	for (size_t i = 0; i < COUNT(magic); i++) {
		box_close(box);
		file_system = magic[i];
		assert_true(box_open(box));
		assert_int_equal(is_wal(box), 0);
		snprintf(lead, sizeof(lead), "%zu", i);
		box_put(box, lead, "A", BOX_NOW);
		box_check(box);
	}
	/* Moved to a local one, it has its log again. */
	box_close(box);
	file_system = 0;
	assert_true(box_open(box));
	assert_int_equal(is_wal(box), 1);
	assert_int_equal(box_stats(box).events_undelivered, COUNT(magic));
}

/* Without commits of its own, a brief connection's log is folded in early. */
static void
test_checkpoint(void **state)
{
	struct box *box = *state;
	char lead[16], path[200];
	struct stat sb;

	box_close(box);
	box->options.brief = true;
	assert_true(box_open(box));
	for (int i = 0; i < 300; i++) {
		snprintf(lead, sizeof(lead), "%d", i);
		box_put(box, lead, "A", BOX_NOW);
		box->store->ops->tidy(box->store, false);
	}
	snprintf(path, sizeof(path), "%s-wal", box->path);
	assert_int_equal(stat(path, &sb), 0);
	assert_true(sb.st_size < 256 * 4120);
	box_check(box);
}

/* One connection after the other, as by CGI requests: none finds a long log. */
static void
test_checkpoint_one_after_another(void **state)
{
	struct box *box = *state;
	char lead[16], path[200];
	struct stat sb;

	box->options.brief = true;
	snprintf(path, sizeof(path), "%s-wal", box->path);
	for (int i = 0; i < 100; i++) {
		box_close(box);
		assert_true(box_open(box));
		snprintf(lead, sizeof(lead), "%d", i);
		box_put(box, lead, "A", BOX_NOW);
		box->store->ops->tidy(box->store, false);
		assert_int_equal(stat(path, &sb), 0);
		assert_true(sb.st_size < 256 * 4120);
	}
	box_check(box);
}

/* Two processes write at once: nothing is lost, nothing comes twice. */
static void
test_two_processes(void **state)
{
	enum { EACH = 150 };
	struct box *box = *state;
	char lead[16];
	pid_t pids[2];
	int status;

	box_close(box);
	box->options.busy_ms = 60000;	/* on a busy machine, too */
	for (int p = 0; p < 2; p++) {
		if ((pids[p] = fork()) != 0)
			continue;
		box->options.brief = true;	/* more checkpoints */
		if (!box_open(box))
			_exit(1);
		for (int i = 0; i < EACH; i++) {
			/* Own leads, and one that both send. */
			snprintf(lead, sizeof(lead), "%d.%d", p, i);
			box_put(box, lead, "A", BOX_NOW);
			struct event_in in = box_in("both", lead, BOX_NOW);
			box_accept(box, &in);
			box->store->ops->tidy(box->store, false);
		}
		box_close(box);
		_exit(0);
	}
	for (int p = 0; p < 2; p++) {
		waitpid(pids[p], &status, 0);
		assert_int_equal(status, 0);
	}
	assert_true(box_open(box));
	box_check(box);
	assert_int_equal(box_stats(box).events_undelivered, 4 * EACH);
	assert_int_equal(box_number(box, "SELECT sequence FROM lead "
	    "WHERE key = 'both'"), 2 * EACH);
	assert_int_equal(box_number(box,
	    "SELECT count(*) FROM pragma_integrity_check "
	    "WHERE integrity_check <> 'ok'"), 0);
}

/* In a process of its own: what ${expect} says of it, as its exit status. */
static void
in_child(struct config *config, int (*expect)(struct config *config))
{
	int status;
	pid_t pid;

	if ((pid = fork()) == 0)
		_exit(expect(config));
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
}

static int
expect_root(struct config *config)
{
	struct store_fault fault;

	return owner_become(config, true, &fault) == 0 && geteuid() == 0 ? 0 : 1;
}

/* The owner of the folder, for good. */
static int
expect_owner(struct config *config)
{
	struct store_fault fault;

	if (owner_become(config, false, &fault) != 0 ||
	    getuid() != 12345 || geteuid() != 12345 ||
	    getgid() != 12346 || getgroups(0, NULL) != 1)
		return 1;
	return setuid(0) == -1 ? 0 : 2;
}

static int
expect_user(struct config *config)
{
	struct store_fault fault;
	struct identity id;

	return identity_of_user(config->worker.user, &id) == 0 &&
	    owner_become(config, true, &fault) == 0 && geteuid() == id.uid &&
	    getegid() == id.gid && setuid(0) == -1 ? 0 : 1;
}

static int
expect_unknown(struct config *config)
{
	struct store_fault fault;

	return owner_become(config, false, &fault) == -1 &&
	    fault.kind == STORE_FAULT_USER &&
	    strstr(fault.text, "no user nobody-like-this") != NULL ? 0 : 1;
}

/*
 * Started as root: the owner of the folder, or the user that is named; without
 * either, who made the folder root's wants root.
 */
static void
test_become_owner(void **state)
{
	struct box *box = *state;
	char url[192], inner[128], none[] = "sqlite:/nowhere/at/all";
	char user[] = "nobody", unknown[] = "nobody-like-this";
	struct config config = { .store.url = none };
	struct identity id;
	struct stat sb;

	if (geteuid() != 0 || identity_of_user(user, &id) == -1)
		skip();
	in_child(&config, expect_root);
	snprintf(url, sizeof(url), "sqlite:%s", box->path);
	config.store.url = url;
	in_child(&config, expect_root);
	config.worker.user = unknown;
	in_child(&config, expect_unknown);

	/* A folder that is not there is made for the user. */
	snprintf(inner, sizeof(inner), "%s/inner", box->folder);
	snprintf(url, sizeof(url), "sqlite:%s/outbox.db", inner);
	config.worker.user = user;
	in_child(&config, expect_user);
	assert_int_equal(stat(inner, &sb), 0);
	assert_int_equal(sb.st_uid, id.uid);
	assert_int_equal(sb.st_mode & 07777, 0700);
	assert_int_equal(rmdir(inner), 0);

	/* The folder's owner goes before the user that is named. */
	assert_int_equal(chown(box->folder, 12345, 12346), 0);
	snprintf(url, sizeof(url), "sqlite:%s", box->path);
	in_child(&config, expect_owner);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, box_setup, box_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_modes),
		TEST(test_refused),
		TEST(test_versions),
		TEST(test_damaged),
		TEST(test_busy),
		TEST(test_network),
		TEST(test_checkpoint),
		TEST(test_checkpoint_one_after_another),
		TEST(test_two_processes),
		TEST(test_become_owner)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
