#include "unit.h"

#include <string.h>

#include "config/config.h"
#include "intake/request.h"

static void
test_authorization(void **state)
{
	static const struct {
		const char *params[4];
		const char *from;
		const char *value;
	} cases[] = {
		{ { "A=b", NULL }, NULL, NULL },
		{ { "HTTP_AUTHORIZATION=", NULL }, NULL, NULL },
		{ { "LR_AUTH_0=", "LR_AUTH_1=x", NULL }, NULL, NULL },
		{ { "LR_AUTH_1=x", NULL }, NULL, NULL },
		{ { "XHTTP_AUTHORIZATION=x", "HTTP_AUTHORIZATIONX=y", NULL }, NULL, NULL },
		{ { "HTTP_AUTHORIZATION=a=b", NULL }, "HTTP_AUTHORIZATION", "a=b" },
		{ { "HTTP_AUTHORIZATION=", "REDIRECT_HTTP_AUTHORIZATION=r", NULL },
		    "REDIRECT_HTTP_AUTHORIZATION", "r" },
		{ { "REDIRECT_REDIRECT_HTTP_AUTHORIZATION=rr", NULL },
		    "REDIRECT_REDIRECT_HTTP_AUTHORIZATION", "rr" },
		{ { "Authorization=f", NULL }, "Authorization", "f" },
		{ { "LR_AUTH_0=one", "LR_AUTH_2=three", "LR_AUTH_1=two", NULL },
		    "LR_AUTH_0", "onetwothree" },
		{ { "LR_AUTH_0=one", "LR_AUTH_2=three", NULL }, "LR_AUTH_0", "one" },
	};
	const char *from, *value;
	struct request rq = { 0 };
	size_t i, len;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		struct buf joined = { 0 };

		rq.params = (char **)cases[i].params;
		from = request_authorization(&rq, &joined, &value, &len);
		if (cases[i].from == NULL) {
			assert_null(from);
		} else {
			assert_string_equal(from, cases[i].from);
			assert_int_equal(len, strlen(cases[i].value));
			assert_memory_equal(value, cases[i].value, len);
		}
		buf_free(&joined);
	}
}

static void
test_path(void **state)
{
	static const struct {
		const char *uri;
		const char *path;
	} cases[] = {
		{ "A=b", "" },
		{ "REQUEST_URI=", "" },
		{ "REQUEST_URI=/", "/" },
		{ "REQUEST_URI=/hook", "/hook" },
		{ "REQUEST_URI=/hook?list+--json", "/hook" },
		{ "REQUEST_URI=/hook#x", "/hook" },
		{ "REQUEST_URI=/a/b%2f?x=http://y/z", "/a/b%2f" },
		{ "REQUEST_URI=http://crm.example/hook?x", "/hook" },
		{ "REQUEST_URI=https://crm.example?x", "" },
		{ "REQUEST_URI=*", "*" },
	};
	char *params[2] = { NULL, NULL };
	struct request rq = { .params = params };
	const char *path;
	size_t i, len;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		params[0] = (char *)cases[i].uri;
		path = request_path(&rq, &len);
		assert_int_equal(len, strlen(cases[i].path));
		assert_memory_equal(path, cases[i].path, len);
	}
}

static void
test_body_keep(void **state)
{
	struct config_source sources[] = {
		{ .verify = CONFIG_VERIFY_JWT, .max_body = 1000 },
		{ .verify = CONFIG_VERIFY_NONE, .max_body = 20 },
		{ .verify = CONFIG_VERIFY_NONE, .max_body = 30 },
	};
	struct config config = { .sources = sources, .source_count = 1 };

	(void)state;
	assert_int_equal(request_body_keep(NULL), 0);
	assert_int_equal(request_body_keep(&config), 0);
	config.source_count = 3;
	assert_int_equal(request_body_keep(&config), 30);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_authorization),
		cmocka_unit_test(test_path),
		cmocka_unit_test(test_body_keep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
