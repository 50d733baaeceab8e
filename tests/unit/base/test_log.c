#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/signals.h"

/* A log file in a folder of its own. */
struct place {
	char folder[32];
	char path[96];
	char other[96];			/* beside it */
	char target[112];
};

static int
open_log(const char *target, enum log_format format, enum log_level level)
{
	int rc = log_open(target, false);

	if (rc == 0)
		log_form(format, level);
	return rc;
}

static int
setup(void **state)
{
	struct place *pl = calloc(1, sizeof(*pl));

	strcpy(pl->folder, "/tmp/test_log.XXXXXX");
	if (mkdtemp(pl->folder) == NULL)
		return -1;
	snprintf(pl->path, sizeof(pl->path), "%s/log", pl->folder);
	snprintf(pl->other, sizeof(pl->other), "%s/other", pl->folder);
	snprintf(pl->target, sizeof(pl->target), "file:%s", pl->path);
	*state = pl;
	return 0;
}

static int
teardown(void **state)
{
	struct place *pl = *state;

	open_log("stderr", LOG_FMT_LOGFMT, LOG_LV_INFO);
	unlink(pl->path);
	unlink(pl->other);
	rmdir(pl->folder);
	free(pl);
	return 0;
}

/* The log's contents as they are. */
static void
read_as_it_is(const struct place *pl, char *out, size_t size)
{
	FILE *f = fopen(pl->path, "r");
	size_t n = f != NULL ? fread(out, 1, size - 1, f) : 0;

	out[n] = '\0';
	if (f != NULL)
		fclose(f);
}

/* The log's contents, with all that was said. */
static void
read_log(const struct place *pl, char *out, size_t size)
{
	log_flush();
	read_as_it_is(pl, out, size);
}

static void
test_logfmt(void **state)
{
	struct place *pl = *state;
	char text[1024];

	assert_int_equal(open_log(pl->target, LOG_FMT_LOGFMT, LOG_LV_INFO), 0);
	log_kv(LOG_LV_INFO, "accepted", "s:id", "x-1", "s:none", (char *)NULL,
	    "d:n", -7LL, "s:odd", "a b\n\"=\\", "s:empty", "", NULL);
	log_debug("not shown");
	log_warn("%d things", 3);
	read_log(pl, text, sizeof(text));
	assert_memory_equal(text, "time=20", 7);
	assert_non_null(strstr(text, "Z level=info what=accepted id=x-1 n=-7 "
	    "odd=\"a b\\n\\\"=\\\\\" empty=\"\"\n"));
	assert_non_null(strstr(text, "level=warn msg=\"3 things\"\n"));
	assert_null(strstr(text, "not shown"));
}

static void
test_json(void **state)
{
	struct place *pl = *state;
	char text[1024];

	assert_int_equal(open_log(pl->target, LOG_FMT_JSON, LOG_LV_DEBUG), 0);
	log_kv(LOG_LV_ERROR, "failed", "d:status", 503LL, "s:error", "a\"b", NULL);
	read_log(pl, text, sizeof(text));
	assert_memory_equal(text, "{\"time\":\"20", 11);
	assert_non_null(strstr(text, "\"level\":\"error\",\"what\":\"failed\","
	    "\"status\":503,\"error\":\"a\\\"b\"}\n"));
}

static void
test_reopen(void **state)
{
	struct place *pl = *state;
	char text[256];

	assert_int_equal(open_log(pl->target, LOG_FMT_LOGFMT, LOG_LV_INFO), 0);
	log_info("before");
	assert_int_equal(rename(pl->path, pl->other), 0);
	log_info("between");
	log_flush();
	log_reopen();
	log_info("after");
	read_log(pl, text, sizeof(text));
	assert_null(strstr(text, "between"));
	assert_non_null(strstr(text, "after"));
}

static void
test_bad_target(void **state)
{
	struct place *pl = *state;
	char text[256];

	assert_int_equal(open_log(pl->target, LOG_FMT_LOGFMT, LOG_LV_INFO), 0);
	assert_int_equal(open_log("file:/nonexistent/x", LOG_FMT_JSON, LOG_LV_INFO), -1);
	assert_int_equal(open_log("printer", LOG_FMT_JSON, LOG_LV_INFO), -1);
	log_info("kept");
	read_log(pl, text, sizeof(text));
	assert_non_null(strstr(text, "level=info msg=kept\n"));
}

/* Until ${condition} is true; what it means is the test's to say. */
#define WAIT_UNTIL(condition)						\
	for (int tries = 0; !(condition); tries++) {			\
		const struct timespec ms = { 0, 1000000 };		\
		assert_true(tries < 20000);				\
		nanosleep(&ms, NULL);					\
	}

/* The log file, when it exists, has ${words}. */
static bool
log_has(const struct place *pl, const char *words)
{
	static char text[1 << 20];

	read_as_it_is(pl, text, sizeof(text));
	return strstr(text, words) != NULL;
}

/* A FIFO at the log's place with a reader that does not read yet. */
static int
make_fifo(const struct place *pl)
{
	int fd;

	assert_int_equal(mkfifo(pl->path, 0600), 0);
	fd = open(pl->path, O_RDONLY | O_NONBLOCK);
	assert_true(fd != -1);
	return fd;
}

/* Count the lines that come, and those that are said to be lost, up to ${all}. */
static void
read_lines(int fd, int all)
{
	FILE *f = fdopen(dup(fd), "r");
	int came = 0, lost = 0, now, tries = 0;
	char line[512], *said;

	assert_non_null(f);
	while (came + lost < all) {
		if (fgets(line, sizeof(line), f) == NULL) {
			assert_true(errno == EAGAIN && tries++ < 20000);
			clearerr(f);
			usleep(1000);
		} else if ((said = strstr(line, "msg=\"line ")) != NULL) {
			came++;
		} else if ((said = strstr(line, "msg=\"")) != NULL &&
		    sscanf(said, "msg=\"%d lines were lost\"", &now) == 1) {
			lost += now;
		}
	}
	fclose(f);
	assert_int_equal(came + lost, all);
	assert_in_range(lost, 1, all - 1);
}

