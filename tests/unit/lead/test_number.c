#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "lead/compact.h"
#include "lead/number.h"

static const char *const no_integers[] = {
	"0.5", "1.5", "-1.5", "1e-1", "10e-2", "1.05e1", "0.1", "1.0000000000000000000001",
	"9007199254740992", "-9007199254740992", "9007199254740991.5", "9.007199254740992e15",
	"9007199254740991e1", "1e16", "1e17", "1e18", "99999999999999999", "123456789012345678",
	"18446744073709551616", "1e400", "-1e400", "1e999999999", "1e-999999999",
	"1e99999999999999999999999999999", "1e-99999999999999999999999999999",
	"0.00001e4", "12345678901234567890123456789.0e-5",
};

static void
refuses_no_integers(void **state)
{
	int64_t n;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(no_integers); i++)
		if (number_integer(no_integers[i], strlen(no_integers[i]), &n))
			fail_msg("%s", no_integers[i]);
}

static void
reads_integers(void **state)
{
	static const struct {
		const char *text;
		int64_t n;
	} table[] = {
		{ "0", 0 }, { "-0", 0 }, { "0.0", 0 }, { "-0.0", 0 }, { "0e5", 0 },
		{ "0e999999999999999999999", 0 }, { "0.000e-99999999999", 0 },
		{ "1", 1 }, { "-1", -1 }, { "1.0", 1 }, { "1.000", 1 }, { "1e0", 1 },
		{ "1.0e0", 1 }, { "10e-1", 1 }, { "1E+2", 100 }, { "1.5e1", 15 },
		{ "1.50e1", 15 }, { "0.001e3", 1 }, { "100e-2", 1 }, { "1200", 1200 },
		{ "12.30e2", 1230 }, { "1e15", INT64_C(1000000000000000) },
		{ "9007199254740991", NUMBER_MAX_INTEGER },
		{ "-9007199254740991", -NUMBER_MAX_INTEGER },
		{ "9007199254740991.000", NUMBER_MAX_INTEGER },
		{ "9.007199254740991e15", NUMBER_MAX_INTEGER },
		{ "9007199254740991000e-3", NUMBER_MAX_INTEGER },
		{ "0.00000009007199254740991E+23", NUMBER_MAX_INTEGER },
	};
	int64_t n;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(table); i++) {
		if (!number_integer(table[i].text, strlen(table[i].text), &n))
			fail_msg("%s", table[i].text);
		assert_int_equal(n, table[i].n);
	}
}

