/* Limits: held events, free pages, and what the system calls "no more". */
#include "box.h"

#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "outbox/sqlite/lite.h"

/* The free bytes that statvfs finds; UINT64_MAX: the real ones.  See local.mk: --wrap. */
static uint64_t disk_free = UINT64_MAX;

int __real_statvfs(const char *path, struct statvfs *fs);
int __wrap_statvfs(const char *path, struct statvfs *fs);

int
__wrap_statvfs(const char *path, struct statvfs *fs)
{
	int rc = __real_statvfs(path, fs);

	if (rc == 0 && disk_free != UINT64_MAX) {
		fs->f_frsize = 4096;
		fs->f_bavail = disk_free / 4096;
	}
	return rc;
}

static int
teardown(void **state)
{
	disk_free = UINT64_MAX;
	return box_teardown(state);
}

static struct event_in
held_in(const char *lead, const char *source)
{
	struct event_in in = box_in(lead, "A", BOX_NOW);

	in.hold = EVENT_HOLD_RULES;
	in.violations = "[]";
	in.source = source;
	in.max_held = 2;
	return in;
}

/* Held ones have a number of their own in each source, and good ones their room. */
static void
test_max_held(void **state)
{
	struct box *box = *state;
	struct event_in in = held_in("1", "default");
	char first[UUID7_SIZE], second[UUID7_SIZE];

	assert_int_equal(box_accept(box, &in), EVENT_STORED);
	strcpy(first, box->out.id);
	in.lead = "2";
	assert_int_equal(box_accept(box, &in), EVENT_STORED);
	strcpy(second, box->out.id);
	in.lead = "3";
	assert_int_equal(box_accept(box, &in), EVENT_FULL);
	assert_string_equal(box->out.limit, "max_held");

	/* What is known is answered; another source has its own; good ones go on. */
	in.lead = "2";
	assert_int_equal(box_accept(box, &in), EVENT_DUPLICATE);
	assert_int_equal(box->out.hold, EVENT_HOLD_RULES);
	in = held_in("3", "other");
	assert_int_equal(box_accept(box, &in), EVENT_STORED);
	box_put(box, "4", "A", BOX_NOW);
	box_check(box);

	/* Discarded and released ones are held no longer. */
	in = held_in("5", "default");
	box_act(box, STORE_DISCARD, first, false, BOX_NOW);
	assert_int_equal(box_accept(box, &in), EVENT_STORED);
	in.lead = "6";
	assert_int_equal(box_accept(box, &in), EVENT_FULL);
	box_act(box, STORE_RELEASE, second, false, BOX_NOW);
	assert_int_equal(box_accept(box, &in), EVENT_STORED);
	in.lead = "7";
	assert_int_equal(box_accept(box, &in), EVENT_FULL);
	box_check(box);

	in.max_held = 0;
	in.source = "third";
	assert_int_equal(box_accept(box, &in), EVENT_FULL);
}

/* A live token in the place of a stale one, and what lived its time. */
static void
test_held_no_longer(void **state)
{
	struct box *box = *state;
	struct event_in in = held_in("1", "default");
	size_t count;

	in.hold = EVENT_HOLD_STALE;
	assert_int_equal(box_accept(box, &in), EVENT_STORED);
	in.lead = "2";
	assert_int_equal(box_accept(box, &in), EVENT_STORED);
	in.lead = "3";
	assert_int_equal(box_accept(box, &in), EVENT_FULL);
	in.lead = "2";
	in.hold = EVENT_HOLD_NONE;
	assert_int_equal(box_accept(box, &in), EVENT_STORED);
	in = held_in("3", "default");
	assert_int_equal(box_accept(box, &in), EVENT_STORED);
	box_check(box);

	box_begin(box);
	assert_int_equal(store_purge(box->store, 0, BOX_NOW + 1,
	    100, &count), 0);
	box_commit(box);
	assert_int_equal(count, 3);
	assert_int_equal(box_stats(box).events_held, 0);
	box_check(box);
}

/* A megabyte of events that were held, and are erased. */
static void
make_free_pages(struct box *box)
{
	char payload[8192], lead[16], ids[128][UUID7_SIZE];
	enum store_act_result result;
	struct event_in in;

	memset(payload, 'x', sizeof(payload) - 1);
	payload[sizeof(payload) - 1] = '\0';
	for (int i = 0; i < 128; i++) {
		snprintf(lead, sizeof(lead), "h%d", i);
		in = box_in(lead, payload, BOX_NOW);
		in.hold = EVENT_HOLD_RULES;
		box_accept(box, &in);
		strcpy(ids[i], box->out.id);
	}
	box_begin(box);
	for (int i = 0; i < 128; i++)
		assert_int_equal(store_erase(box->store, ids[i],
		    &result), 0);
	box_commit(box);
}

