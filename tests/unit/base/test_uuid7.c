#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "base/uuid7.h"

static void
test_form(void **state)
{
	char id[UUID7_SIZE];

	(void)state;
	assert_int_equal(uuid7_make(INT64_C(0x017f22e279b0), id), 0);
	assert_int_equal(strspn(id, "0123456789abcdef-"), UUID7_SIZE - 1);
	assert_memory_equal(id, "017f22e2-79b0-7", 15);	/* RFC 9562 A.6's moment */
	assert_non_null(strchr("89ab", id[19]));
}

static void
test_rising(void **state)
{
	char last[UUID7_SIZE] = "", id[UUID7_SIZE];
	int i;

	(void)state;
	for (i = 0; i < 20000; i++) {
		/* The clock stands still, and even goes back once. */
		assert_int_equal(uuid7_make(1790000000000 - (i == 9000), id), 0);
		if (strcmp(last, id) >= 0)
			fail_msg("%s after %s", id, last);
		strcpy(last, id);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_form), cmocka_unit_test(test_rising),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
