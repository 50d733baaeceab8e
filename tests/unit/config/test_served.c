/* What the web server must not be able to serve. */
#include "files.h"

struct served {
	const char *name;
	const char *text;
	const char *setting;		/* what config_served_by says of "www" */
};

/* The configuration lies in the folder, the document root is www inside it. */
static const struct served cases[] = {
	{ "all outside", SMALLEST, NULL },
	{ "secret inside", "source { secret_file = www/secret }\n"
	    "destination x { url = \"https://x.example\" }\n", "secret_file" },
	{ "the second source's", "source a { path = /a secret_file = secret }\n"
	    "source b { path = /b secret_file = www/sub/../secret }\n"
	    "destination x { url = \"https://x.example\" }\n", "secret_file" },
	{ "a link from inside to outside", "source { secret_file = www/out }\n"
	    "destination x { url = \"https://x.example\" }\n", "secret_file" },
	{ "a link from outside to inside", "source { secret_file = in }\n"
	    "destination x { url = \"https://x.example\" }\n", "secret_file" },
	{ "a folder that is a link", "source { secret_file = web/secret }\n"
	    "destination x { url = \"https://x.example\" }\n", "secret_file" },
	{ "a folder of similar name", "source { secret_file = www2/secret }\n"
	    "destination x { url = \"https://x.example\" }\n", NULL },
	{ "store inside, not made yet", SMALLEST
	    "store { url = \"sqlite:www/new/deep/outbox.db\" }\n", "store" },
	{ "store outside, not made yet", SMALLEST
	    "store { url = \"sqlite:new/outbox.db\" }\n", NULL },
	{ "credential inside", "source { secret_file = secret }\n"
	    "destination x { url = \"https://x.example\" bearer_file = www/secret }\n",
	    "bearer_file" },
	{ "url inside", "source { secret_file = secret }\n"
	    "destination x { url_file = www/address }\n", "url_file" },
};

static void
make_web(void)
{
	write_basics();
	assert_int_equal(mkdir("www", 0755), 0);
	assert_int_equal(mkdir("www/sub", 0755), 0);
	assert_int_equal(mkdir("www2", 0755), 0);
	write_file("www/secret", SECRET_TEXT "\n", 0600);
	write_file("www/address", "https://x.example/y\n", 0600);
	write_file("www2/secret", SECRET_TEXT "\n", 0600);
	assert_int_equal(symlink("../secret", "www/out"), 0);
	assert_int_equal(symlink("www/secret", "in"), 0);
	assert_int_equal(symlink("www", "web"), 0);
}

static void
below_root(void **state)
{
	(void)state;
	make_web();
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct config *c = load_good(cases[i].text);
		const char *got = config_served_by(c, "www");

		if ((got == NULL) != (cases[i].setting == NULL) ||
		    (got != NULL && strcmp(got, cases[i].setting) != 0))
			fail_msg("%s: got %s", cases[i].name,
			    got == NULL ? "nothing" : got);
		config_free(c);
	}
}

static void
other_roots(void **state)
{
	struct config *c;

	make_web();
	c = load_good(SMALLEST);
	assert_string_equal(config_served_by(c, *state), "configuration");
	assert_string_equal(config_served_by(c, "www/.."), "configuration");
	assert_string_equal(config_served_by(c, "/"), "configuration");
	assert_null(config_served_by(c, "none"));
	assert_null(config_served_by(c, ""));
	assert_null(config_served_by(c, NULL));
	config_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(below_root, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(other_roots, make_folder, remove_folder),
	};

	return cmocka_run_group_tests_name("config served", tests, NULL, NULL);
}