/* Pages that are free inside the file are room as good as any. */
static void
test_free_pages(void **state)
{
	struct box *box = *state;
	struct event_in in = box_in("1", "A", BOX_NOW);

	box_close(box);
	box->options.min_free = 1 << 20;
	assert_true(box_open(box));
	disk_free = (1 << 20) - 4096;
	assert_int_equal(box_accept(box, &in), EVENT_FULL);
	assert_string_equal(box->out.limit, "min_free");
	disk_free = UINT64_MAX;
	make_free_pages(box);
	assert_int_equal(box->store->ops->erase_log(box->store), 0);
	disk_free = (1 << 20) - 4096;
	assert_int_equal(box_accept(box, &in), EVENT_STORED);
	disk_free = 0;
	in.lead = "2";
	in.payload = "B";
	assert_int_equal(box_accept(box, &in), EVENT_STORED);

	/* Held ones leave as much again to the others. */
	in = held_in("3", "default");
	assert_int_equal(box_accept(box, &in), EVENT_FULL);
	assert_string_equal(box->out.limit, "min_free");
	disk_free = 2 << 20;
	assert_int_equal(box_accept(box, &in), EVENT_STORED);
	box_check(box);
}

/* A limit to the size of files ends room like a full disk; something is kept for settling. */
static void
test_file_limit(void **state)
{
	struct box *box = *state;
	struct rlimit old, small = { 512 << 10, 512 << 10 };
	char payload[4096], lead[16];
	struct event_in in;
	int stored = 0;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small.rlim_max = old.rlim_max;
	memset(payload, 'x', sizeof(payload) - 1);
	payload[sizeof(payload) - 1] = '\0';
	signal(SIGXFSZ, SIG_IGN);
	box_close(box);
	box->options.min_free = 64 << 20;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_true(box_open(box));
	for (;;) {
		snprintf(lead, sizeof(lead), "%d", stored);
		in = box_in(lead, payload, BOX_NOW);
		if (box_accept(box, &in) != EVENT_STORED)
			break;
		box->store->ops->tidy(box->store, false);
		stored++;
	}
	assert_string_equal(box->out.limit, "min_free");
	assert_in_range(stored, 20, 100);
	for (int i = 0; i < stored; i++) {
		assert_string_not_equal(box_send(box, 0, DELIVERY_DELIVERED, 0,
		    BOX_NOW), "");
		box->store->ops->tidy(box->store, false);
	}
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	box_check(box);
}

/* --- the system says no --- */

static int write_error;			/* 0: writes work */

static ssize_t
failing_pwrite(int fd, const void *bytes, size_t len, off_t at)
{
	if (write_error == 0)
		return pwrite(fd, bytes, len, at);
	errno = write_error;
	return -1;
}

/* Each error: refused, told as what it is, nothing lost, and on it goes. */
static void
test_errors(void **state)
{
	static const struct {
		int error;
		enum store_fault_kind kind;
	} errors[] = {
		{ ENOSPC, STORE_FAULT_FULL }, { EDQUOT, STORE_FAULT_FULL },
		{ EFBIG, STORE_FAULT_FULL }, { EIO, STORE_FAULT_IO },
		{ EROFS, STORE_FAULT_IO }
	};
	struct box *box = *state;
	const struct store_ops *ops = box->store->ops;
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
	struct event_in in;
	char lead[16];
	int rc;

	assert_int_equal(vfs->xSetSystemCall(vfs, "pwrite64",
	    (sqlite3_syscall_ptr)failing_pwrite), SQLITE_OK);
	assert_int_equal(vfs->xSetSystemCall(vfs, "pwrite",
	    (sqlite3_syscall_ptr)failing_pwrite), SQLITE_OK);
	for (size_t i = 0; i < COUNT(errors); i++) {
		snprintf(lead, sizeof(lead), "%zu", i);
		in = box_in(lead, "A", BOX_NOW);
		write_error = errors[i].error;
		box_begin(box);
		rc = ops->accept(box->store, &in, &box->out, 1);
		if (rc == 0)
			rc = ops->commit(box->store);
		else
			ops->rollback(box->store);
		assert_int_equal(rc, -1);
		assert_int_equal(box->store->fault.kind, errors[i].kind);
		ops->tidy(box->store, false);
		write_error = 0;
		assert_int_equal(box_stats(box).events_undelivered, i);
		assert_int_equal(box_accept(box, &in), EVENT_STORED);
		box_check(box);
	}
	vfs->xSetSystemCall(vfs, NULL, NULL);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, box_setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_max_held),
		TEST(test_held_no_longer),
		TEST(test_free_pages),
		TEST(test_file_limit),
		TEST(test_errors)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
