/* What doctor makes of an answer: the table, row by row. */
#include "unit.h"

#include <string.h>

#include "client/doctor.h"

static const struct {
	const char *what;
	struct doctor_answer answer;
	const char *name;		/* of the finding; NULL: none */
	const char *cure;		/* a part of it */
} cases[] = {
	{ "a probe", { 200, "probe", DOCTOR_NGINX, false, false }, NULL, NULL },
	{ "a large probe", { 200, "probe", DOCTOR_OTHER, true, true }, NULL, NULL },

	{ "stripped by Apache", { 401, "token-missing", DOCTOR_APACHE, false, false },
	    "header-stripped", "CGIPassAuth" },
	{ "stripped by nginx", { 401, "token-missing", DOCTOR_NGINX, false, false },
	    "header-stripped", "fastcgi_param HTTP_AUTHORIZATION" },
	{ "stripped by a stranger", { 401, "token-missing", DOCTOR_OTHER, false, false },
	    "header-stripped", "pass it on" },
	{ "another secret", { 401, "token-signature", DOCTOR_NGINX, false, false },
	    "secret", "secret" },
	{ "changed", { 401, "token-malformed", DOCTOR_NGINX, false, false },
	    "header-cut", "" },
	{ "no source", { 404, "not-found", DOCTOR_NGINX, false, false },
	    "path", "path of the source" },
	{ "bad configuration", { 503, "configuration", DOCTOR_NGINX, false, false },
	    "configuration", "leadrelay check" },
	{ "unavailable", { 503, "unavailable", DOCTOR_NGINX, false, false },
	    "worker", "log" },
	{ "taken for a lead", { 422, "rules", DOCTOR_NGINX, false, false },
	    "version", "" },
	{ "taken for a lead", { 202, "accepted", DOCTOR_NGINX, false, false },
	    "version", "" },
	{ "something else", { 415, "content-type", DOCTOR_NGINX, false, false },
	    "worker", "" },

	{ "dropped by Apache", { 401, "token-missing", DOCTOR_APACHE, true, false },
	    "header-dropped", "LR_AUTH_0" },
	{ "dropped", { 401, "token-missing", DOCTOR_OTHER, true, false },
	    "header-dropped", "64 KB" },
	{ "cut", { 401, "token-signature", DOCTOR_OTHER, true, false },
	    "header-cut", "64 KB" },
	{ "cut", { 401, "token-malformed", DOCTOR_NGINX, true, false },
	    "header-cut", "64 KB" },
	{ "fails when large", { 503, "unavailable", DOCTOR_NGINX, true, false },
	    "worker", "log" },

	{ "nginx hands it on", { 431, "token-too-large", DOCTOR_NGINX, true, false },
	    "header-limit", "large_client_header_buffers" },
	{ "over max_token", { 431, "token-too-large", DOCTOR_NGINX, true, true },
	    "max-token", "max_token" },
	{ "nginx's own", { 400, NULL, DOCTOR_NGINX, true, false },
	    "header-limit", "large_client_header_buffers" },
	{ "nginx's own, at once", { 400, NULL, DOCTOR_NGINX, false, false },
	    "header-limit", "large_client_header_buffers" },
	{ "Apache's own", { 400, NULL, DOCTOR_APACHE, true, false },
	    "header-limit", "LimitRequestFieldSize" },
	{ "Apache's own, HTTP/2", { 431, NULL, DOCTOR_APACHE, true, false },
	    "header-limit", "LimitRequestFieldSize" },
	{ "lighttpd's own", { 431, NULL, DOCTOR_LIGHTTPD, true, false },
	    "header-limit", "server.max-request-field-size" },
	{ "a stranger's own", { 431, NULL, DOCTOR_OTHER, true, false },
	    "header-limit", "LimitRequestFieldSize" },
	{ "connection cut", { 0, NULL, DOCTOR_NGINX, true, false },
	    "header-limit", "64 KB" },
	{ "body refused", { 413, NULL, DOCTOR_NGINX, true, false },
	    "body-limit", "client_max_body_size" },
	{ "record full, nginx", { 500, NULL, DOCTOR_NGINX, true, false },
	    "record-limit", "fastcgi_pass_request_headers" },
	{ "record full, Apache", { 500, NULL, DOCTOR_APACHE, true, false },
	    "record-limit", "CGIPassAuth" },

	{ "nobody", { 0, NULL, DOCTOR_OTHER, false, false }, "no-answer", "" },
	{ "redirect", { 301, NULL, DOCTOR_NGINX, false, false }, "redirect", "" },
	{ "login", { 401, NULL, DOCTOR_NGINX, false, false }, "login",
	    "auth_basic off" },
	{ "forbidden", { 403, NULL, DOCTOR_APACHE, false, false }, "forbidden",
	    "ModSecurity" },
	{ "no such page", { 404, NULL, DOCTOR_NGINX, false, false }, "path",
	    "location" },
	{ "a static file", { 405, NULL, DOCTOR_NGINX, false, false }, "path",
	    "location" },
	{ "a weblog", { 200, NULL, DOCTOR_APACHE, false, false }, "path", "" },
	{ "too many", { 429, NULL, DOCTOR_NGINX, true, false }, "rate-limit", "" },
	{ "no worker", { 502, NULL, DOCTOR_NGINX, false, false }, "worker",
	    "socket_group" },
	{ "no worker", { 503, NULL, DOCTOR_APACHE, false, false }, "worker",
	    "running" },
	{ "cannot start it", { 500, NULL, DOCTOR_APACHE, false, false }, "worker",
	    "error log" },
	{ "a teapot", { 418, NULL, DOCTOR_OTHER, false, false }, "unexpected", "" },
	{ "a teapot, large", { 418, NULL, DOCTOR_OTHER, true, false },
	    "unexpected", "" }
};

