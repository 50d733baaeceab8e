#include "unit.h"

#include <string.h>

#include "cli/args.h"
#include "cli/help.h"

static const struct args_command commands[] = {
	{ "one", "URL", 1, 1, "does one thing", "Details.\n", NULL, {
		{ "alpha", "VALUE", "first" },
		{ "bravo-long-name", "ANOTHER", "second" },
		{ "charlie-long-name", "ANOTHER", "third" }
	}},
	{ "two", "", 0, 0, "does another", NULL, NULL, {{ 0 }}},
	{ 0 }
};

/* No line may be wider than a terminal. */
static void
assert_narrow(const char *text)
{
	while (*text != '\0') {
		size_t len = strcspn(text, "\n");

		assert_in_range(len, 0, 80);
		text += len + (text[len] == '\n');
	}
}

static void
one_command(void **state)
{
	struct buf out = { 0 };

	(void)state;
	help_command(&commands[0], &out);
	assert_string_equal(out.data,
	    "usage: leadrelay one URL [--alpha VALUE] [--bravo-long-name ANOTHER]\n"
	    "            [--charlie-long-name ANOTHER]\n"
	    "\ndoes one thing\n\nDetails.\n"
	    "\noptions:\n"
	    "  --alpha VALUE           first\n"
	    "  --bravo-long-name ANOTHER  second\n"
	    "  --charlie-long-name ANOTHER  third\n"
	    "  --config FILE           read the configuration from FILE\n"
	    "  --help                  show this help\n"
	    "  --version               show the version, and those of the libraries\n");
	assert_narrow(out.data);
	buf_free(&out);
}

static void
overview(void **state)
{
	struct buf out = { 0 };

	(void)state;
	help_overview(commands, &out);
	assert_non_null(strstr(out.data, "\n  one URL         does one thing\n"));
	assert_non_null(strstr(out.data, "\n  two             does another\n"));
	assert_non_null(strstr(out.data, "\n  --config FILE"));
	assert_narrow(out.data);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_command),
		cmocka_unit_test(overview),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
