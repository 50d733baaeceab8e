#include "unit.h"

#include "client/target.h"

static void
refused(void **state)
{
	static const char *const urls[] = {
		"", "localhost", "localhost:80/x", "ftp://localhost/", "http:/localhost",
		"file:///etc/passwd", "http://", "http:///path", "http://:80/",
		"http://user@localhost/", "http://localhost@crm.example/",
		"http://localhost\\@crm.example/", "http://local host/",
		"http://localhost/\r\nX: y", "http://[::1/", "http://[]/",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(urls); i++) {
		struct target target = { 0 };

		assert_non_null(target_read(urls[i], &target));
		buf_free(&target.path);
	}
}

static void
taken(void **state)
{
	static const struct {
		const char *url;
		bool loopback;
		const char *path;
	} cases[] = {
		{ "http://localhost", true, "/" },
		{ "HTTP://LOCALHOST:8080/hook?x=1", true, "/hook" },
		{ "http://127.0.0.1/a/b#c", true, "/a/b" },
		{ "http://127.9.8.7?x", true, "/" },
		{ "https://[::1]:8443/", true, "/" },
		{ "https://crm.example/", false, "/" },
		{ "https://localhost.crm.example/", false, "/" },
		{ "https://127.0.0.1.crm.example/", false, "/" },
		{ "http://128.0.0.1/", false, "/" },
		{ "http://[::2]/", false, "/" },
		{ "http://10.0.0.1/", false, "/" },
		{ "http://0.0.0.0/", false, "/" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct target target = { 0 };

		assert_null(target_read(cases[i].url, &target));
		assert_int_equal(target.loopback, cases[i].loopback);
		assert_string_equal(target.path.data, cases[i].path);
		buf_free(&target.path);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused),
		cmocka_unit_test(taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
