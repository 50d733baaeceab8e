#include "unit.h"

#include <string.h>

#include "cli/object.h"

static void
members(void **state)
{
	struct buf out = { 0 };

	(void)state;
	object_open(&out);
	object_string(&out, "s", "a\"b\x1b\n");
	object_string(&out, "none", NULL);
	object_bytes(&out, "b", "x\0\xff", 3);
	object_number(&out, "n", INT64_MIN);
	object_bool(&out, "yes", true);
	object_moment(&out, "t", INT64_C(1769853600123));
	object_moment(&out, "never", 0);
	object_json(&out, "raw", " { \"k\" : [ ] }\n", 15);
	object_json(&out, "no", NULL, 0);
	object_bytes(&out, "nothing", NULL, 3);
	object_number_unless(&out, "minus", -1, -1);
	object_number_unless(&out, "zero", 0, -1);
	object_array(&out, "list");
	for (int i = 0; i < 2; i++) {
		object_open(&out);
		object_close(&out);
	}
	object_string(&out, NULL, "v");
	buf_puts(&out, "]");
	object_close(&out);
	assert_string_equal(out.data,
	    "{\"s\":\"a\\\"b\\u001b\\n\",\"none\":null,\"b\":\"x\\u0000\xef\xbf\xbd\","
	    "\"n\":-9223372036854775808,\"yes\":true,"
	    "\"t\":\"2026-01-31T10:00:00.123Z\",\"never\":null,"
	    "\"raw\":{\"k\":[]},\"no\":null,\"nothing\":null,\"minus\":null,"
	    "\"zero\":0,\"list\":[{},{},\"v\"]}");
	buf_free(&out);
}

/* A string that ends in a bracket is not taken for an open one. */
static void
commas(void **state)
{
	struct buf out = { 0 };

	(void)state;
	object_open(&out);
	object_string(&out, "a", "{");
	object_string(&out, "b", "[");
	object_close(&out);
	assert_string_equal(out.data, "{\"a\":\"{\",\"b\":\"[\"}");
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members),
		cmocka_unit_test(commas),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
