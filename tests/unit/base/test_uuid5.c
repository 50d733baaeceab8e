#include "unit.h"

#include <string.h>

#include "base/uuid5.h"

/* The namespace of domain names (RFC 9562, section 6.6). */
static const unsigned char dns[UUID5_NAMESPACE_SIZE] = {
	0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1,
	0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8
};

/* RFC 9562, appendix A.4. */
static void
test_vector(void **state)
{
	static const char name[] = "www.example.com";
	char out[UUID5_SIZE];

	(void)state;
	assert_int_equal(uuid5_make(dns, name, strlen(name), out), 0);
	assert_string_equal(out, "2ed6657d-e927-568b-95e1-2665a8aea6a2");
}

/* Receivers have records under these: they may never change. */
static void
test_ours(void **state)
{
	static const char name[] = "default/7";
	char out[UUID5_SIZE];

	(void)state;
	assert_int_equal(uuid5_make(uuid5_leadrelay, name, strlen(name), out), 0);
	assert_string_equal(out, "566218d3-98cb-581b-85f3-5eb1d14cbb9c");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vector), cmocka_unit_test(test_ours)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
