#include "unit.h"

#include <string.h>

#include "config/config.h"
#include "base/secret.h"
#include "http/oauth_grant.h"

static void
test_form(void **state)
{
	char id[] = "lead relay", scope[] = "leads.write offline";
	struct config_destination config = { .oauth_client_id = id };
	struct buf form = { 0 };

	(void)state;
	oauth_grant_form(&config, "s&c=r%t+\xc3\xa9", NULL, &form);
	assert_string_equal(form.data, "grant_type=client_credentials"
	    "&client_id=lead+relay&client_secret=s%26c%3Dr%25t%2B%C3%A9");
	secret_wipe(&form);

	config.oauth_scope = scope;
	oauth_grant_form(&config, NULL, "1//refresh", &form);
	assert_string_equal(form.data, "grant_type=refresh_token"
	    "&refresh_token=1%2F%2Frefresh&client_id=lead+relay"
	    "&scope=leads.write+offline");
	secret_wipe(&form);
}

static void
test_good(void **state)
{
	static const struct {
		const char *answer, *access, *refresh;
		int64_t lifetime_ms;
	} cases[] = {
		{ "{\"access_token\":\"abc\",\"token_type\":\"bearer\"}", "abc", NULL, 0 },
		{ "{\"access_token\":\"a\\/b\",\"expires_in\":3600}", "a/b", NULL, 3540000 },
		{ "{\"access_token\":\"a\",\"expires_in\":\"3600\"}", "a", NULL, 3540000 },
		{ "{\"access_token\":\"a\",\"expires_in\":100}", "a", NULL, 90000 },
		{ "{\"access_token\":\"a\",\"expires_in\":1}", "a", NULL, 900 },
		{ "{\"access_token\":\"a\",\"expires_in\":0}", "a", NULL, 0 },
		{ "{\"access_token\":\"a\",\"expires_in\":-5}", "a", NULL, 0 },
		{ "{\"access_token\":\"a\",\"expires_in\":null}", "a", NULL, 0 },
		{ "{\"access_token\":\"a\",\"expires_in\":[]}", "a", NULL, 0 },
		{ "{\"access_token\":\"a\",\"expires_in\":1e300}", "a", NULL,
		    INT64_C(366) * 86400000 - 60000 },
		{ "{\"access_token\":\"a\",\"refresh_token\":\"next\"}", "a", "next", 0 },
		{ "{\"access_token\":\"a\",\"refresh_token\":null}", "a", NULL, 0 },
	};
	struct oauth_grant grant;
	struct buf why = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(oauth_grant_read(200, cases[i].answer,
		    strlen(cases[i].answer), &grant, &why), 0);
		assert_string_equal(grant.access.data, cases[i].access);
		if (cases[i].refresh == NULL)
			assert_int_equal(grant.refresh.len, 0);
		else
			assert_string_equal(grant.refresh.data, cases[i].refresh);
		assert_int_equal(grant.lifetime_ms, cases[i].lifetime_ms);
		oauth_grant_free(&grant);
	}
	assert_int_equal(why.len, 0);
}

static void
test_bad(void **state)
{
	static const struct {
		int status;
		const char *answer, *why;
	} cases[] = {
		{ 400, "{\"error\":\"invalid_client\",\"error_description\":\"x\"}",
		    "status 400 (invalid_client)" },
		{ 401, "", "status 401" },
		{ 503, "<html>", "status 503" },
		{ 302, "{}", "status 302" },
		{ 400, "{\"error\":\"the secret hunter2 is wrong\"}", "status 400" },
		{ 400, "{\"error\":{\"a\":1}}", "status 400" },
		{ 400, "{\"error\":\"\"}", "status 400" },
		{ 200, "", "its answer is no JSON object" },
		{ 200, "[1]", "its answer is no JSON object" },
		{ 200, "{\"access_token\":", "its answer is no JSON object" },
		{ 200, "{}", "its answer has no usable access_token" },
		{ 200, "{\"error\":\"invalid_code\"}",
		    "its answer has no usable access_token (invalid_code)" },
		{ 200, "{\"access_token\":\"\"}", "its answer has no usable access_token" },
		{ 200, "{\"access_token\":7}", "its answer has no usable access_token" },
		{ 200, "{\"access_token\":null}", "its answer has no usable access_token" },
		{ 200, "{\"access_token\":\"a\\r\\nX: y\"}",
		    "its answer has no usable access_token" },
		{ 200, "{\"access_token\":\"a\\u0000b\"}",
		    "its answer has no usable access_token" },
		{ 200, "{\"access_token\":\"a\",\"refresh_token\":\"b\\n\"}",
		    "its answer has an unusable refresh_token" },
	};
	struct oauth_grant grant;
	struct buf why = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(oauth_grant_read(cases[i].status, cases[i].answer,
		    strlen(cases[i].answer), &grant, &why), -1);
		assert_string_equal(why.data, cases[i].why);
		buf_free(&why);
		oauth_grant_free(&grant);
	}
}

static void
test_too_long(void **state)
{
	static char answer[SECRET_ONE_MAX + 64];
	struct oauth_grant grant;
	struct buf why = { 0 };
	size_t len;

	(void)state;
	strcpy(answer, "{\"access_token\":\"");
	len = strlen(answer);
	memset(answer + len, 'a', SECRET_ONE_MAX + 1);
	strcpy(answer + len + SECRET_ONE_MAX + 1, "\"}");
	assert_int_equal(oauth_grant_read(200, answer, strlen(answer), &grant, &why), -1);
	oauth_grant_free(&grant);
	buf_free(&why);
	strcpy(answer + len + SECRET_ONE_MAX, "\"}");
	assert_int_equal(oauth_grant_read(200, answer, strlen(answer), &grant, &why), 0);
	assert_int_equal(grant.access.len, SECRET_ONE_MAX);
	oauth_grant_free(&grant);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_form),
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
