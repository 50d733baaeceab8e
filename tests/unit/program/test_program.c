#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program/program.h"

static const struct program_variables variables = {
	.id = "0190-x", .event = "lead.created",
	.received_at = "2026-01-01T00:00:00.000Z", .source = "default",
	.destination = "crm"
};

static struct program_host *host;	/* made before the tests, as in the program */

/* Run one program on one input in a runner of its own. */
static enum program_state
run(const char *text, const char *input, struct buf *out)
{
	struct program_runner *r = program_runner_new(host, &text, 1);
	enum program_state state;

	assert_non_null(r);
	state = program_run(r, 0, input, strlen(input), &variables, out);
	program_runner_free(r);
	return state;
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
		{ "false is an output", ".a", "{\"a\":false}", PROGRAM_OUTPUT, "false" },
		{ "two outputs", "1, 2", "{}", PROGRAM_ERROR, "more than one" },
		{ "output, then an error", "1, error(\"x\")", "{}", PROGRAM_ERROR, "x" },
		{ "error with text", "error(\"no branch\")", "{}", PROGRAM_ERROR, "no branch" },
		{ "error with an object", "error({a:1})", "{}", PROGRAM_ERROR, "{\"a\":1}" },
		{ "type error", ".a.b", "{\"a\":1}", PROGRAM_ERROR, "Cannot index" },
		{ "syntax", "{", "{}", PROGRAM_ERROR, "syntax error" },
		{ "unknown function", "frobnicate", "{}", PROGRAM_ERROR, "frobnicate" },
		{ "include", "include \"x\"; .", "{}", PROGRAM_ERROR, NULL },
		{ "halt", "halt", "{}", PROGRAM_ERROR, "halt" },
		{ "no environment", "env | length", "{}", PROGRAM_OUTPUT, "0" },
		{ "no environment by name", "$ENV | length", "{}", PROGRAM_OUTPUT, "0" },
		{ "no further input", "[inputs]", "{}", PROGRAM_OUTPUT, "[]" },
		{ "debug", "debug", "{}", PROGRAM_OUTPUT, "{}" },
		{ "endless loop", "def f: f; f", "{}", PROGRAM_ERROR, "second" },
		{ "endless growth", "[range(1e12)]", "{}", PROGRAM_ERROR, "64 MB" },
		{ "endless depth", "def f: 1 + f; f", "{}", PROGRAM_ERROR, "64 MB" },
		{ "huge output", "[range(300000)]", "{}", PROGRAM_ERROR, "1 MB" },
		{ "no JSON", ".", "{", PROGRAM_ERROR, NULL }
	};
	struct buf out = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		enum program_state got = run(cases[i].text, cases[i].input, &out);

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
	static const char *const texts[] = { ".n + 1", "error(\"no\")", "def f: f; f" };
	struct program_runner *r = program_runner_new(host, texts, 3);
	struct buf out = { 0 };
	char input[32], want[32];
	int i;

	(void)state;
	for (i = 0; i < 500; i++) {
		snprintf(input, sizeof(input), "{\"n\":%d}", i);
		snprintf(want, sizeof(want), "%d", i + 1);
		assert_int_equal(program_run(r, 0, input, strlen(input), &variables,
		    &out), PROGRAM_OUTPUT);
		assert_string_equal(out.data, want);
		if (i % 50 == 0)	/* an error, even a crash, is no end */
			assert_int_equal(program_run(r, 1, input, strlen(input),
			    &variables, &out), PROGRAM_ERROR);
		if (i == 250)
			assert_int_equal(program_run(r, 2, input, strlen(input),
			    &variables, &out), PROGRAM_ERROR);
	}
	program_runner_free(r);
	buf_free(&out);
}

static void
test_large_input(void **state)
{
	static const char *const text = ".s | length";
	struct program_runner *r = program_runner_new(host, &text, 1);
	struct buf in = { 0 }, out = { 0 };
	int i;

	(void)state;
	buf_puts(&in, "{\"s\":\"");
	for (i = 0; i < 100000; i++)
		buf_puts(&in, "0123456789");
	buf_puts(&in, "\"}");
	assert_int_equal(program_run(r, 0, in.data, in.len, &variables, &out),
	    PROGRAM_OUTPUT);
	assert_string_equal(out.data, "1000000");
	program_runner_free(r);
	buf_free(&in);
	buf_free(&out);
}

static void
test_compile(void **state)
{
	static const char *const texts[] = { ".a", "][" };
	struct program_runner *r = program_runner_new(host, texts, 2);
	struct buf why = { 0 };

	(void)state;
	assert_int_equal(program_compile(r, 0, &why), PROGRAM_EMPTY);
	assert_int_equal(program_compile(r, 0, &why), PROGRAM_EMPTY);
	assert_int_equal(program_compile(r, 1, &why), PROGRAM_ERROR);
	assert_non_null(strstr(why.data, "syntax error"));
	program_runner_free(r);
	buf_free(&why);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_outcomes), cmocka_unit_test(test_many_runs),
		cmocka_unit_test(test_large_input), cmocka_unit_test(test_compile)
	};
	int rc;

	if (!program_available())
		return 77;
	if ((host = program_host_start()) == NULL)
		return 1;
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	program_host_stop(host);
	return rc;
}
