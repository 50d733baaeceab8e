#include "unit.h"

#include <stdlib.h>

#include <curl/curl.h>

#include "http/transport.h"

/* What the environment names is taken when it is there, and only then. */
static void
test_ca_file(void **state)
{
	const char *system;

	(void)state;
	assert_int_equal(unsetenv("SSL_CERT_FILE"), 0);
	system = transport_ca_file();
	assert_int_equal(setenv("SSL_CERT_FILE", "/nowhere/ca.pem", 1), 0);
	assert_ptr_equal(transport_ca_file(), system);
	assert_int_equal(setenv("SSL_CERT_FILE", "", 1), 0);
	assert_ptr_equal(transport_ca_file(), system);
	assert_int_equal(setenv("SSL_CERT_FILE", "/dev/null", 1), 0);
	assert_string_equal(transport_ca_file(), "/dev/null");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ca_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
