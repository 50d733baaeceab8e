/* A disk that fails or fills up, and a process that is killed: nothing is lost. */
#include "box_lite.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "outbox/sqlite/lite.h"
#include "disk.h"
#include "filesystem.h"

static struct disk *disk;

static int
setup(void **state)
{
	disk = disk_install();
	return box_setup(state);
}

static int
teardown(void **state)
{
	disk_mend();
	return box_teardown(state);
}

/* Accept without expecting that it goes well; the fault's kind. */
static enum store_fault_kind
try_accept(struct box *box, const struct event_in *in)
{
	const struct store_ops *ops = box->store->ops;

	memset(&box->store->fault, 0, sizeof(box->store->fault));
	if (ops->begin(box->store, true) == -1)
		return box->store->fault.kind;
	free(box->out.violations);
	if (ops->accept(box->store, in, &box->out, 1) == -1) {
		ops->rollback(box->store);
		return box->store->fault.kind;
	}
	return ops->commit(box->store) == -1 ? box->store->fault.kind :
	    STORE_FAULT_NONE;
}

/*
 * The fsync of a commit fails.  It may have been written all the same, so the
 * sender is told to come again, and is then known or new, but in there once.
 */
static void
test_sync_fails(void **state)
{
	struct box *box = *state;
	struct event_in in = box_in("2", "A", BOX_NOW);

	box_put(box, "1", "A", BOX_NOW);
	disk->fail_from = disk->syncs + 1;
	disk->fail_to = INT_MAX;
	assert_int_equal(try_accept(box, &in), STORE_FAULT_IO);
	assert_true(disk->failed > 0);
	/* Never once more on the same connection. */
	assert_null(((struct lite *)box->store)->db);
	disk_mend();
	assert_int_equal(try_accept(box, &in), STORE_FAULT_NONE);
	assert_true(box->out.fate == EVENT_DUPLICATE ||
	    box->out.fate == EVENT_STORED);
	assert_int_equal(box_stats(box).events_undelivered, 2);
	box_check(box);
}

/* The same again and again, and between them what works is kept. */
static void
test_sync_fails_often(void **state)
{
	struct box *box = *state;
	struct event_in in;
	char lead[16];

	for (int i = 0; i < 20; i++) {
		snprintf(lead, sizeof(lead), "%d", i);
		in = box_in(lead, "A", BOX_NOW);
		disk->fail_every = i % 3 == 1;
		assert_int_equal(try_accept(box, &in), i % 3 == 1 ?
		    STORE_FAULT_IO : STORE_FAULT_NONE);
		disk_mend();
		assert_int_equal(try_accept(box, &in), STORE_FAULT_NONE);
	}
	assert_int_equal(box_stats(box).events_undelivered, 20);
	box_check(box);
}

/* Full at any write of a transaction: FULL, nothing of it, and then it goes on. */
static void
test_full(void **state)
{
	static const int codes[] = { SQLITE_FULL, SQLITE_IOERR_WRITE };
	struct box *box = *state;
	struct event_in in;
	char lead[16];
	int stored = 0;

	for (size_t c = 0; c < COUNT(codes); c++)
		for (int after = 0; after < 12; after++) {
			snprintf(lead, sizeof(lead), "%zu.%d", c, after);
			in = box_in(lead, "A", BOX_NOW);
			disk->write_code = codes[c];
			disk->writes_left = after;
			enum store_fault_kind kind = try_accept(box, &in);
			disk->write_code = 0;
			if (kind == STORE_FAULT_NONE) {
				stored++;
				continue;	/* it took fewer writes */
			}
			assert_int_equal(kind, codes[c] == SQLITE_FULL ?
			    STORE_FAULT_FULL : STORE_FAULT_IO);
			assert_int_equal(box_stats(box).events_undelivered,
			    stored);
			assert_int_equal(try_accept(box, &in),
			    STORE_FAULT_NONE);
			assert_int_equal(box->out.fate, EVENT_STORED);
			stored++;
			box_check(box);
		}
}

