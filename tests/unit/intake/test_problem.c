#include "unit.h"

#include <json-c/json.h>
#include <string.h>

#include "intake/problem.h"

/* Every row: status, headers, and a body that is JSON of the promised form. */
static void
test_table(void **state)
{
	static const struct {
		enum problem problem;
		int status;
		const char *name;
		const char *challenge;
		const char *allow;
		bool retry;
	} cases[] = {
		{ PROBLEM_TOKEN_MISSING, 401, "token-missing",
		    "Bearer realm=\"leadrelay\"", NULL, false },
		{ PROBLEM_TOKEN_MALFORMED, 401, "token-malformed",
		    "Bearer realm=\"leadrelay\", error=\"invalid_token\"", NULL, false },
		{ PROBLEM_TOKEN_SIGNATURE, 401, "token-signature",
		    "Bearer realm=\"leadrelay\", error=\"invalid_token\"", NULL, false },
		{ PROBLEM_TOKEN_ALGORITHM, 401, "token-algorithm",
		    "Bearer realm=\"leadrelay\", error=\"invalid_token\"", NULL, false },
		{ PROBLEM_TOKEN_STALE, 401, "token-stale",
		    "Bearer realm=\"leadrelay\", error=\"invalid_token\"", NULL, false },
		{ PROBLEM_TOKEN_TOO_LARGE, 431, "token-too-large", NULL, NULL, false },
		{ PROBLEM_BODY_TOO_LARGE, 413, "body-too-large", NULL, NULL, false },
		{ PROBLEM_PAYLOAD_UNREADABLE, 400, "payload-unreadable", NULL, NULL, false },
		{ PROBLEM_BODY_UNREADABLE, 400, "body-unreadable", NULL, NULL, false },
		{ PROBLEM_CONTENT_TYPE, 415, "content-type", NULL, NULL, false },
		{ PROBLEM_RULES, 422, "rules", NULL, NULL, false },
		{ PROBLEM_METHOD, 405, "method", NULL, "POST", false },
		{ PROBLEM_ADMIN_METHOD, 405, "method", NULL, "GET, HEAD", false },
		{ PROBLEM_NOT_FOUND, 404, "not-found", NULL, NULL, false },
		{ PROBLEM_UNAVAILABLE, 503, "unavailable", NULL, NULL, true },
		{ PROBLEM_FULL, 503, "full", NULL, NULL, true },
		{ PROBLEM_CONFIGURATION, 503, "configuration", NULL, NULL, true },
	};
	struct answer answer = { 0 };
	struct json_object *body, *member;
	const char *type;
	size_t i;

	(void)state;
	assert_int_equal(COUNT(cases), PROBLEMS - 1);
	for (i = 0; i < COUNT(cases); i++) {
		problem_answer(&answer, cases[i].problem, "some-id",
		    cases[i].problem == PROBLEM_RULES ? "[{\"rule\":\"x\"}]" : NULL);
		assert_int_equal(answer.status, cases[i].status);
		assert_string_equal(answer.content_type, "application/problem+json");
		assert_int_equal(answer.retry_after_s > 0, cases[i].retry);
		if (cases[i].challenge != NULL)
			assert_string_equal(answer.challenge, cases[i].challenge);
		else
			assert_null(answer.challenge);
		if (cases[i].allow != NULL)
			assert_string_equal(answer.allow, cases[i].allow);
		else
			assert_null(answer.allow);
		body = json_tokener_parse(answer.body.data);
		assert_non_null(body);
		assert_true(json_object_object_get_ex(body, "type", &member));
		type = json_object_get_string(member);
		assert_string_equal(type + strlen(type) - strlen(cases[i].name),
		    cases[i].name);
		assert_string_equal(problem_name(cases[i].problem), cases[i].name);
		assert_true(json_object_object_get_ex(body, "title", NULL));
		assert_true(json_object_object_get_ex(body, "detail", NULL));
		assert_true(json_object_object_get_ex(body, "status", &member));
		assert_int_equal(json_object_get_int(member), cases[i].status);
		assert_true(json_object_object_get_ex(body, "id", &member));
		assert_string_equal(json_object_get_string(member), "some-id");
		assert_int_equal(json_object_object_get_ex(body, "errors", NULL),
		    cases[i].problem == PROBLEM_RULES);
		json_object_put(body);
	}
	buf_free(&answer.body);
}

static void
test_success(void **state)
{
	struct answer answer = { 0 };

	(void)state;
	problem_answer(&answer, PROBLEM_TOKEN_MISSING, NULL, NULL);
	assert_null(strstr(answer.body.data, "\"id\""));
	problem_success(&answer, false, "abc");
	assert_int_equal(answer.status, 202);
	assert_null(answer.challenge);
	assert_string_equal(answer.body.data, "{\"status\":\"accepted\",\"id\":\"abc\"}");
	problem_success(&answer, true, "abc");
	assert_int_equal(answer.status, 200);
	assert_string_equal(answer.body.data, "{\"status\":\"duplicate\",\"id\":\"abc\"}");
	buf_free(&answer.body);
}

static void
test_print(void **state)
{
	struct answer answer = { 0 };
	struct buf out = { 0 };

	(void)state;
	problem_answer(&answer, PROBLEM_METHOD, NULL, NULL);
	answer_print(&answer, false, &out);
	assert_memory_equal(out.data, "Status: 405 Method Not Allowed\r\n", 32);
	assert_non_null(strstr(out.data, "\r\nContent-Type: application/problem+json\r\n"));
	assert_non_null(strstr(out.data, "\r\nAllow: POST\r\n"));
	assert_non_null(strstr(out.data, "\r\nCache-Control: no-store\r\n"));
	assert_null(strstr(out.data, "Retry-After"));
	assert_string_equal(strstr(out.data, "\r\n\r\n") + 4, answer.body.data);
	buf_reset(&out);
	problem_answer(&answer, PROBLEM_FULL, NULL, NULL);
	answer_print(&answer, true, &out);
	assert_non_null(strstr(out.data, "\r\nRetry-After: "));
	assert_string_equal(strstr(out.data, "\r\n\r\n"), "\r\n\r\n");
	buf_free(&out);
	buf_free(&answer.body);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_success),
		cmocka_unit_test(test_print),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
