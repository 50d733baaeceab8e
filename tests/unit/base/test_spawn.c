#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/signals.h"
#include "base/spawn.h"

/* What "sh -c ${script}" writes to its standard output, in an environment with ${extra}. */
static void
run(const char *script, const char *const *extra, char *out, size_t size)
{
	const char *argv[] = { "/bin/sh", "-c", script, NULL };
	char **environment = spawn_environment(extra);
	struct spawn sp = { NULL, argv, environment, -1, -1, -1 };
	int ends[2], status;
	size_t len = 0;
	ssize_t n;
	pid_t pid;

	assert_non_null(environment);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	sp.out = ends[1];
	assert_int_not_equal(pid = spawn_start(&sp), -1);
	free(environment);
	close(ends[1]);
	while ((n = read(ends[0], out + len, size - 1 - len)) > 0)
		len += (size_t)n;
	out[len] = '\0';
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void
test_environment(void **state)
{
	static const char *const extra[] = { "ONE=1", "TWO=a b=c", NULL };
	char **list;
	int i;

	(void)state;
	assert_int_equal(setenv("HTTP_AUTHORIZATION", "canary", 1), 0);
	assert_int_equal(setenv("PATH", "/canary", 1), 0);
	assert_int_equal(setenv("HOME", "/canary", 1), 0);
	list = spawn_environment(extra);
	assert_non_null(list);
	assert_string_equal(list[0], "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:"
	    "/usr/bin:/sbin:/bin");
	assert_string_equal(list[1], "SHELL=/bin/sh");
	assert_memory_equal(list[2], "HOME=/", 6);
	for (i = 0; list[i] != NULL; i++)
		assert_null(strstr(list[i], "canary"));
	assert_string_equal(list[i - 2], "ONE=1");
	assert_string_equal(list[i - 1], "TWO=a b=c");
	free(list);
}

static void
test_child(void **state)
{
	static const char *const extra[] = { "ONE=1", NULL };
	char out[4096];
	sigset_t set;
	int fd;

	(void)state;
	/* What must not be handed down. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR1);
	assert_int_equal(sigprocmask(SIG_BLOCK, &set, NULL), 0);
	assert_int_not_equal(fd = open("/dev/zero", O_RDONLY), -1);
	run("grep -E '^Sig(Blk|Ign)' /proc/self/status; "
	    "for n in 0 1 2 3 4 5 6 7 8 9; do readlink /proc/$$/fd/$n; done; "
	    "echo one=$ONE; test $$ = $(cut -d' ' -f5 /proc/$$/stat) && echo leads",
	    extra, out, sizeof(out));
	assert_non_null(strstr(out, "SigBlk:\t0000000000000000\n"));
	assert_true(strtoull(strstr(out, "SigIgn:\t") + 8, NULL, 16) << 33 == 0);
	assert_memory_equal(strchr(strchr(out, '\n') + 1, '\n') + 1,
	    "/dev/null\npipe:", 15);
	assert_null(strstr(out, "/dev/zero"));
	assert_non_null(strstr(out, "]\n/dev/null\none=1\nleads\n"));
	close(fd);
}

static void
test_nothing_there(void **state)
{
	static const char *const argv[] = { "/nonexistent/program", NULL };
	static char *const environment[] = { NULL };
	const struct spawn sp = { NULL, argv, environment, -1, -1, -1 };

	(void)state;
	assert_int_equal(spawn_start(&sp), -1);
	assert_int_equal(errno, ENOENT);
}

static void
assert_action(int number, void (*action)(int))
{
	struct sigaction sa;

	assert_int_equal(sigaction(number, NULL, &sa), 0);
	assert_true(sa.sa_handler == action);
}

/* Whatever was handed down. */
static void
test_signals(void **state)
{
	static const int handed[] = { SIGXFSZ, SIGPIPE, SIGCHLD, SIGALRM };
	sigset_t set;
	int way;

	(void)state;
	for (way = 0; way < 2; way++) {
		for (size_t i = 0; i < sizeof(handed) / sizeof(handed[0]); i++)
			signal(handed[i], way == 0 ? SIG_IGN : SIG_DFL);
		sigfillset(&set);
		sigprocmask(SIG_SETMASK, &set, NULL);
		signals_start();
		assert_action(SIGXFSZ, SIG_IGN);
		assert_action(SIGPIPE, SIG_DFL);
		assert_action(SIGCHLD, SIG_DFL);
		assert_action(SIGALRM, SIG_DFL);
		sigprocmask(SIG_SETMASK, NULL, &set);
		assert_int_equal(sigisemptyset(&set), 1);
		signals_expect_hangups();
		assert_action(SIGPIPE, SIG_IGN);
		assert_action(SIGXFSZ, SIG_IGN);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_child),
		cmocka_unit_test(test_nothing_there),
		cmocka_unit_test(test_signals)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