/* A small disk really filled: refused with FULL, all before it is there. */
static void
test_small_disk(void **state)
{
	struct box *box = *state;
	char filler[65536], lead[16], path[128];
	struct event_in in;
	enum store_fault_kind kind = STORE_FAULT_NONE;
	FILE *f;
	int stored = 0;

	box_close(box);
	if (mount("tmpfs", box->folder, "tmpfs", 0, "size=4m") == -1)
		skip();
	assert_true(box_open(box));
	memset(filler, 'x', sizeof(filler) - 1);
	filler[sizeof(filler) - 1] = '\0';

	snprintf(path, sizeof(path), "%s/ballast", box->folder);
	f = fopen(path, "w");
	assert_non_null(f);
	for (int i = 0; i < 16; i++)
		fputs(filler, f);
	fclose(f);
	while (kind == STORE_FAULT_NONE && stored < 1000) {
		snprintf(lead, sizeof(lead), "%d", stored);
		in = box_in(lead, filler, BOX_NOW);
		kind = try_accept(box, &in);
		stored += kind == STORE_FAULT_NONE;
	}
	assert_int_equal(kind, STORE_FAULT_FULL);
	assert_true(stored > 3);
	assert_int_equal(try_accept(box, &in), STORE_FAULT_FULL);

	/* There is room again: everything is there, and it goes on. */
	unlink(path);
	assert_int_equal(try_accept(box, &in), STORE_FAULT_NONE);
	assert_int_equal(box_stats(box).events_undelivered, stored + 1);
	box_check(box);
	box_close(box);
	assert_int_equal(umount2(box->folder, MNT_DETACH), 0);
}

/* --- the machine stops ------------------------------------------------------ */

#define LEADS 24

static int log_limit;		/* pages after which the log is folded in */
static int stride;		/* of the calls at which it stops; more than 1 in a slice */

/* Who was told that his lead is kept. */
struct answered {
	bool yes[LEADS];
};

/* What stands in the lock file, which no sync is made of. */
struct lock_file {
	char bytes[1024];
	ssize_t len;
};

static void
lock_path(const struct box *box, char *path, size_t size)
{
	snprintf(path, size, "%s-lock", box->path);
}

static struct lock_file
read_lock_file(const struct box *box)
{
	struct lock_file lock = { .len = 0 };
	char path[128];
	int fd;

	lock_path(box, path, sizeof(path));
	if ((fd = open(path, O_RDONLY)) != -1) {
		lock.len = read(fd, lock.bytes, sizeof(lock.bytes));
		close(fd);
	}
	return lock;
}

static void
write_lock_file(const struct box *box, const struct lock_file *lock)
{
	char path[128];
	int fd;

	lock_path(box, path, sizeof(path));
	assert_int_not_equal(fd = open(path, O_WRONLY | O_TRUNC), -1);
	assert_int_equal(write(fd, lock->bytes, (size_t)lock->len), lock->len);
	close(fd);
}

/* Open it without expecting that it goes well; checkpoints come often. */
static bool
try_open(struct box *box)
{
	struct lite *lt;

	memset(&box->fault, 0, sizeof(box->fault));
	box->options.location = box->path;
	box->store = store_sqlite.open(&box->options, &box->fault);
	if (box->store == NULL)
		return false;
	lt = (struct lite *)box->store;
	lt->log_limit = lt->log_next = log_limit;
	if (box->store->ops->begin(box->store, false) == -1)
		return false;
	if (box->store->ops->configure(box->store, box->destinations,
	    box->destination_count) == 0)
		return box->store->ops->commit(box->store) == 0;
	box->store->ops->rollback(box->store);
	return false;
}

/*
 * A worker's life, from lead ${from} to ${to}, each sent again when it was refused:
 * what it says yes to is noted.
 */
static void
live(struct box *box, int from, int to, struct answered *answered)
{
	struct event_in in;
	char lead[16];

	for (int i = from; i < to; i++)
		for (int again = 0; again < 3; again++) {
			snprintf(lead, sizeof(lead), "%d", i);
			in = box_in(lead, "A", BOX_NOW);
			if (try_accept(box, &in) != STORE_FAULT_NONE)
				continue;
			answered->yes[i] = true;
			if (i % 4 == 1)
				break;
			if (again == 1)
				box->store->ops->tidy(box->store, false);
		}
}

