/* A configuration shown: complete, without secrets, and readable again. */
#include "files.h"

#include "config/keys.h"

#define FULL \
	"source a { path = /a secret_file = secret max_age = 90s\n" \
	" office_ids = {3, -1, 2} duplicate_window = 0 max_body = 1025 }\n" \
	"source { secret_file = secret }\n" \
	"store { url = \"sqlite:outbox.db\" min_free = 3g }\n" \
	"worker { log = \"file:a \\\"b\\\" \\${c} \\\\d\" log_format = json }\n" \
	"destination crm { url = \"https://crm.example:8443/hooks/tell-nobody?key=x\"\n" \
	" header = {\"X-Office: Oxford\", \"X-Api-Key: tell-nobody\"}\n" \
	" proxy = \"http://user:tell-nobody@proxy.example:3128\"\n" \
	" bearer_file = secret success = {200-204, 409} retry = {1500ms, 1m, 90m}\n" \
	" on_dead = hold }\n" \
	"destination hook { url_file = address }\n"

static void
print_to(const struct config *config, struct buf *out)
{
	buf_reset(out);
	config_print(config, out);
	assert_true(buf_ok(out));
}

/* What is printed, loaded and printed again is the same. */
static void
round_trip(void **state)
{
	struct config *first, *second;
	struct buf one = { 0 }, two = { 0 };

	(void)state;
	write_basics();
	first = load_good(FULL);
	print_to(first, &one);
	second = load_good(one.data);
	print_to(second, &two);
	assert_string_equal(one.data, two.data);
	assert_int_equal(second->source_count, 2);
	assert_string_equal(second->worker.log, first->worker.log);
	assert_non_null(strstr(second->worker.log, "/a \"b\" ${c} \\d"));
	assert_int_equal(second->sources[0].office_count, 3);
	assert_int_equal(second->sources[0].max_body, 1025);
	assert_int_equal(second->destinations[0].retry_ms[2], 5400000);
	assert_int_equal(second->destinations[0].success[1].low, 409);
	assert_true(second->destinations[0].hold_on_dead);
	config_free(first);
	config_free(second);
	buf_free(&one);
	buf_free(&two);
}

static void
no_secrets(void **state)
{
	struct config *c;
	struct buf out = { 0 };

	(void)state;
	write_basics();
	c = load_good(FULL);
	print_to(c, &out);
	assert_null(strstr(out.data, "tell-nobody"));
	assert_null(strstr(out.data, SECRET_TEXT));
	assert_null(strstr(out.data, "secret-path"));	/* what url_file holds */
	assert_non_null(strstr(out.data, "url = \"https://crm.example:8443/\xe2\x80\xa6\"\n"));
	assert_non_null(strstr(out.data, "\"X-Office: Oxford\", \"X-Api-Key: ...\""));
	assert_non_null(strstr(out.data, "proxy = \"http://proxy.example:3128\"\n"));
	config_free(c);
	buf_free(&out);
}

/* Each key of each section is there, set or not. */
static void
every_key(void **state)
{
	struct config *c;
	struct buf out = { 0 };
	char line[80];

	(void)state;
	write_basics();
	c = load_good(SMALLEST);
	print_to(c, &out);
	for (size_t i = 0; i < keys_count; i++) {
		(void)snprintf(line, sizeof(line), "\n\t%s = ", keys_table[i].name);
		if (strstr(out.data, line) != NULL)
			continue;
		(void)snprintf(line, sizeof(line), "\n\t# %s is not set\n",
		    keys_table[i].name);
		if (strstr(out.data, line) == NULL)
			fail_msg("%s is not printed", keys_table[i].name);
	}
	config_free(c);
	buf_free(&out);
}

static void
mask_url(void **state)
{
	static const struct { const char *url; const char *shown; } cases[] = {
		{ "https://crm.example", "https://crm.example" },
		{ "https://crm.example/", "https://crm.example/" },
		{ "https://crm.example/x", "https://crm.example/\xe2\x80\xa6" },
		{ "https://crm.example?key", "https://crm.example/\xe2\x80\xa6" },
		{ "https://crm.example#key", "https://crm.example/\xe2\x80\xa6" },
		{ "https://u:p@crm.example:1/x", "https://crm.example:1/\xe2\x80\xa6" },
		{ "https://u@p@crm.example/", "https://crm.example/" },
		{ "http://[::1]:8080/x@y", "http://[::1]:8080/\xe2\x80\xa6" },
		{ "secret-without-scheme", "..." },
		{ "https://", "..." },
		{ "https://a b/secret", "..." },
		{ "", "..." },
	};
	struct buf out = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		buf_reset(&out);
		config_mask_url(cases[i].url, &out);
		assert_string_equal(out.data, cases[i].shown);
	}
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(round_trip, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(no_secrets, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(every_key, make_folder, remove_folder),
		cmocka_unit_test(mask_url),
	};

	return cmocka_run_group_tests_name("config print", tests, NULL, NULL);
}