static void
counts_decimals(void **state)
{
	static const struct {
		const char *text;
		int64_t places;
	} table[] = {
		{ "1", 0 }, { "0", 0 }, { "0.000", 0 }, { "0.000e-9", 0 }, { "-0.0", 0 },
		{ "10.10", 1 }, { "10.100", 1 }, { "10.01", 2 }, { "10.005", 3 },
		{ "1.5e3", 0 }, { "1.005e2", 1 }, { "1e-3", 3 }, { "1e-2", 2 },
		{ "100e-2", 0 }, { "120e-3", 2 }, { "0.01", 2 }, { "0.001", 3 },
		{ "-0.005", 3 }, { "123456789012345678901234567890.12", 2 },
		{ "1.00000000000000000000000000000001", 32 }, { "1e-400", 400 },
		{ "1e400", 0 }, { "1e999999999", 0 }, { "1e-999999999", 999999999 },
		{ "1.10e-1", 2 }, { "0.00100E3", 0 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(table); i++)
		if (number_decimals(table[i].text, strlen(table[i].text)) != table[i].places)
			fail_msg("%s", table[i].text);
	assert_true(number_decimals("1e-99999999999999999999999", 26) > 999999999);
}

/* What a JavaScript engine prints for each. */
static const struct {
	const char *text, *js;
} prints[] = {
	{ "0", "0" }, { "-0", "0" }, { "-0.0", "0" }, { "0e7", "0" }, { "1", "1" },
	{ "-12", "-12" }, { "1.0", "1" }, { "1e2", "100" }, { "1E+2", "100" },
	{ "1.50", "1.5" }, { "0.1", "0.1" }, { "-0.10", "-0.1" }, { "100.25", "100.25" },
	{ "123456789012345", "123456789012345" },
	{ "9007199254740993", "9007199254740992" },
	{ "12345678901234567890", "12345678901234567000" },
	{ "18446744073709551616", "18446744073709552000" },
	{ "123456789012345678901", "123456789012345680000" },
	{ "1e20", "100000000000000000000" }, { "1e21", "1e+21" }, { "1.5e21", "1.5e+21" },
	{ "999999999999999999999", "1e+21" }, { "1234567890123456789012", "1.2345678901234568e+21" },
	{ "1e100", "1e+100" }, { "0.000001", "0.000001" }, { "0.0000001", "1e-7" },
	{ "0.00000123", "0.00000123" }, { "1.23e-7", "1.23e-7" }, { "0.30000000000000004", "0.30000000000000004" },
	{ "0.1000000000000000055511151231257827", "0.1" }, { "5e-324", "5e-324" },
	{ "4.9e-324", "5e-324" }, { "2.2250738585072014e-308", "2.2250738585072014e-308" },
	{ "1.7976931348623157e308", "1.7976931348623157e+308" }, { "1e309", "null" },
	{ "-1e400", "null" }, { "1e-400", "0" }, { "1e999999999", "null" },
	{ "5.6843418860808015e-14", "5.684341886080802e-14" },	/* 2^-44 */
	{ "9.5367431640625e-7", "9.5367431640625e-7" },
	{ "-51.5422", "-51.5422" }, { "123.456e5", "12345600" }, { "123456.789e-9", "0.000123456789" },
};

static void
sizes_numbers_as_javascript(void **state)
{
	char text[64];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(prints); i++) {
		strcpy(text, prints[i].text);
		strcat(text, "]");
		if (number_js_size(text, strlen(text) - 1) != strlen(prints[i].js))
			fail_msg("%s: %zu bytes, not those of %s", prints[i].text,
			    number_js_size(text, strlen(text) - 1), prints[i].js);
	}
}

static void
sizes_values_as_javascript(void **state)
{
	static const struct {
		const char *text, *js;
	} table[] = {
		{ "{}", "{}" }, { " [ ] ", "[]" }, { "{ \"a\" : 1.0 , \"b\":[ true,false,null ] }",
		    "{\"a\":1,\"b\":[true,false,null]}" },
		{ "\"\"", "\"\"" }, { "\"a b\"", "\"a b\"" }, { "\"\\/\"", "\"/\"" },
		{ "\"\\\"\\\\\\b\\f\\n\\r\\t\"", "\"\\\"\\\\\\b\\f\\n\\r\\t\"" },
		{ "\"\\u0008\\u000c\\u000a\\u000D\\u0009\"", "\"\\b\\f\\n\\r\\t\"" },
		{ "\"\\u0000\\u001f\\u000b\"", "\"\\u0000\\u001f\\u000b\"" },
		{ "\"\\u0022\\u005c\\u002F\\u0041\\u007f\"", "\"\\\"\\\\/A\x7f\"" },
		{ "\"\\u0080\\u07ff\"", "\"\xc2\x80\xdf\xbf\"" },
		{ "\"\\u0800\\uffff\\u2028\"", "\"\xe0\xa0\x80\xef\xbf\xbf\xe2\x80\xa8\"" },
		{ "\"\\ud83d\\ude00 \xf0\x9f\x98\x80\"", "\"\xf0\x9f\x98\x80 \xf0\x9f\x98\x80\"" },
		{ "[1e2,-0,\"e1 : , -0\"]", "[100,0,\"e1 : , -0\"]" },
		{ "{\"2\":1,\"1\":2}", "{\"1\":2,\"2\":1}" },
	};
	size_t i, size;

	(void)state;
	for (i = 0; i < COUNT(table); i++) {
		size = compact_size(table[i].text, strlen(table[i].text), 10000);
		if (size != strlen(table[i].js))
			fail_msg("%s: %zu, not %zu", table[i].text, size, strlen(table[i].js));
	}
	assert_true(compact_size("[1,2,3,4,5]", 11, 4) > 4);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_no_integers),
		cmocka_unit_test(reads_integers),
		cmocka_unit_test(counts_decimals),
		cmocka_unit_test(sizes_numbers_as_javascript),
		cmocka_unit_test(sizes_values_as_javascript),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
