#include "unit.h"

#include <string.h>

#include "base/sign.h"

/*
 * The example of the Standard Webhooks specification (spec/standard-webhooks.md,
 * and the test of its reference libraries): secret, id, time, body, signature.
 */
#define EXAMPLE_SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define EXAMPLE_ID "msg_p5jXN8AQM9LWM0D4loKWxJek"
#define EXAMPLE_TIME 1614265330
#define EXAMPLE_BODY "{\"test\": 2432232314}"
#define EXAMPLE_SIGNATURE "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

static struct secret
line(const char *text)
{
	return (struct secret){ .bytes = (char *)(uintptr_t)text,
	    .len = strlen(text) };
}

static void
test_example(void **state)
{
	struct secret items[2] = { line(EXAMPLE_SECRET),
	    line("c2Vjb25kIHNlY3JldCBmb3IgdGhlIHJvdGF0aW9u") };
	struct secret_list list = { .items = items, .count = 1 };
	struct buf out = { 0 };

	(void)state;
	assert_null(sign_check(&list));
	assert_int_equal(sign_message(&list, EXAMPLE_ID, EXAMPLE_TIME,
	    EXAMPLE_BODY, strlen(EXAMPLE_BODY), &out), 0);
	assert_string_equal(out.data, EXAMPLE_SIGNATURE);
	buf_reset(&out);
	list.count = 2;
	assert_int_equal(sign_message(&list, EXAMPLE_ID, EXAMPLE_TIME,
	    EXAMPLE_BODY, strlen(EXAMPLE_BODY), &out), 0);
	assert_memory_equal(out.data, EXAMPLE_SIGNATURE " v1,",
	    strlen(EXAMPLE_SIGNATURE " v1,"));
	assert_int_equal(strlen(out.data), 2 * strlen(EXAMPLE_SIGNATURE) + 1);
	buf_free(&out);
}

static void
test_refused(void **state)
{
	static const char *const bad[] = {
		"whsec_", "plain text", "whsec_c2hvcnQ=", "whsec_****",
		"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",
		"whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	};
	struct buf out = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(bad); i++) {
		struct secret item = line(bad[i]);
		struct secret_list list = { .items = &item, .count = 1 };

		if (sign_check(&list) == NULL ||
		    sign_message(&list, "m", 1, "x", 1, &out) != -1)
			fail_msg("\"%s\" was taken", bad[i]);
	}
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_example), cmocka_unit_test(test_refused)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
