#include "unit.h"

#include <errno.h>
#include <string.h>

#include "base/identity.h"

/* It stands beside strerror(errno) in what is said: neither changes the other. */
static void
test_name(void **state)
{
	char out[IDENTITY_NAME_SIZE];

	(void)state;
	errno = EACCES;
	assert_string_equal(identity_name(0, out), "root");
	assert_int_equal(errno, EACCES);
	assert_string_equal(identity_name(4294967293u, out), "4294967293");
	assert_int_equal(errno, EACCES);
}

static void
test_users(void **state)
{
	struct identity id = { 1, 1 };

	(void)state;
	assert_int_equal(identity_of_user("nobody-of-that-name", &id), -1);
	assert_int_equal(identity_of_user("root", &id), 0);
	assert_int_equal(id.uid, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_name), cmocka_unit_test(test_users),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
