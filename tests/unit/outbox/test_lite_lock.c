/* The writer's lock: in turn, for a bounded time, and by its name. */
#include "box.h"

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "outbox/sqlite/lite.h"

#define TURNS 50

static void
sleep_ms(int ms)
{
	struct timespec pause = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&pause, NULL);
}

/* In a child: hold the lock, let it go, want it again at once; count how often. */
static pid_t
start_greedy(struct box *box, atomic_int *count)
{
	struct lite *lt;
	pid_t pid;

	if ((pid = fork()) != 0)
		return pid;
	if (!box_open(box))
		_exit(1);
	lt = (struct lite *)box->store;
	for (;;) {
		lt->until = clock_mono_ms() + 60000;
		if (lite_lock_writer(lt) == -1)
			_exit(1);
		atomic_fetch_add(count, 1);
		sleep_ms(2);
		lite_lock_release(lt);
	}
}

/* Who waits comes before who has just had it. */
static void
test_in_turn(void **state)
{
	struct box *box = *state;
	struct lite *lt;
	atomic_int *count;
	int passed = 0, before;
	pid_t pid;

	box_close(box);
	count = mmap(NULL, sizeof(*count), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(count != MAP_FAILED);
	pid = start_greedy(box, count);
	assert_true(box_open(box));
	lt = (struct lite *)box->store;
	while (atomic_load(count) == 0)
		sleep_ms(1);
	for (int i = 0; i < TURNS; i++) {
		before = atomic_load(count);
		lt->until = clock_mono_ms() + 60000;
		assert_int_equal(lite_lock_writer(lt), 0);
		passed += atomic_load(count) - before;
		lite_lock_release(lt);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	munmap(count, sizeof(*count));
	/* Once or twice each time; it was dozens when both only looked again and again. */
	assert_true(passed <= 4 * TURNS);
}

/* The lock, and a place before ours: whoever keeps either from us, we come back with BUSY. */
static void
test_bounded(void **state)
{
	struct flock place = { .l_type = F_WRLCK, .l_whence = SEEK_SET,
	    .l_start = 7, .l_len = 1 };
	struct box *box = *state;
	sigset_t all, old;
	int fd;

	box_close(box);
	box->options.busy_ms = 30;
	assert_true(box_open(box));
	fd = open(((struct lite *)box->store)->beside[LITE_LOCK], O_RDWR);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(box->store->ops->begin(box->store, true), -1);
	assert_int_equal(box->store->fault.kind, STORE_FAULT_BUSY);
	/* Also in a thread that hears no signals. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	assert_int_equal(box->store->ops->begin(box->store, true), -1);
	sigprocmask(SIG_SETMASK, NULL, &all);
	assert_int_equal(sigismember(&all, SIGURG), 1);
	sigprocmask(SIG_SETMASK, &old, NULL);
	assert_int_equal(flock(fd, LOCK_UN), 0);

	/* Somebody stands in line, and does not move: passed by in the end. */
	assert_int_equal(fcntl(fd, F_OFD_SETLK, &place), 0);
	box_put(box, "1", "A", BOX_NOW);
	box->store->until_mono_ms = 1;		/* but not without any waiting */
	assert_int_equal(box->store->ops->begin(box->store, true), -1);
	assert_int_equal(box->store->fault.kind, STORE_FAULT_BUSY);
	close(fd);
	assert_int_equal(box->store->ops->begin(box->store, true), 0);
	box_commit(box);
}

/* When it is not to wait, it does not; and the time it may is the transaction's. */
static void
test_until(void **state)
{
	struct box *box = *state;
	int64_t start = clock_mono_ms();
	int fd;

	box_close(box);
	box->options.busy_ms = 60000;
	assert_true(box_open(box));
	fd = open(((struct lite *)box->store)->beside[LITE_LOCK], O_RDWR);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	box->store->until_mono_ms = start + 20;
	assert_int_equal(box->store->ops->begin(box->store, true), -1);
	assert_int_equal(box->store->fault.kind, STORE_FAULT_BUSY);
	assert_true(clock_mono_ms() - start < 30000);
	assert_false(box->store->ops->tidy(box->store, true));
	assert_true(clock_mono_ms() - start < 30000);
	close(fd);
}

/* Its file unlinked: whoever comes next makes and locks the same one as everybody. */
static void
test_unlinked(void **state)
{
	struct box *box = *state;
	struct store_options options = box->options;
	struct store_fault fault;
	struct store *other;
	struct lite *lt;

	options.location = box->path;
	options.busy_ms = 20;
	other = store_sqlite.open(&options, &fault);
	assert_non_null(other);
	lt = (struct lite *)box->store;
	assert_int_equal(unlink(lt->beside[LITE_LOCK]), 0);
	box_begin(box);
	assert_int_equal(access(lt->beside[LITE_LOCK], F_OK), 0);
	assert_int_equal(store_sqlite.begin(other, true), -1);
	assert_int_equal(other->fault.kind, STORE_FAULT_BUSY);
	box_commit(box);
	assert_int_equal(store_sqlite.begin(other, true), 0);
	assert_int_equal(store_sqlite.commit(other), 0);
	store_sqlite.close(other);
}

/* Does the file ${path} have ${words} in it? */
static bool
says(const char *path, const char *words)
{
	char text[4096];
	size_t len;
	FILE *f;

	assert_non_null(f = fopen(path, "r"));
	len = fread(text, 1, sizeof(text) - 1, f);
	text[len] = '\0';
	fclose(f);
	return strstr(text, words) != NULL;
}

/* It cannot be made again: that is said, and nobody is kept out by the old one. */
static void
test_cannot_be_made_again(void **state)
{
	struct box *box = *state;
	char target[128], *log = target + strlen("file:");
	struct lite *lt = (struct lite *)box->store;
	int old;

	snprintf(target, sizeof(target), "file:%s/log", box->folder);
	assert_int_equal(log_open(target, false), 0);
	old = open(lt->beside[LITE_LOCK], O_RDWR);
	assert_int_equal(unlink(lt->beside[LITE_LOCK]), 0);
	assert_int_equal(mkdir(lt->beside[LITE_LOCK], 0700), 0);
	assert_int_equal(box->store->ops->begin(box->store, true), -1);
	assert_int_equal(box->store->fault.kind, STORE_FAULT_IO);
	assert_non_null(strstr(box->store->fault.text, "cannot be made again"));
	log_flush();
	assert_false(says(log, "there is another now"));
	assert_int_equal(flock(old, LOCK_EX | LOCK_NB), 0);
	close(old);
	assert_int_equal(rmdir(lt->beside[LITE_LOCK]), 0);
	box_begin(box);
	box_commit(box);
	log_flush();
	assert_true(says(log, "there is another now"));
	assert_int_equal(log_open("stderr", false), 0);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, box_setup, box_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_in_turn),
		TEST(test_bounded),
		TEST(test_until),
		TEST(test_unlinked),
		TEST(test_cannot_be_made_again)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