static void
test_table(void **state)
{
	const struct doctor_finding *finding;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		finding = doctor_judge(&cases[i].answer);
		if ((finding == NULL) != (cases[i].name == NULL))
			fail_msg("%s (%d)", cases[i].what,
			    cases[i].answer.status);
		if (finding != NULL &&
		    (strcmp(finding->name, cases[i].name) != 0 ||
		    strstr(finding->cure, cases[i].cure) == NULL))
			fail_msg("%s: %s, cure: %s", cases[i].what,
			    finding->name, finding->cure);
	}
}

/* Whatever comes, something is said of it, and a cure is named. */
static void
test_any_answer(void **state)
{
	static const char *const words[] = { NULL, "probe", "accepted",
	    "token-missing", "token-too-large", "" };
	const struct doctor_finding *finding;

	(void)state;
	for (int status = 0; status < 1000; status++)
		for (size_t i = 0; i < 6 * 4 * 4; i++) {
			struct doctor_answer answer = {
				.status = status,
				.word = words[i / 16],
				.front = (enum doctor_front)(i % 4),
				.passed = i / 4 % 2 != 0,
				.over_max_token = i / 8 % 2 != 0
			};

			finding = doctor_judge(&answer);
			if (finding == NULL)
				assert_int_equal(status, 200);
			else
				assert_true(finding->name[0] != '\0' &&
				    finding->what[0] != '\0' &&
				    finding->cure[0] != '\0');
		}
}

static void
test_front(void **state)
{
	(void)state;
	assert_int_equal(doctor_front_of(""), DOCTOR_OTHER);
	assert_int_equal(doctor_front_of("nginx/1.22.1"), DOCTOR_NGINX);
	assert_int_equal(doctor_front_of("Apache/2.4.71 (Debian)"), DOCTOR_APACHE);
	assert_int_equal(doctor_front_of("lighttpd/1.4.69"), DOCTOR_LIGHTTPD);
	assert_int_equal(doctor_front_of("Caddy"), DOCTOR_OTHER);
	assert_string_equal(doctor_front_name(DOCTOR_APACHE), "Apache");
}

static void
test_clock(void **state)
{
	const struct doctor_finding *ours, *theirs;

	(void)state;
	assert_null(doctor_judge_clock(0, 0));
	assert_null(doctor_judge_clock(29000, 0));
	assert_null(doctor_judge_clock(-29000, -90000));
	ours = doctor_judge_clock(-300000, -299000);
	theirs = doctor_judge_clock(300000, 1000);
	assert_non_null(ours);
	assert_non_null(theirs);
	assert_string_equal(ours->name, "clock");
	assert_string_equal(theirs->name, "clock");
	assert_string_not_equal(ours->what, theirs->what);
}

static void
test_store(void **state)
{
	(void)state;
	assert_null(doctor_judge_store("ok"));
	assert_non_null(strstr(doctor_judge_store("no space")->cure, "room"));
	assert_non_null(strstr(doctor_judge_store("not open")->cure, "0700"));
	assert_non_null(strstr(doctor_judge_store("")->cure, "0700"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_any_answer),
		cmocka_unit_test(test_front),
		cmocka_unit_test(test_clock),
		cmocka_unit_test(test_store)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
