#include "unit.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "program/program.h"
#include "program/runner.h"

static const struct program_variables variables = {
	.id = "0190-x", .event = "lead.created",
	.received_at = "2026-01-01T00:00:00.000Z", .source = "default",
	.destination = "crm"
};

#define PATIENCE_MS 120000
#define NOBODY 61236			/* of no account */

static struct program_pool *pool;

/* Run a program on an input, NULL to compile it. */
static enum program_state
run(const char *text, const char *input, struct buf *out)
{
	struct program_run one = {
		.text = text, .input = input,
		.len = input != NULL ? strlen(input) : 0, .variables = variables
	};

	return program_run(pool, &one, PATIENCE_MS, out);
}

static int
set_up(void **state)
{
	(void)state;
	pool = program_pool_new();
	return pool != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	program_pool_free(pool);
	return 0;
}

static void
test_outcomes(void **state)
{
	static const struct {
		const char *name, *text, *input;
		enum program_state want;
		const char *output;	/* NULL: any; for errors a part of it */
	} cases[] = {
		{ "identity", ".", "{\"b\":1,\"a\":[1.5,\"\xc3\xa9\"]}", PROGRAM_OUTPUT,
		    "{\"b\":1,\"a\":[1.5,\"\xc3\xa9\"]}" },
		{ "variables", "[$id,$event,$received_at,$source,$destination]", "{}",
		    PROGRAM_OUTPUT, "[\"0190-x\",\"lead.created\","
		    "\"2026-01-01T00:00:00.000Z\",\"default\",\"crm\"]" },
		{ "definitions and a comment", "def f: .x + 1;\nf # more", "{\"x\":1}",
		    PROGRAM_OUTPUT, "2" },
		{ "no output", "empty", "{}", PROGRAM_EMPTY, "" },
		{ "no output by choice", "select(false)", "{}", PROGRAM_EMPTY, "" },
		{ "the first of none", "first(empty)", "{}", PROGRAM_EMPTY, "" },
		{ "at most one of none", "limit(1; empty)", "{}", PROGRAM_EMPTY, "" },
		{ "an iteration over nothing", ".[]", "{}", PROGRAM_EMPTY, "" },
		{ "an error that is caught", "try error(\"x\")", "{}", PROGRAM_EMPTY, "" },
		{ "a null error that is caught", "try error(null)", "{}", PROGRAM_EMPTY, "" },
		{ "a null error in a handler's hands", "try error(null) catch 7", "{}",
		    PROGRAM_OUTPUT, "7" },
		{ "an optional one", ".a.b?", "{\"a\":1}", PROGRAM_EMPTY, "" },
		{ "the error of empty", "error(empty)", "{}", PROGRAM_EMPTY, "" },
		{ "a break", "label $out | 1, break $out, 2", "{}", PROGRAM_OUTPUT, "1" },
		{ "a break before", "label $out | break $out", "{}", PROGRAM_EMPTY, "" },
		{ "alternative destructuring", ". as [$a] ?// $a | $a", "{}",
		    PROGRAM_OUTPUT, "{}" },
		{ "an output that looks like ours", "0", "{}", PROGRAM_OUTPUT, "0" },
		{ "an array", "[1]", "{}", PROGRAM_OUTPUT, "[1]" },
		{ "null is an output", "null", "{}", PROGRAM_OUTPUT, "null" },
		{ "a comment that goes on", ". # \\", "{}", PROGRAM_OUTPUT, "{}" },
		{ "a null error", "error(null)", "{}", PROGRAM_ERROR, "null" },
		{ "a member that is not there", "error(.reason)", "{}", PROGRAM_ERROR,
		    "null" },
		{ "a null error in one branch", "if .a == null then error(.b) else .a end",
		    "{}", PROGRAM_ERROR, "null" },
		{ "a null error from null", "null | error", "{}", PROGRAM_ERROR, "null" },
		{ "a null error in a path", "path(error(null))", "{}", PROGRAM_ERROR, "null" },
		{ "a null error in an update", ".a |= error(null)", "{}", PROGRAM_ERROR,
		    "null" },
		{ "a null error in a function", "def f: error(null); [f]", "{}",
		    PROGRAM_ERROR, "null" },
		{ "a null error in a reduction", "reduce (1, error(null)) as $x (0; .)", "{}",
		    PROGRAM_ERROR, "null" },
		{ "an output, then a null error", "1, error(null)", "{}", PROGRAM_ERROR,
		    "null" },
		{ "an error raised again", "try error(null) catch error", "{}",
		    PROGRAM_ERROR, "null" },
		{ "an error in a path", "path(1)", "{}", PROGRAM_ERROR, NULL },
		{ "an error under alternatives", ". as [$a] ?// [$a] | error(null)", "[1]",
		    PROGRAM_ERROR, NULL },
		{ "false is an output", ".a", "{\"a\":false}", PROGRAM_OUTPUT, "false" },
		{ "two outputs", "1, 2", "{}", PROGRAM_ERROR, "more than one" },
		{ "output, then an error", "1, error(\"x\")", "{}", PROGRAM_ERROR, "x" },
		{ "error with text", "error(\"no branch\")", "{}", PROGRAM_ERROR, "no branch" },
		{ "error with an object", "error({a:1})", "{}", PROGRAM_ERROR, "{\"a\":1}" },
		{ "type error", ".a.b", "{\"a\":1}", PROGRAM_ERROR, "Cannot index" },
		{ "syntax", "{", "{}", PROGRAM_FAULTY, "syntax error" },
		{ "unknown function", "frobnicate", "{}", PROGRAM_FAULTY, "frobnicate" },
		{ "include", "include \"x\"; .", "{}", PROGRAM_FAULTY, NULL },
		{ "halt", "halt", "{}", PROGRAM_ERROR, "halt" },
		{ "an output, then halt", "1, halt", "{}", PROGRAM_ERROR, "halt" },
		{ "halt with words", "\"no office\\n\" | halt_error", "{}", PROGRAM_ERROR,
		    "no office" },
		{ "halt with a value", "{a:1} | halt_error(1)", "{}", PROGRAM_ERROR,
		    "{\"a\":1}" },
		{ "halt in try", "try (\"no\" | halt_error) catch 1", "{}", PROGRAM_ERROR,
		    "no" },
		{ "after halt", ".", "{}", PROGRAM_OUTPUT, "{}" },
		{ "no environment", "env | length", "{}", PROGRAM_OUTPUT, "0" },
		{ "no environment by name", "$ENV | length", "{}", PROGRAM_OUTPUT, "0" },
		{ "no further input", "[inputs]", "{}", PROGRAM_OUTPUT, "[]" },
		{ "none of them", "inputs", "{}", PROGRAM_EMPTY, "" },
		{ "another input", "[., input]", "{}", PROGRAM_ERROR, "only one" },
		{ "another input, again and again", "repeat(input)", "{}", PROGRAM_ERROR,
		    "only one" },
		{ "another input, perhaps", "try input catch 7", "{}", PROGRAM_OUTPUT, "7" },
		{ "the line of the input", "input_line_number", "{}", PROGRAM_ERROR,
		    "line number" },
		{ "the name of the input", "input_filename", "{}", PROGRAM_OUTPUT, "null" },
		{ "a module's description", "\"x\" | modulemeta", "{}", PROGRAM_ERROR,
		    "not found" },
		{ "where modules are", "get_search_list", "{}", PROGRAM_OUTPUT, "[]" },
		{ "a place in it", "$__loc__.line", "{}", PROGRAM_OUTPUT, "1" },
		{ "a break from nowhere", "break $out", "{}", PROGRAM_FAULTY, "out" },
		{ "a path that is none", "getpath(5)", "{}", PROGRAM_ERROR, "array" },
		{ "no words", "error(\"\")", "{}", PROGRAM_ERROR, "without words" },
		{ "halt without words", "\"\\n\" | halt_error", "{}", PROGRAM_ERROR,
		    "without words" },
		{ "stderr", "stderr", "{}", PROGRAM_OUTPUT, "{}" },
		{ "debug", "debug", "{}", PROGRAM_OUTPUT, "{}" },
		{ "endless loop", "def f: f; f", "{}", PROGRAM_ERROR, "second" },
		{ "endless growth", "\"x\" * 1000 | until(false; . + .)", "{}", PROGRAM_ERROR, "64 MB" },
		{ "endless depth", "def f: 1 + f; f", "{}", PROGRAM_ERROR, "64 MB" },
		{ "huge output", "[range(300000)]", "{}", PROGRAM_ERROR, "1 MB" },
		{ "huge message", "error(\"x\" * 5000000)", "{}", PROGRAM_ERROR, "xxx" },
		{ "no JSON", ".", "{", PROGRAM_ERROR, NULL }
	};
	struct buf out = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		enum program_state got = run(cases[i].text, cases[i].input, &out);

		assert_true(out.len <= 4096 || got == PROGRAM_OUTPUT);
		if (got != cases[i].want || (cases[i].output != NULL &&
		    (got == PROGRAM_OUTPUT ? strcmp(out.data, cases[i].output) != 0 :
		    strstr(out.data, cases[i].output) == NULL)))
			fail_msg("%s: %d %s", cases[i].name, (int)got, out.data);
	}
	buf_free(&out);
}

