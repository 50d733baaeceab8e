#include "unit.h"

#include <string.h>

#include "base/base64url.h"

/* RFC 4648 section 10, and the two characters that differ from base64. */
static const struct {
	const char *bytes, *text;
} pairs[] = {
	{ "", "" }, { "f", "Zg" }, { "fo", "Zm8" }, { "foo", "Zm9v" },
	{ "foob", "Zm9vYg" }, { "fooba", "Zm9vYmE" }, { "foobar", "Zm9vYmFy" },
	{ "\xff\xef\xbe", "_---" }, { "\xfb\xff", "-_8" }
};

static void
test_pairs(void **state)
{
	unsigned char bytes[16];
	char text[16];
	struct buf added = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(pairs); i++) {
		size_t n = strlen(pairs[i].bytes);

		base64url_encode((const unsigned char *)pairs[i].bytes, n, text);
		assert_string_equal(text, pairs[i].text);
		assert_int_equal(strlen(text) + 1, BASE64URL_ENCODED_SIZE(n));
		buf_reset(&added);
		base64url_add(&added, pairs[i].bytes, n);
		assert_int_equal(added.len, strlen(text));
		assert_string_equal(added.data, text);
		assert_int_equal(base64url_decode(text, strlen(text), bytes), n);
		assert_memory_equal(bytes, pairs[i].bytes, n);
	}
	buf_free(&added);
}

static void
test_refused(void **state)
{
	static const char *const bad[] = {
		"Z", "Zm9vY", "Zg==", "Zm+v", "Zm/v", "Zm9 ", "Zm9\n", "Zm\x80v",
		"Zh", "Zm9", "Zg.A", "=", "Zm9vZh"
	};
	unsigned char bytes[16];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(bad); i++)
		if (base64url_decode(bad[i], strlen(bad[i]), bytes) != -1)
			fail_msg("\"%s\" was taken", bad[i]);
}

static void
test_every_byte(void **state)
{
	unsigned char bytes[256], back[BASE64URL_DECODED_MAX(342)];
	char text[BASE64URL_ENCODED_SIZE(256)];
	size_t i, len;

	(void)state;
	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * 7 + 3);
	for (len = 0; len <= sizeof(bytes); len++) {
		base64url_encode(bytes, len, text);
		assert_int_equal(base64url_decode(text, strlen(text), back), len);
		assert_memory_equal(back, bytes, len);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pairs), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_every_byte)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
