#include "unit.h"

#include <string.h>

#include "base/digest.h"

static void
test_sha256(void **state)
{
	uint8_t out[DIGEST_SIZE];
	char hex[DIGEST_HEX_SIZE];

	(void)state;
	assert_int_equal(digest_sha256("abc", 3, out), 0);	/* FIPS 180-2 B.1 */
	assert_string_equal(digest_hex(out, hex), "ba7816bf8f01cfea414140de5dae"
	    "2223b00361a396177a9cb410ff61f20015ad");
	assert_int_equal(digest_sha256("", 0, out), 0);
	assert_string_equal(digest_hex(out, hex), "e3b0c44298fc1c149afbf4c8996f"
	    "b92427ae41e4649b934ca495991b7852b855");
}

static void
test_hmac(void **state)
{
	uint8_t out[DIGEST_SIZE], other[DIGEST_SIZE];
	char hex[DIGEST_HEX_SIZE];
	char key[131];

	(void)state;
	/* RFC 4231, test cases 2 and 6 (a key longer than the block). */
	assert_int_equal(digest_hmac_sha256("Jefe", 4,
	    "what do ya want for nothing?", 28, out), 0);
	assert_string_equal(digest_hex(out, hex), "5bdcc146bf60754e6a042426089575c7"
	    "5a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof(key));
	assert_int_equal(digest_hmac_sha256(key, sizeof(key),
	    "Test Using Larger Than Block-Size Key - Hash Key First", 54, out), 0);
	assert_string_equal(digest_hex(out, hex), "60e431591ee0b67f0d8a26aacbf5b77f"
	    "8e0bc6213728c5140546040f0ee37f54");
	memcpy(other, out, sizeof(out));
	assert_true(digest_equal(out, other));
	other[31] ^= 1;
	assert_false(digest_equal(out, other));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sha256), cmocka_unit_test(test_hmac)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