static void
test_many_runs(void **state)
{
	const char *add = ".n + 1", *fail = "error(\"no\")", *loop = "def f: f; f";
	struct buf out = { 0 };
	char input[32], want[32];
	int i;

	(void)state;
	for (i = 0; i < 1100; i++) {
		snprintf(input, sizeof(input), "{\"n\":%d}", i);
		snprintf(want, sizeof(want), "%d", i + 1);
		assert_int_equal(run(add, input, &out), PROGRAM_OUTPUT);
		assert_string_equal(out.data, want);
		if (i % 50 == 0)	/* an error, even a crash, is no end */
			assert_int_equal(run(fail, input, &out), PROGRAM_ERROR);
		if (i == 250)
			assert_int_equal(run(loop, input, &out), PROGRAM_ERROR);
	}
	buf_free(&out);
}

static void
test_large_input(void **state)
{
	struct buf in = { 0 }, out = { 0 };
	int i;

	(void)state;
	buf_puts(&in, "{\"s\":\"");
	for (i = 0; i < 100000; i++)
		buf_puts(&in, "0123456789");
	buf_puts(&in, "\"}");
	assert_int_equal(run(".s | length", in.data, &out), PROGRAM_OUTPUT);
	assert_string_equal(out.data, "1000000");
	for (i = 0; i < 1700000; i++)
		buf_puts(&in, "          ");
	assert_int_equal(run(".s | length", in.data, &out), PROGRAM_ERROR);
	assert_non_null(strstr(out.data, "16 MB"));
	buf_free(&in);
	buf_free(&out);
}

