#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "alert/child.h"
#include "base/clock.h"

static const char *const none[] = { NULL };

/* Start "sh -c ${script} sh ${argument}" with ${text}. */
static struct child
start(const char *script, const char *argument, const char *text)
{
	const char *argv[] = { "/bin/sh", "-c", script, "sh", argument, NULL };
	const char *const extra[] = { "LEADRELAY_ALERT_KIND=dead", NULL };
	struct buf in = { 0 }, why = { 0 };
	struct child c;

	buf_puts(&in, text);
	assert_int_equal(child_start(&c, argv, extra, &in, clock_mono_ms(), &why), 0);
	assert_null(why.data);
	buf_free(&in);
	return c;
}

/* Look until it ended, as if the clock stood at ${mono_ms} (0: as it is). */
static int
wait_for(struct child *c, int64_t mono_ms, struct buf *why)
{
	const struct timespec ms = { 0, 1000000 };
	int rc;

	while ((rc = child_look(c, mono_ms != 0 ? mono_ms : clock_mono_ms(), why)) == 0)
		nanosleep(&ms, NULL);
	assert_int_equal(c->pid, 0);
	return rc;
}

static void
test_text_and_environment(void **state)
{
	char path[] = "/tmp/leadrelay-test-XXXXXX", line[200] = "";
	int fd = mkstemp(path);
	struct buf why = { 0 };
	struct child c;
	FILE *fp;

	(void)state;
	assert_true(fd != -1);
	close(fd);
	(void)signal(SIGPIPE, SIG_IGN);
	c = start("{ echo \"$LEADRELAY_ALERT_KIND\"; cat; ls /proc/self/fd | wc -l; } "
	    ">\"$1\"; echo noise; echo noise >&2", path, "two\nwords\n");
	assert_int_equal(wait_for(&c, 0, &why), 1);
	assert_null(why.data);
	fp = fopen(path, "r");
	assert_non_null(fp);
	assert_true(fread(line, 1, sizeof(line) - 1, fp) > 0);
	fclose(fp);
	unlink(path);
	assert_memory_equal(line, "dead\ntwo\nwords\n", 15);
}

static void
test_failure(void **state)
{
	const char *const nowhere[] = { "/nonexistent/program", NULL };
	struct buf why = { 0 }, in = { 0 };
	struct child c = start("exit 3", "", "");

	(void)state;
	assert_int_equal(wait_for(&c, 0, &why), -1);
	assert_string_equal(why.data, "ended with status 3");
	buf_reset(&why);
	c = start("kill -KILL $$", "", "");
	assert_int_equal(wait_for(&c, 0, &why), -1);
	assert_string_equal(why.data, "was ended by signal 9");
	buf_reset(&why);
	assert_int_equal(child_start(&c, nowhere, none, &in, 0, &why), -1);
	assert_int_equal(c.pid, 0);
	assert_string_equal(why.data, "cannot be started: No such file or directory");
	buf_free(&why);
}

/* Whoever takes too long is killed, with all that it started: both held the FIFO. */
static void
test_limit(void **state)
{
	char folder[] = "/tmp/leadrelay-test-XXXXXX", path[64], byte;
	struct buf why = { 0 };
	struct child c;
	int64_t end;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/fifo", folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	c = start("exec 9>\"$1\"; echo up >&9; sleep 600 & sleep 600", path, "unread");
	end = c.end_mono_ms;
	fd = open(path, O_RDONLY);
	assert_true(fd != -1);
	assert_int_equal(read(fd, &byte, 1), 1);
	assert_int_equal(child_look(&c, end - 1, &why), 0);
	assert_int_equal(wait_for(&c, end, &why), -1);
	assert_string_equal(why.data, "was killed: it took too long");
	while (read(fd, &byte, 1) > 0)
		continue;
	close(fd);
	unlink(path);
	rmdir(folder);
	buf_free(&why);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_and_environment),
		cmocka_unit_test(test_failure),
		cmocka_unit_test(test_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
