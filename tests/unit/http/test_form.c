#include "unit.h"

#include <string.h>

#include "http/form.h"

static void
test_encode(void **state)
{
	static const struct {
		const char *name, *json, *want;
	} cases[] = {
		{ "empty", "{}", "" },
		{ "order and blanks", " { \"b\" : \"x y\" , \"a\" : 1 } ", "b=x+y&a=1" },
		{ "numbers as written",
		    "{\"a\":10.50,\"b\":1e2,\"c\":-0,\"d\":123456789012345678901234567890}",
		    "a=10.50&b=1e2&c=-0&d=123456789012345678901234567890" },
		{ "words", "{\"t\":true,\"f\":false,\"n\":null}", "t=true&f=false" },
		{ "empty string", "{\"a\":\"\",\"\":\"b\"}", "a=&=b" },
		{ "what needs no escape", "{\"a\":\"A-z_0.9*\"}", "a=A-z_0.9*" },
		{ "what does", "{\"a&b\":\"=+%&~/?\"}", "a%26b=%3D%2B%25%26%7E%2F%3F" },
		{ "utf-8", "{\"n\":\"Zo\xc3\xab\"}", "n=Zo%C3%AB" },
		{ "escapes", "{\"n\":\"\\\"\\\\\\/\\n\\u00e9\\ud83c\\udfe0\\u0000\"}",
		    "n=%22%5C%2F%0A%C3%A9%F0%9F%8F%A0%00" },
		{ "escaped name", "{\"\\u0061\":1}", "a=1" },
		{ "nested", "{\"a\":{\"b\":{\"c\":1},\"d\":2},\"e\":3}",
		    "a%5Bb%5D%5Bc%5D=1&a%5Bd%5D=2&e=3" },
		{ "arrays", "{\"a\":[1,\"x\",[true],{\"k\":null}],\"b\":[],\"c\":{}}",
		    "a%5B0%5D=1&a%5B1%5D=x&a%5B2%5D%5B0%5D=true" }
	};
	struct buf out = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		buf_reset(&out);
		assert_null(form_encode(cases[i].json, strlen(cases[i].json), &out));
		if (strcmp(out.data != NULL ? out.data : "", cases[i].want) != 0)
			fail_msg("%s: %s", cases[i].name, out.data);
	}
	buf_free(&out);
}

static void
test_refused(void **state)
{
	struct buf deep = { 0 }, out = { 0 };
	int i;

	(void)state;
	assert_non_null(form_encode("[1]", 3, &out));
	assert_non_null(form_encode("\"a\"", 3, &out));
	assert_non_null(form_encode("", 0, &out));
	buf_puts(&deep, "{\"a\":");
	for (i = 0; i < FORM_MAX_DEPTH; i++)
		buf_putc(&deep, '[');
	buf_putc(&deep, '1');
	for (i = 0; i < FORM_MAX_DEPTH; i++)
		buf_putc(&deep, ']');
	buf_putc(&deep, '}');
	assert_non_null(form_encode(deep.data, deep.len, &out));
	buf_free(&deep);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encode), cmocka_unit_test(test_refused)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
