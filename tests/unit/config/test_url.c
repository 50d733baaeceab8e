/* URLs taken apart. */
#include <string.h>

#include "config/url.h"
#include "unit.h"

struct good {
	const char *str;
	const char *host;
	const char *port;		/* NULL: none */
	const char *rest;
	bool user;
	bool loopback;
};

static const struct good goods[] = {
	{ "https://crm.example", "crm.example", NULL, "", false, false },
	{ "https://crm.example:8443/a?b#c", "crm.example", "8443", "/a?b#c", false, false },
	{ "https://crm.example?b:c@d", "crm.example", NULL, "?b:c@d", false, false },
	{ "https://me@crm.example/", "crm.example", NULL, "/", true, false },
	{ "https://[2001:db8::1]:1/", "[2001:db8::1]", "1", "/", false, false },
	{ "http://[::1]", "[::1]", NULL, "", false, true },
	{ "http://localhost", "localhost", NULL, "", false, true },
	{ "http://localhost.example", "localhost.example", NULL, "", false, false },
	{ "http://127.0.0.1", "127.0.0.1", NULL, "", false, true },
	{ "http://128.0.0.1", "128.0.0.1", NULL, "", false, false },
	{ "http://localhost@crm.example", "crm.example", NULL, "", true, false },
};

static const char *const bads[] = { "", "https", "https:", "https:/", "https://",
    "://crm.example", "https:///x", "https://:80/", "https://crm.example:/",
    "https://crm.example:x", "https://crm.example:123456", "https://[::1/",
    "https://[::1]x/", "https://crm.example/a b", "https://crm\texample",
    "https://crm.example/\n", "ht tps://crm.example", "https://me@/x" };

static void
good_urls(void **state)
{
	struct url url;

	(void)state;
	for (size_t i = 0; i < COUNT(goods); i++) {
		const struct good *g = &goods[i];

		assert_true(url_split(g->str, &url));
		assert_int_equal(url.host_len, strlen(g->host));
		assert_memory_equal(url.host, g->host, url.host_len);
		assert_int_equal(url.port == NULL, g->port == NULL);
		if (g->port != NULL)
			assert_memory_equal(url.port, g->port, url.port_len);
		assert_string_equal(url.rest, g->rest);
		assert_int_equal(url.user != NULL, g->user);
		assert_int_equal(url_is_loopback(&url), g->loopback);
		assert_true(url_is(&url, "HTTP") || url_is(&url, "HTTPS"));
		assert_false(url_is(&url, "htt"));
	}
}

static void
bad_urls(void **state)
{
	struct url url;

	(void)state;
	for (size_t i = 0; i < COUNT(bads); i++)
		if (url_split(bads[i], &url))
			fail_msg("\"%s\" is taken", bads[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_urls),
		cmocka_unit_test(bad_urls),
	};

	return cmocka_run_group_tests_name("config url", tests, NULL, NULL);
}