static void
test_compile(void **state)
{
	const char *good = ".a", *bad = "][";
	struct buf why = { 0 };
	char text[32];
	int i;

	(void)state;
	assert_int_equal(run(good, NULL, &why), PROGRAM_EMPTY);
	assert_int_equal(run(good, NULL, &why), PROGRAM_EMPTY);
	for (i = 0; i < 2; i++) {
		assert_int_equal(run(bad, NULL, &why), PROGRAM_FAULTY);
		assert_non_null(strstr(why.data, "syntax error"));
		assert_null(strstr(why.data, "$received_at"));
		assert_null(strstr(why.data, "|[.])"));
	}
	/* Texts that come and go, as when a file is edited again and again. */
	for (i = 0; i < 20; i++) {
		snprintf(text, sizeof(text), ".a + %d", i);
		assert_int_equal(run(text, "{\"a\":1}", &why), PROGRAM_OUTPUT);
		assert_int_equal(atoi(why.data), i + 1);
		assert_int_equal(run(good, "{\"a\":1}", &why), PROGRAM_OUTPUT);
		assert_string_equal(why.data, "1");
	}
	buf_free(&why);
}

/* --- processes ------------------------------------------------------------ */

/* The name, state and parent of a process.  False: it has ended. */
static bool
look_at(const char *pid, char name[64], int *parent)
{
	char path[300], text[256] = "", *start, *end;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	if ((f = fopen(path, "r")) == NULL)
		return false;
	(void)fread(text, 1, sizeof(text) - 1, f);
	(void)fclose(f);
	start = strchr(text, '(');
	end = strrchr(text, ')');
	if (start == NULL || end == NULL || end[2] == 'Z' || end[2] == 'X')
		return false;
	*end = '\0';
	(void)snprintf(name, 64, "%s", start + 1);
	*parent = atoi(end + 4);
	return true;
}