/* The machine is up again: whatever was answered yes is there, and the file whole. */
static void
check_after(struct box *box, const struct answered *answered, const char *what)
{
	char sql[96];

	if (!box_open(box))
		fail_msg("%s: %s", what, box->fault.text);
	for (int i = 0; i < LEADS; i++) {
		if (!answered->yes[i])
			continue;
		snprintf(sql, sizeof(sql),
		    "SELECT count(*) FROM lead WHERE key = '%d'", i);
		if (box_number(box, sql) != 1)
			fail_msg("%s: lead %d was acknowledged and is gone", what, i);
	}
	if (box_number(box, "SELECT count(*) FROM pragma_integrity_check "
	    "WHERE integrity_check <> 'ok'") != 0)
		fail_msg("%s: the file is damaged", what);
	box_check(box);
	box_close(box);
}

/* How a life ends. */
struct end {
	bool power;			/* cut; otherwise killed */
	unsigned seed;
	int lock;			/* 0 as it is, 1 as at first, 2 empty */
};

static void
end_life(struct box *box, const struct end *end, const struct lock_file *first)
{
	static const struct lock_file empty;

	box_close(box);
	if (end->power) {
		disk_power_cut(end->seed);
		if (end->lock != 0)
			write_lock_file(box, end->lock == 1 ? first : &empty);
	}
	disk_mend();
}

/* A world of its own for each case. */
static struct box *
new_world(void)
{
	void *state;

	disk = disk_install();
	assert_int_equal(box_setup(&state), 0);
	((struct box *)state)->options.busy_ms = 50;
	box_close(state);
	disk_mend();
	return state;
}

static void
end_world(struct box *box)
{
	void *state = box;

	disk_mend();
	box_teardown(&state);
}

/*
 * Two lives with the syncs failing as ${plan} says, the first ended at call
 * ${first}, the second, which repairs what it finds, at call ${second}; 0: at its
 * end.  Returns whether the first was ended before its time.
 */
static bool
two_lives(const struct disk *plan, int first, int second, const struct end *end)
{
	struct box *box = new_world();
	struct answered answered = { 0 };
	struct lock_file lock = read_lock_file(box);
	char what[160];
	bool early;

	*disk = *plan;
	disk->stop_at = first;
	if (try_open(box))
		live(box, 0, 8, &answered);
	early = first != 0 && disk->calls >= first;
	end_life(box, end, &lock);
	disk->stop_at = second;
	if (try_open(box))
		live(box, 6, 12, &answered);
	end_life(box, end, &lock);
	snprintf(what, sizeof(what), "syncs fail %d-%d, every %d; stopped at %d, %d; "
	    "%s, seed %u, lock %d", plan->fail_from, plan->fail_to, plan->fail_every,
	    first, second, end->power ? "power" : "kill", end->seed, end->lock);
	check_after(box, &answered, what);
	end_world(box);
	return early;
}

/* One fsync fails, the sender comes again, others come; then the power goes. */
static void
test_power_after_failed_sync(void **state)
{
	(void)state;
	for (int sync = 1; sync < 12; sync++)
		for (unsigned seed = 0; seed < 6; seed++) {
			const struct disk plan = { .fail_from = sync,
			    .fail_to = sync, .fail_log_only = seed % 2 };
			const struct end end = { true, seed, (int)seed % 3 };

			log_limit = seed < 3 ? 4096 : 12;
			two_lives(&plan, 0, 0, &end);
		}
	log_limit = 12;
}

/* Syncs that go on failing, or fail now and then, and the power goes anywhere. */
static void
test_power_anywhere(void **state)
{
	static const struct disk plans[] = {
		{ .fail_from = 0 },
		{ .fail_from = 3, .fail_to = 3 },
		{ .fail_from = 2, .fail_to = 4 },
		{ .fail_from = 5, .fail_to = 1000 },
		{ .fail_every = 2 },
		{ .fail_every = 3 },
		{ .fail_every = 5, .fail_log_only = true }
	};

	(void)state;
	for (size_t p = 0; p < COUNT(plans); p++)
		for (int at = 1 + (int)p; ; at += stride) {
			const struct end end = { true, (unsigned)at, at % 3 };

			if (!two_lives(&plans[p], at, 0, &end))
				break;
		}
}

