#include "unit.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

static void
test_append(void **state)
{
	struct buf b = { 0 };
	char *text;
	int i;

	(void)state;
	for (i = 0; i < 1000; i++) {
		buf_puts(&b, "ab");
		buf_putc(&b, 'c');
		buf_printf(&b, "%d", i % 10);
	}
	assert_int_equal(b.len, 4000);
	assert_int_equal(strlen(b.data), 4000);
	assert_memory_equal(b.data + 3996, "abc9", 5);
	buf_reset(&b);
	assert_int_equal(b.len, 0);
	assert_string_equal(b.data, "");
	buf_add(&b, "x\0y", 3);
	assert_true(buf_ok(&b));
	text = buf_detach(&b);
	assert_memory_equal(text, "x\0y", 4);
	free(text);
	assert_null(b.data);
	text = buf_detach(&b);
	assert_string_equal(text, "");
	free(text);
}

static void
test_out_of_memory(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_puts(&b, "kept");
	assert_false(buf_reserve(&b, SIZE_MAX / 2));
	assert_false(buf_ok(&b));
	buf_puts(&b, "ignored");
	assert_string_equal(b.data, "kept");
	assert_null(buf_detach(&b));
	assert_true(buf_ok(&b));
}

static void
test_json(void **state)
{
	static const struct {
		const char *name, *in, *want;
	} cases[] = {
		{ "empty", "", "\"\"" },
		{ "plain", "a/b", "\"a/b\"" },
		{ "escapes", "\"\\\b\f\n\r\t\x01\x1f", "\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f\"" },
		{ "delete and above stay", "\x7f\xc2\x80", "\"\x7f\xc2\x80\"" },
		{ "four bytes", "\xf0\x9f\x8f\xa0", "\"\xf0\x9f\x8f\xa0\"" },
		{ "stray byte", "a\xff" "b", "\"a\xef\xbf\xbd" "b\"" },
		{ "overlong", "\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ "surrogate", "\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ "above U+10FFFF", "\xf4\x90\x80\x80",
		    "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ "cut short", "\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\"" }
	};
	struct buf b = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		buf_reset(&b);
		buf_json(&b, cases[i].in, strlen(cases[i].in));
		if (strcmp(b.data, cases[i].want) != 0)
			fail_msg("%s: %s", cases[i].name, b.data);
	}
	buf_free(&b);
}

static void
test_int(void **state)
{
	static const long long values[] = { 0, 7, -7, 10, 1234567890, LLONG_MAX,
		LLONG_MIN };
	struct buf b = { 0 }, want = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(values); i++) {
		buf_reset(&b);
		buf_reset(&want);
		buf_int(&b, values[i]);
		buf_printf(&want, "%lld", values[i]);
		assert_string_equal(b.data, want.data);
	}
	buf_free(&b);
	buf_free(&want);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_append), cmocka_unit_test(test_int),
		cmocka_unit_test(test_out_of_memory), cmocka_unit_test(test_json)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