/* A child of ${of} with that name; 0: none. */
static pid_t
child_named(const char *wanted, pid_t of)
{
	struct dirent *entry;
	DIR *proc = opendir("/proc");
	pid_t pid = 0;
	char name[64];
	int parent;

	assert_non_null(proc);
	while (pid == 0 && (entry = readdir(proc)) != NULL)
		if (isdigit((unsigned char)entry->d_name[0]) &&
		    look_at(entry->d_name, name, &parent) && parent == (int)of &&
		    strcmp(name, wanted) == 0)
			pid = (pid_t)atoi(entry->d_name);
	(void)closedir(proc);
	return pid;
}

static bool
is_running(pid_t pid)
{
	char text[32], name[64];
	int parent;

	(void)snprintf(text, sizeof(text), "%d", (int)pid);
	return look_at(text, name, &parent);
}

static pid_t
runner_pid(void)
{
	return child_named("leadrelay-jq", getpid());
}

/* It is as if nothing had been there: no environment, no descriptor, no privilege. */
static void
test_nothing_of_ours(void **state)
{
	struct buf out = { 0 };
	char path[64], text[4096] = "";
	pid_t pid;
	FILE *f;
	int fd;

	(void)state;
	assert_int_equal(setenv("LEADRELAY_CANARY", "x", 1), 0);
	assert_int_equal(run(".", "{}", &out), PROGRAM_OUTPUT);
	pid = runner_pid();
	assert_int_not_equal(pid, 0);
	(void)snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
	assert_non_null(f = fopen(path, "r"));
	assert_int_equal(fgetc(f), EOF);
	(void)fclose(f);
	for (fd = 3; fd < 100; fd++) {
		(void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, fd);
		assert_int_equal(access(path, F_OK), -1);
	}
	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	assert_non_null(f = fopen(path, "r"));
	(void)fread(text, 1, sizeof(text) - 1, f);
	(void)fclose(f);
	assert_non_null(strstr(text, "NoNewPrivs:\t1\n"));
	buf_free(&out);
}

/* Whoever ends a runner, whenever, blames no program. */
static void
test_killed(void **state)
{
	const char *program = ".n";
	struct buf out = { 0 };
	pid_t pid;
	int i;

	(void)state;
	for (i = 0; i < 20; i++) {
		assert_int_equal(run(program, "{\"n\":1}", &out), PROGRAM_OUTPUT);
		pid = runner_pid();
		assert_int_not_equal(pid, 0);
		assert_int_equal(kill(pid, SIGKILL), 0);
		while (is_running(pid))
			(void)poll(NULL, 0, 1);
	}
	buf_free(&out);
}

struct counted {
	struct program_run run;
	enum program_state state;
	int done;
};

static void
count_done(struct program_run *run, enum program_state state, const struct buf *out)
{
	struct counted *c = (struct counted *)run;

	(void)out;
	c->state = state;
	c->done++;
}

