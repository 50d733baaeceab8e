#include "unit.h"

#include <curl/curl.h>

#include "config/config.h"
#include "relay/classify.h"

#define D CLASSIFY_DELIVERED
#define L CLASSIFY_LEAD
#define P CLASSIFY_PASSING
#define F CLASSIFY_DESTINATION

static const struct config_range usual[] = { { 200, 299 } };

/* Every status from 100 to 599, as runs of one class. */
static void
test_statuses(void **state)
{
	static const struct {
		int low, high;
		enum classify_class class;
	} expected[] = {
		{ 100, 199, P }, { 200, 299, D }, { 300, 399, F }, { 400, 400, L },
		{ 401, 405, F }, { 406, 406, L }, { 407, 407, F }, { 408, 408, P },
		{ 409, 409, L }, { 410, 410, F }, { 411, 414, L }, { 415, 415, F },
		{ 416, 420, L }, { 421, 421, F }, { 422, 422, L }, { 423, 423, P },
		{ 424, 424, L }, { 425, 425, P }, { 426, 426, F }, { 427, 428, L },
		{ 429, 429, P }, { 430, 499, L }, { 500, 500, P }, { 501, 501, F },
		{ 502, 504, P }, { 505, 505, F }, { 506, 599, P }, { 600, 999, P },
	};
	int status, next = 100;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(expected); i++) {
		assert_int_equal(expected[i].low, next);
		for (status = expected[i].low; status <= expected[i].high; status++)
			if (classify_status(usual, 1, status, false) != expected[i].class)
				fail_msg("status %d", status);
		next = expected[i].high + 1;
	}
	assert_int_equal(next, 1000);
}

static void
test_success_first(void **state)
{
	static const struct config_range odd[] = { { 201, 202 }, { 302, 302 }, { 409, 409 } };

	(void)state;
	assert_int_equal(classify_status(odd, 3, 201, false), D);
	assert_int_equal(classify_status(odd, 3, 302, false), D);
	assert_int_equal(classify_status(odd, 3, 409, false), D);
	assert_int_equal(classify_status(odd, 3, 200, false), L);
	assert_int_equal(classify_status(odd, 3, 301, false), F);
	assert_int_equal(classify_status(NULL, 0, 200, false), L);
}

static void
test_echo(void **state)
{
	(void)state;
	assert_int_equal(classify_status(usual, 1, 409, true), D);
	assert_int_equal(classify_status(usual, 1, 422, true), L);
	assert_int_equal(classify_status(usual, 1, 503, true), P);
}

static void
test_errors(void **state)
{
	static const struct {
		int code;
		enum classify_class before;
	} cases[] = {
		{ CURLE_COULDNT_RESOLVE_HOST, F }, { CURLE_COULDNT_CONNECT, F },
		{ CURLE_SSL_CONNECT_ERROR, F }, { CURLE_PEER_FAILED_VERIFICATION, F },
		{ CURLE_SSL_CACERT_BADFILE, F }, { CURLE_OPERATION_TIMEDOUT, F },
		{ CURLE_UNSUPPORTED_PROTOCOL, F }, { CURLE_URL_MALFORMAT, F },
		{ CURLE_OUT_OF_MEMORY, P }, { CURLE_ABORTED_BY_CALLBACK, P },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		assert_int_equal(classify_error(cases[i].code, false), cases[i].before);
		assert_int_equal(classify_error(cases[i].code, true), P);
	}
	assert_int_equal(classify_error(CURLE_GOT_NOTHING, true), P);
	assert_int_equal(classify_error(CURLE_RECV_ERROR, true), P);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_statuses),
		cmocka_unit_test(test_success_first),
		cmocka_unit_test(test_echo),
		cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