/* The power goes again while what was in doubt is being written once more. */
static void
test_power_in_repair(void **state)
{
	static const struct disk plan = { .fail_from = 4, .fail_to = 4 };

	(void)state;
	for (int at = 20; at < 60; at += 9)
		for (int repair = 1; repair < 24; repair += stride) {
			const struct end kill = { false, 0, 0 };
			const struct end power = { true, (unsigned)(at * repair), 0 };
			struct box *box = new_world();
			struct answered answered = { 0 };
			struct lock_file lock = read_lock_file(box);

			*disk = plan;
			disk->stop_at = at;
			if (try_open(box))
				live(box, 0, 8, &answered);
			end_life(box, &kill, &lock);
			disk->stop_at = repair;
			if (try_open(box))
				live(box, 6, 12, &answered);
			end_life(box, &power, &lock);
			check_after(box, &answered, "power cut in a repair");
			end_world(box);
		}
}

/*
 * Killed between any two calls, also between the write and the sync: what the next
 * process finds and says yes to again is there after a power cut.
 */
static void
test_killed_anywhere(void **state)
{
	static const struct disk plan;

	(void)state;
	for (int at = 1; at < 400; at += stride) {
		const struct end kill = { false, 0, 0 };
		const struct end power = { true, 0, 0 };
		struct box *box = new_world();
		struct answered answered = { 0 };
		struct lock_file lock = read_lock_file(box);
		bool early;

		*disk = plan;
		disk->stop_at = at;
		if (try_open(box))
			live(box, 0, 6, &answered);
		early = disk->calls >= at;
		end_life(box, &kill, &lock);
		if (try_open(box))
			live(box, 0, 6, &answered);
		end_life(box, &power, &lock);
		check_after(box, &answered, "killed, then a power cut");
		end_world(box);
		if (!early)
			return;
	}
	fail_msg("a worker's life has more calls than that");
}

/* The same with a rollback journal, where the file system has no other. */
static void
test_rollback_journal(void **state)
{
	file_system = 0x6969;
	test_power_after_failed_sync(state);
	test_power_anywhere(state);
	test_power_in_repair(state);
	test_killed_anywhere(state);
	file_system = 0;
}

/* Accept for ever, a number to ${fd} after each commit. */
static void
accept_until_killed(struct box *box, int fd, int from)
{
	struct delivery_claim claim;
	struct event_in in;
	char lead[16];

	if (!box_open(box))
		_exit(1);
	for (int i = from;; i++) {
		snprintf(lead, sizeof(lead), "%d", i);
		in = box_in(lead, "A", BOX_NOW);
		if (try_accept(box, &in) != STORE_FAULT_NONE ||
		    write(fd, &i, sizeof(i)) != sizeof(i))
			_exit(1);
		if (i % 3 == 0 && box_claim(box, 0, BOX_NOW, 1, &claim) == 1)
			delivery_claim_free(&claim);
		box->store->ops->tidy(box->store, false);
	}
}

/* Killed at random moments: whatever was acknowledged is there. */
static void
test_killed(void **state)
{
	struct box *box = *state;
	char sql[128];
	int fds[2], last = -1, status;
	pid_t pid;

	box_close(box);
	box->options.brief = true;
	for (int round = 0; round < 15; round++) {
		assert_int_equal(pipe(fds), 0);
		if ((pid = fork()) == 0)
			accept_until_killed(box, fds[1], last + 1);
		close(fds[1]);
		/* Let it get some way, then strike between two commits, or in one. */
		for (int i = 0; i < 10 + round * 7; i++)
			if (read(fds[0], &last, sizeof(last)) != sizeof(last))
				fail_msg("the child ended");
		usleep((useconds_t)(rand() % 400));
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		while (read(fds[0], &last, sizeof(last)) == sizeof(last))
			;
		close(fds[0]);
		assert_true(box_open(box));
		snprintf(sql, sizeof(sql), "SELECT count(*) FROM lead "
		    "WHERE CAST(key AS INTEGER) <= %d", last);
		assert_int_equal(box_number(box, sql), last + 1);
		box_check(box);
		box_close(box);
	}
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_sync_fails),
		TEST(test_sync_fails_often),
		TEST(test_full),
		TEST(test_small_disk),
		TEST(test_killed),
		cmocka_unit_test(test_power_after_failed_sync),
		cmocka_unit_test(test_power_anywhere),
		cmocka_unit_test(test_power_in_repair),
		cmocka_unit_test(test_killed_anywhere),
		cmocka_unit_test(test_rollback_journal)
	};

	stride = box_stride();
	log_limit = 12;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