/* Killed in the midst of a run: repeated, and nobody notices. */
static void
test_killed_while_running(void **state)
{
	static const char text[] = "reduce range(100000) as $i (0; . + 1)";
	struct counted c = { .run = { .text = text, .input = "{}", .len = 2,
	    .variables = variables, .done = count_done } };
	int kills = 0;
	pid_t pid, last = 0;

	(void)state;
	program_submit(pool, &c.run);
	while (c.done == 0) {
		program_pool_wait(pool, 1);
		pid = runner_pid();
		if (pid != 0 && pid != last && kills < 2) {
			(void)kill(pid, SIGKILL);
			last = pid;
			kills++;
		}
	}
	assert_int_equal(kills, 2);
	assert_int_equal(c.state, PROGRAM_OUTPUT);
	assert_int_equal(c.done, 1);
}

/* One that is stopped is given up for another, and never waited for at the end. */
static void
test_stopped(void **state)
{
	struct buf out = { 0 };
	pid_t pid;

	(void)state;
	assert_int_equal(run(".", "{}", &out), PROGRAM_OUTPUT);
	pid = runner_pid();
	assert_int_equal(kill(pid, SIGSTOP), 0);
	assert_int_equal(run(".", "{}", &out), PROGRAM_OUTPUT);
	assert_int_not_equal(runner_pid(), pid);
	assert_int_equal(kill(runner_pid(), SIGSTOP), 0);
	program_pool_free(pool);
	assert_int_equal(runner_pid(), 0);
	pool = program_pool_new();
	assert_non_null(pool);
	buf_free(&out);
}

/* Nobody waits longer than he wants to, and what comes late is of use. */
static void
test_no_answer_in_time(void **state)
{
	struct program_run late = { .text = ".m" };
	struct buf out = { 0 };

	(void)state;
	assert_int_equal(run(".n", NULL, &out), PROGRAM_EMPTY);
	assert_int_equal(kill(runner_pid(), SIGSTOP), 0);
	assert_int_equal(program_run(pool, &late, 50, &out), PROGRAM_TROUBLE);
	assert_string_equal(out.data, "its process does not answer");
	assert_int_equal(kill(runner_pid(), SIGCONT), 0);
	assert_int_equal(run(".m", "{\"m\":7}", &out), PROGRAM_OUTPUT);
	assert_string_equal(out.data, "7");
	buf_free(&out);
}

/* What a runner holds already, however much, is not taken from a run's memory. */
static void
test_many_programs(void **state)
{
	struct buf text = { 0 }, out = { 0 };
	int i, k;

	(void)state;
	for (i = 0; i < 80; i++) {
		buf_reset(&text);
		for (k = 0; k < 300; k++)
			buf_printf(&text, ".a%d.b%d, ", i, k);
		buf_puts(&text, "1 | select(. == 1)");
		assert_int_equal(run(text.data, NULL, &out), PROGRAM_EMPTY);
	}
	assert_int_equal(run("[range(250000)] | length", "{}", &out), PROGRAM_OUTPUT);
	assert_string_equal(out.data, "250000");
	buf_free(&text);
	buf_free(&out);
}

/* A program that is compiled for a while. */
static void
long_program(struct buf *text)
{
	int i;

	for (i = 0; i < 9000; i++)
		buf_puts(text, "try ");
	buf_puts(text, ".");
}

/* Whatever ends a runner while it compiles is not the program's fault. */
static void
test_crash_while_compiling(void **state)
{
	const struct rlimit nothing = { 1, 1 };
	struct counted c = { .run = { .done = count_done } };
	struct buf text = { 0 }, out = { 0 };
	int i;

	(void)state;
	long_program(&text);
	c.run.text = text.data;
	assert_int_equal(run(".", NULL, &out), PROGRAM_EMPTY);
	program_submit(pool, &c.run);
	for (i = 0; c.done == 0; i++) {
		if (i == 5)
			assert_int_equal(kill(runner_pid(), SIGSEGV), 0);
		program_pool_wait(pool, 1);
	}
	assert_true(i > 5);
	assert_int_equal(c.state, PROGRAM_EMPTY);
	/* Out of memory; the next one has what it needs. */
	assert_int_equal(prlimit(runner_pid(), RLIMIT_AS, &nothing, NULL), 0);
	assert_int_equal(run(".more", NULL, &out), PROGRAM_EMPTY);
	buf_free(&text);
	buf_free(&out);
}

