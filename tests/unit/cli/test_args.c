#include "unit.h"

#include <string.h>

#include "cli/args.h"

#define WORDS_MAX 10

static const struct args_command commands[] = {
	{ "list", "", 0, 0, "list", NULL, NULL, {
		{ "limit", "N", "at most N" },
		{ "json", NULL, "as JSON" }
	}},
	{ "show", "ID", 1, 1, "show", NULL, NULL, {{ 0 }}},
	{ "retry", "ID...", 1, ARGS_ANY_NUMBER, "retry", NULL, NULL, {{ 0 }}},
	{ 0 }
};

/* Read the words; argv's array is the caller's. */
static int
read_words(const char *const *words, char **argv, struct args *args,
    struct buf *why)
{
	int argc = 1;

	argv[0] = (char *)"leadrelay";
	for (; words[argc - 1] != NULL; argc++)
		argv[argc] = (char *)words[argc - 1];
	argv[argc] = NULL;
	return args_read(argc, argv, commands, args, why);
}

static void
refused(void **state)
{
	static const struct {
		const char *words[WORDS_MAX];
		const char *why;
	} cases[] = {
		{ { "lisst" }, "unknown command lisst; did you mean list?" },
		{ { "help" }, "unknown command help; did you mean --help?" },
		{ { "quux" }, "unknown command quux" },
		{ { "" }, "unknown command " },
		{ { "list", "--jsn" }, "unknown option --jsn of list; did you mean --json?" },
		{ { "list", "--js" }, "unknown option --js of list; did you mean --json?" },
		{ { "list", "--zzzzz" }, "unknown option --zzzzz of list" },
		{ { "--limit", "3", "list" }, "unknown option --limit" },
		{ { "list", "-h" }, "unknown option -h of list; did you mean --help?" },
		{ { "--halp" }, "unknown option --halp; did you mean --help?" },
		{ { "list", "--limit" }, "--limit needs a value: --limit N" },
		{ { "--config" }, "--config needs a value: --config FILE" },
		{ { "list", "--json=yes" }, "--json takes no value" },
		{ { "--help=list" }, "--help takes no value" },
		{ { "list", "--limit", "3", "--limit=4" }, "--limit is given twice" },
		{ { "list", "--json", "--json" }, "--json is given twice" },
		{ { "--config=a", "list", "--config", "b" }, "--config is given twice" },
		{ { "show" }, "show needs ID" },
		{ { "show", "a", "b" }, "show does not take b" },
		{ { "list", "a" }, "list does not take a" },
		{ { "list", "--", "--json" }, "list does not take --json" },
		{ { "--", "--help" }, "unknown command --help" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *argv[WORDS_MAX + 2];
		struct args args;
		struct buf why = { 0 };

		assert_int_equal(read_words(cases[i].words, argv, &args, &why),
		    -1);
		assert_string_equal(why.data, cases[i].why);
		buf_free(&why);
	}
}

static void
taken(void **state)
{
	static const struct {
		const char *words[WORDS_MAX];
		const char *config;
		const char *limit;
		bool json;
	} cases[] = {
		{ { "list" }, NULL, NULL, false },
		{ { "list", "--limit", "5" }, NULL, "5", false },
		{ { "list", "--limit=5", "--json" }, NULL, "5", true },
		{ { "list", "--limit", "--json" }, NULL, "--json", false },
		{ { "list", "--limit=" }, NULL, "", false },
		{ { "list", "--limit==" }, NULL, "=", false },
		{ { "--config", "f", "list" }, "f", NULL, false },
		{ { "--config=f", "list" }, "f", NULL, false },
		{ { "list", "--config", "f", "--json" }, "f", NULL, true },
		{ { "list", "--" }, NULL, NULL, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *argv[WORDS_MAX + 2];
		struct args args;
		struct buf why = { 0 };
		const char *limit;

		assert_int_equal(read_words(cases[i].words, argv, &args, &why),
		    0);
		assert_string_equal(args.command->name, "list");
		assert_int_equal(args_flag(&args, "json"), cases[i].json);
		limit = args_value(&args, "limit");
		assert_string_equal(limit != NULL ? limit : "(none)",
		    cases[i].limit != NULL ? cases[i].limit : "(none)");
		assert_string_equal(args.config != NULL ? args.config : "(none)",
		    cases[i].config != NULL ? cases[i].config : "(none)");
		buf_free(&why);
	}
}

static void
operands(void **state)
{
	static const char *const words[] = {
		"--config", "f", "retry", "a", "--", "-", "--b", NULL
	};
	char *argv[WORDS_MAX + 2];
	struct args args;
	struct buf why = { 0 };

	(void)state;
	assert_int_equal(read_words(words, argv, &args, &why), 0);
	assert_int_equal(args.operand_count, 3);
	assert_string_equal(args.operands[0], "a");
	assert_string_equal(args.operands[1], "-");
	assert_string_equal(args.operands[2], "--b");
	buf_free(&why);
}

/* Whoever asks for help gets it, whatever else is wrong behind it. */
static void
help_wins(void **state)
{
	static const struct {
		const char *words[WORDS_MAX];
		const char *command;
		bool help, version;
	} cases[] = {
		{ { "--help" }, NULL, true, false },
		{ { "--help", "list" }, "list", true, false },
		{ { "show", "--help" }, "show", true, false },
		{ { "show", "--help", "--help" }, "show", true, false },
		{ { "show", "--help", "--bogus" }, "show", true, false },
		{ { "--version" }, NULL, false, true },
		{ { "list", "--version", "x" }, "list", false, true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *argv[WORDS_MAX + 2];
		struct args args;
		struct buf why = { 0 };

		assert_int_equal(read_words(cases[i].words, argv, &args, &why),
		    0);
		assert_int_equal(args.help != NULL, cases[i].help);
		assert_int_equal(args.version != NULL, cases[i].version);
		if (cases[i].command == NULL)
			assert_null(args.command);
		else
			assert_string_equal(args.command->name,
			    cases[i].command);
		buf_free(&why);
	}
}

static void
nothing_asked(void **state)
{
	static const char *const words[] = { NULL };
	char *argv[WORDS_MAX + 2], *none[] = { NULL };
	struct args args;
	struct buf why = { 0 };

	(void)state;
	assert_int_equal(read_words(words, argv, &args, &why), 0);
	assert_null(args.command);
	/* execve may hand over no argv[0] at all. */
	assert_int_equal(args_read(0, none, commands, &args, &why), 0);
	assert_null(args.command);
	buf_free(&why);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused),
		cmocka_unit_test(taken),
		cmocka_unit_test(operands),
		cmocka_unit_test(help_wins),
		cmocka_unit_test(nothing_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
