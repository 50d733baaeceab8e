/* A disk that fails or fills up, and a process that is killed: nothing is lost. */
#include "box.h"

#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "outbox/sqlite/lite.h"
#include "shaky.h"

static struct shaky *disk;

static int
setup(void **state)
{
	disk = shaky_install();
	return box_setup(state);
}

static int
teardown(void **state)
{
	memset(disk, 0, sizeof(*disk));
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
	if (ops->accept(box->store, in, &box->out) == -1) {
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
	disk->sync_code = SQLITE_IOERR_FSYNC;
	assert_int_equal(try_accept(box, &in), STORE_FAULT_IO);
	assert_true(disk->failed > 0);
	/* Never once more on the same connection. */
	assert_null(((struct lite *)box->store)->db);
	disk->sync_code = 0;
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
		disk->sync_code = i % 3 == 1 ? SQLITE_IOERR_FSYNC : 0;
		assert_int_equal(try_accept(box, &in), i % 3 == 1 ?
		    STORE_FAULT_IO : STORE_FAULT_NONE);
		disk->sync_code = 0;
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
		box->store->ops->tidy(box->store);
	}
}

/* Killed at random moments: whatever was acknowledged is there. */
static void
test_killed(void **state)
{
	struct box *box = *state;
	char sql[128];
	int64_t recovered;
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
		box_begin(box);
		assert_int_equal(box->store->ops->recover(box->store, BOX_NOW,
		    &recovered), 0);
		box_commit(box);
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
		TEST(test_killed)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