/* No runner can be had: trouble, and over as soon as one can. */
static void
test_no_processes(void **state)
{
	struct rlimit few = { 1, 1 }, more;
	uid_t root = getuid();
	struct buf out = { 0 };

	(void)state;
	/* Such limits are not root's. */
	assert_int_equal(setresuid(getuid() == 0 ? NOBODY : (uid_t)-1,
	    getuid() == 0 ? NOBODY : (uid_t)-1, (uid_t)-1), 0);
	assert_int_equal(run(".", NULL, &out), PROGRAM_EMPTY);
	assert_int_equal(kill(runner_pid(), SIGKILL), 0);
	assert_int_equal(getrlimit(RLIMIT_NPROC, &more), 0);
	few.rlim_max = more.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NPROC, &few), 0);
	assert_int_equal(run(".", "{}", &out), PROGRAM_TROUBLE);
	if (strstr(out.data, strerror(EAGAIN)) == NULL)
		fail_msg("%s", out.data);
	assert_int_equal(setrlimit(RLIMIT_NPROC, &more), 0);
	assert_int_equal(run(".", "{}", &out), PROGRAM_OUTPUT);
	program_pool_free(pool);
	assert_int_equal(setresuid((uid_t)-1, root, root), 0);
	assert_int_equal(setresuid(root, (uid_t)-1, (uid_t)-1), 0);
	pool = program_pool_new();
	assert_non_null(pool);
	buf_free(&out);
}

/* A second of processor time, however long that takes: the wall clock is no judge. */
static void
test_busy_machine(void **state)
{
	const char *program = "reduce range(200000) as $i (0; . + 1)";
	struct buf out = { 0 };
	pid_t burners[8];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(burners); i++)
		if ((burners[i] = fork()) == 0)
			for (;;)
				continue;
	assert_int_equal(run(program, "{}", &out), PROGRAM_OUTPUT);
	for (i = 0; i < COUNT(burners); i++) {
		(void)kill(burners[i], SIGKILL);
		(void)waitpid(burners[i], NULL, 0);
	}
	buf_free(&out);
}

/* One group's endless program does not keep the others waiting. */
static void
test_groups(void **state)
{
	const char *loop = "def f: f; f", *quick = ".";
	struct counted bad[8], good = { .run = { .text = quick, .input = "{}",
	    .len = 2, .variables = variables, .group = &good, .done = count_done } };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(bad); i++) {
		bad[i] = (struct counted){ .run = { .text = loop, .input = "{}",
		    .len = 2, .variables = variables, .group = bad, .done = count_done } };
		program_submit(pool, &bad[i].run);
	}
	program_submit(pool, &good.run);
	while (good.done == 0)
		program_pool_wait(pool, 1000);
	assert_int_equal(bad[1].done, 0);
	for (i = 0; i < COUNT(bad); i++)
		if (bad[i].done == 0)
			program_cancel(pool, &bad[i].run);
	assert_int_equal(program_pool_wake_ms(pool), INT64_MAX);
}

int
main(int argc, char **argv)
{
	const char *sanitizer = getenv("LEADRELAY_SANITIZER");

	/* It puts signals off, the one that ends an endless program among them. */
	if (sanitizer != NULL && strcmp(sanitizer, "thread") == 0)
		return 77;
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_outcomes), T(test_many_runs), T(test_large_input),
		T(test_compile), T(test_nothing_of_ours), T(test_killed),
		T(test_killed_while_running), T(test_stopped),
		T(test_no_answer_in_time), T(test_many_programs), T(test_crash_while_compiling), T(test_no_processes),
		T(test_busy_machine), T(test_groups)
	};

	if (runner_is_this(argc, argv))
		runner_main();
	log_form(LOG_FMT_LOGFMT, LOG_LV_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
