#include "unit.h"

#include <string.h>

#include "cli/print.h"

#define TEXT(str) str, sizeof(str) - 1

static void
text(void **state)
{
	static const struct {
		const char *in;
		size_t len;
		const char *out;
	} cases[] = {
		{ TEXT(""), "" },
		{ TEXT("plain"), "plain" },
		{ TEXT("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x8f\xa0"), "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x8f\xa0" },
		{ TEXT("\x1b[2J"), "\\u001b[2J" },
		{ TEXT("a\nb\tc\rd"), "a\\nb\\tc\\u000dd" },
		{ TEXT("nul\0byte"), "nul\\u0000byte" },
		{ TEXT("\x7f"), "\\u007f" },
		{ TEXT("\xc2\x9b" "31m"), "\\u009b31m" },		/* C1 CSI */
		{ TEXT("\xc2\xa0"), "\xc2\xa0" },
		{ TEXT("\xe2\x80\xae" "gpj"), "\\u202egpj" },		/* turns the text round */
		{ TEXT("\xe2\x81\xa6"), "\\u2066" },
		{ TEXT("\xe2\x80\xa8"), "\\u2028" },
		{ TEXT("\xff\xfe"), "\\xff\\xfe" },
		{ TEXT("\xc0\xaf"), "\\xc0\\xaf" },			/* overlong */
		{ TEXT("\xed\xa0\x80"), "\\xed\\xa0\\x80" },		/* a surrogate */
		{ TEXT("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80" },
		{ TEXT("cut \xe2\x82"), "cut \\xe2\\x82" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf out = { 0 };

		print_text(&out, cases[i].in, cases[i].len);
		assert_string_equal(out.data != NULL ? out.data : "",
		    cases[i].out);
		buf_free(&out);
	}
}

static void
moments(void **state)
{
	const int64_t now = INT64_C(1769853600000);	/* 2026-01-31T10:00:00Z */
	static const struct {
		int64_t ms;
		const char *out;
	} cases[] = {
		{ 0, "never" },
		{ INT64_C(1769853600000), "2026-01-31T10:00:00Z (0s ago)" },
		{ INT64_C(1769853599001), "2026-01-31T09:59:59Z (0s ago)" },
		{ INT64_C(1769842680123), "2026-01-31T06:58:00Z (3h 1m ago)" },
		{ INT64_C(1769853672000), "2026-01-31T10:01:12Z (in 1m 12s)" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf out = { 0 };

		print_moment(&out, cases[i].ms, now);
		assert_string_equal(out.data, cases[i].out);
		buf_free(&out);
	}
}

static void
bytes(void **state)
{
	static const struct {
		uint64_t n;
		const char *out;
	} cases[] = {
		{ 0, "0 B" }, { 1023, "1023 B" }, { 1024, "1.0 KB" },
		{ 1536, "1.5 KB" }, { UINT64_C(1) << 30, "1.0 GB" },
		{ UINT64_MAX, "16.0 EB" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf out = { 0 };

		print_bytes(&out, cases[i].n);
		assert_string_equal(out.data, cases[i].out);
		buf_free(&out);
	}
}

static void
json(void **state)
{
	static const struct {
		const char *in;
		int indent;
		const char *out;
	} cases[] = {
		{ "{}", 0, "{}" },
		{ " { } ", 0, "{}" },
		{ "{\"a\":1.10,\"b\":[1e2,{}]}", 0,
		    "{\n  \"a\": 1.10,\n  \"b\": [\n    1e2,\n    {}\n  ]\n}" },
		{ "[[],[1]]", 2, "[\n    [],\n    [\n      1\n    ]\n  ]" },
		{ "{ \"a\" :\n [ 1 , 2 ] }", -1, "{\"a\":[1,2]}" },
		{ "{\"{,}\\\" [\":\": ,\"}", -1, "{\"{,}\\\" [\":\": ,\"}" },
		{ "{\"a\":\"\\\\\"}", -1, "{\"a\":\"\\\\\"}" },
		{ "[\"\xc2\x9b\x7f\xe2\x80\xae\"]", -1, "[\"\\u009b\\u007f\\u202e\"]" },
		{ "[\"\xc3\xa9\\u001b\"]", -1, "[\"\xc3\xa9\\u001b\"]" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf out = { 0 };

		print_json(&out, cases[i].in, strlen(cases[i].in),
		    cases[i].indent);
		assert_string_equal(out.data, cases[i].out);
		buf_free(&out);
	}
}

/* It is asked only for valid JSON, but no text may make it read past the end. */
static void
json_cut(void **state)
{
	static const char whole[] = "{\"a\":\"x\\\\\xc3\xa9\",\"b\":[1,{}]}";

	(void)state;
	for (size_t len = 0; len < sizeof(whole); len++) {
		char *copy = test_malloc(len + 1);
		struct buf out = { 0 };

		memcpy(copy, whole, len);
		print_json(&out, copy, len, 0);
		assert_true(buf_ok(&out));
		buf_free(&out);
		test_free(copy);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text),
		cmocka_unit_test(moments),
		cmocka_unit_test(bytes),
		cmocka_unit_test(json),
		cmocka_unit_test(json_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