/* Nobody waits for a reader; what it missed is counted. */
static void
test_stalled_reader(void **state)
{
	struct place *pl = *state;
	int fd = make_fifo(pl), i;
	char more[200];

	memset(more, 'x', sizeof(more) - 1);
	more[sizeof(more) - 1] = '\0';
	assert_int_equal(open_log(pl->target, LOG_FMT_LOGFMT, LOG_LV_INFO), 0);
	for (i = 0; i < 5000; i++)
		log_info("line %d %s", i, more);
	read_lines(fd, 5000);
	for (i = 0; i < 5000; i++)
		log_info("line %d %s", i, more);
	log_flush();			/* and that ends */
	close(fd);
	open_log("file:/dev/null", LOG_FMT_LOGFMT, LOG_LV_INFO);
	log_flush();
}

/* Turning away from a reader that does not read. */
static void
test_turn_from_stalled(void **state)
{
	struct place *pl = *state;
	struct place second = { 0 };
	int fd = make_fifo(pl), i;
	char target[112];

	strcpy(second.path, pl->other);
	snprintf(target, sizeof(target), "file:%s", pl->other);
	assert_int_equal(open_log(pl->target, LOG_FMT_LOGFMT, LOG_LV_INFO), 0);
	for (i = 0; i < 5000; i++)
		log_info("line %d of many, long enough to fill what there is", i);
	assert_int_equal(open_log(target, LOG_FMT_LOGFMT, LOG_LV_INFO), 0);
	WAIT_UNTIL((log_info("free again"),
	    log_has(&second, "msg=\"free again\"")));
	close(fd);
}

/* A FIFO that nobody reads cannot be opened, and is not waited for. */
static void
test_no_reader(void **state)
{
	struct place *pl = *state;
	char text[64];
	int fd;

	assert_int_equal(mkfifo(pl->path, 0600), 0);
	assert_int_equal(open_log(pl->target, LOG_FMT_LOGFMT, LOG_LV_INFO), -1);
	assert_int_equal(errno, ENXIO);
	assert_int_equal(log_open(pl->target, true), 0);
	fd = open(pl->path, O_RDONLY | O_NONBLOCK);
	WAIT_UNTIL((log_info("read"), read(fd, text, sizeof(text)) > 0));
	close(fd);
	/* The reader is gone: that kills nobody. */
	log_info("unread");
	log_flush();
}

/* One that cannot be opened again: lines go on to the former, and it is tried again. */
static void
test_cannot_reopen(void **state)
{
	struct place *pl = *state;
	struct place former = { 0 };

	strcpy(former.path, pl->other);
	assert_int_equal(open_log(pl->target, LOG_FMT_LOGFMT, LOG_LV_INFO), 0);
	log_info("before");
	log_flush();
	assert_int_equal(rename(pl->path, pl->other), 0);
	assert_int_equal(mkdir(pl->path, 0700), 0);
	log_reopen();
	WAIT_UNTIL(log_has(&former, "cannot be opened: Is a directory"));
	log_info("meanwhile");
	WAIT_UNTIL(log_has(&former, "msg=meanwhile"));
	assert_int_equal(rmdir(pl->path), 0);
	WAIT_UNTIL(log_has(pl, "open again"));
	log_info("after");
	WAIT_UNTIL(log_has(pl, "msg=after"));
	assert_false(log_has(&former, "msg=after"));
}

/* Its sanitizer lets no child of a process with threads make one. */
#ifdef __SANITIZE_THREAD__
#define FLUSH_BEFORE_FORK true
#else
#define FLUSH_BEFORE_FORK false
#endif

/* A forked child has a writer of its own; its parent's lines are not said twice. */
static void
test_fork(void **state)
{
	struct place *pl = *state;
	int status, i;
	char text[4096], *at;
	pid_t pid;

	assert_int_equal(open_log(pl->target, LOG_FMT_LOGFMT, LOG_LV_INFO), 0);
	for (i = 0; i < 5; i++) {
		log_info("parent %d", i);
		if (FLUSH_BEFORE_FORK || i % 2 == 0)
			log_flush();
		if ((pid = fork()) == 0) {
			log_info("child %d", i);
			log_flush();
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
	read_log(pl, text, sizeof(text));
	for (i = 0, at = text; (at = strchr(at, '\n')) != NULL; at++)
		i++;
	assert_int_equal(i, 10);
	assert_non_null(strstr(text, "child 4"));
}

/* A file at its limit takes no more; what is lost is said when it takes again. */
static void
test_full(void **state)
{
	struct place *pl = *state;
	struct rlimit former, limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &former), 0);
	limit = former;
	limit.rlim_cur = 100;
	signals_start();
	assert_int_equal(open_log(pl->target, LOG_FMT_LOGFMT, LOG_LV_INFO), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	log_info("a line that fits");
	log_flush();
	log_info("one that does not");
	log_flush();
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &former), 0);
	log_info("room again");
	log_flush();
	assert_true(log_has(pl, "\ntime="));
	assert_true(log_has(pl, "msg=\"1 line was lost\"\n"));
	assert_true(log_has(pl, "msg=\"room again\"\n"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_logfmt, setup, teardown),
		cmocka_unit_test_setup_teardown(test_json, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reopen, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_target, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stalled_reader, setup, teardown),
		cmocka_unit_test_setup_teardown(test_turn_from_stalled, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_reader, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cannot_reopen, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fork, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full, setup, teardown)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
