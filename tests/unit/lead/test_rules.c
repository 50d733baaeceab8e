/*
 * Every rule at its boundaries: a valid lead in which one member is replaced,
 * added or taken away, and the violations that this makes.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "base/json.h"
#include "lead/lead.h"

/* Judge a payload; returns "pointer rule; pointer rule" and the errors themselves. */
static char *
judge(const char *payload, const int64_t *offices, size_t count, struct buf *errors)
{
	struct buf found = { 0 };
	struct json_object *list, *error;
	struct lead lead;
	const char *why;
	size_t n, i, at;

	why = lead_read(payload, strlen(payload), &lead);
	if (why != NULL)
		fail_msg("%s: %s", payload, why);
	buf_reset(errors);
	n = lead_check(&lead, offices, count, errors);
	lead_free(&lead);
	assert_true(buf_ok(errors));

	/* what comes out is strict JSON itself */
	buf_puts(&found, "{\"errors\":");
	buf_add(&found, errors->data, errors->len);
	buf_putc(&found, '}');
	assert_null(json_scan(found.data, found.len, NULL, 0, &at));
	buf_reset(&found);
	list = json_tokener_parse(errors->data);
	assert_non_null(list);
	assert_int_equal(json_object_array_length(list), n);
	for (i = 0; i < n; i++) {
		error = json_object_array_get_idx(list, i);
		assert_int_equal(json_object_object_length(error), 3);
		assert_true(json_object_get_string_len(
		    json_object_object_get(error, "detail")) > 0);
		buf_printf(&found, "%s%s %s", i > 0 ? "; " : "",
		    json_object_get_string(json_object_object_get(error, "pointer")),
		    json_object_get_string(json_object_object_get(error, "rule")));
	}
	json_object_put(list);
	return buf_detach(&found);
}

static void
expect(const char *payload, const char *expected)
{
	struct buf errors = { 0 };
	char *found = judge(payload, NULL, 0, &errors);

	if (strcmp(found, expected) != 0)
		fail_msg("%s\n found: %s\n not: %s", payload, found, expected);
	free(found);
	buf_free(&errors);
}

/* A lead that has what every type of lead needs; ${changes} are more members. */
static void
expect_with(const char *without, const char *changes, const char *expected)
{
	static const char *const members[] = {
		"\"id\":1", "\"full_name\":\"A\"", "\"email\":\"a@b.example\"",
		"\"phone\":\"0\"", "\"type\":\"vendor\"", "\"address\":\"\"",
		"\"postcode\":\"N1\"",
	};
	struct buf payload = { 0 };
	size_t i, len = strlen(without);

	buf_puts(&payload, "{\"event\":\"lead.created\",\"data\":{\"zzz\":[null]");
	for (i = 0; i < COUNT(members); i++)
		if (len == 0 || strncmp(members[i] + 1, without, len) != 0 ||
		    members[i][len + 1] != '"')
			buf_printf(&payload, ",%s", members[i]);
	buf_printf(&payload, "%s%s}}", changes[0] != '\0' ? "," : "", changes);
	expect(payload.data, expected);
	buf_free(&payload);
}

static void
judges_the_envelope(void **state)
{
	(void)state;
	expect("{}", "#/event required; #/data required");
	expect("{\"event\":null,\"data\":null}", "#/event required; #/data required");
	expect("{\"event\":1,\"data\":1}", "#/event event; #/data data");
	expect("{\"event\":\"lead.deleted\",\"data\":[]}", "#/event event; #/data data");
	expect("{\"event\":\"lead.created\",\"data\":{}}",
	    "#/data/id required; #/data/full_name required; #/data/email required; "
	    "#/data/phone required; #/data/type required");
}

/* without, changes, expected */
static const char *const required[][3] = {
	{ "", "", "" },
	{ "id", "", "#/data/id required" }, { "id", "\"id\":null", "#/data/id required" },
	{ "full_name", "", "#/data/full_name required" },
	{ "email", "\"email\":null", "#/data/email required" },
	{ "phone", "\"phone\":null", "#/data/phone required" },
	{ "phone", "\"phone\":\"\"", "" },
	{ "address", "", "#/data/address required" },
	{ "address", "\"address\":null", "#/data/address required" },
	{ "postcode", "", "#/data/postcode required" },
	{ "postcode", "\"postcode\":\"\"", "#/data/postcode length" },
	/* no usable type, no condition */
	{ "type", "", "#/data/type required" },
	{ "type", "\"type\":null", "#/data/type required" },
	{ "type", "\"type\":7", "#/data/type type" },
	{ "type", "\"type\":\"\"", "#/data/type enum" },
	{ "type", "\"type\":\"Vendor\"", "#/data/type enum" },
	{ "type", "\"type\":\"vendor\\u0000\"", "#/data/type enum" },
	{ "type", "\"type\":\"sales\"", "#/data/type enum" },
	/* sale and let */
	{ "type", "\"type\":\"sale\"", "#/data/advert_address required; "
	    "#/data/advert_postcode required; #/data/property_reference required" },
	{ "type", "\"type\":\"let\"", "#/data/advert_address required; "
	    "#/data/advert_postcode required; #/data/property_reference required" },
	{ "type", "\"type\":\"let\",\"office_id\":null", "#/data/advert_address required; "
	    "#/data/advert_postcode required; #/data/property_reference required" },
	{ "type", "\"type\":\"let\",\"office_id\":3", "#/data/property_reference required" },
	{ "type", "\"type\":\"let\",\"office_id\":\"x\"",
	    "#/data/office_id type; #/data/property_reference required" },
	{ "type", "\"type\":\"let\",\"office_id\":3,\"property_reference\":null",
	    "#/data/property_reference required" },
	{ "type", "\"type\":\"sale\",\"office_id\":3,\"property_reference\":\"\"", "" },
	{ "type", "\"type\":\"sale\",\"advert_address\":\"\",\"advert_postcode\":\"N1\","
	    "\"property_reference\":\"r\"", "" },
	{ "type", "\"type\":\"sale\",\"advert_address\":null,\"advert_postcode\":5,"
	    "\"property_reference\":\"r\"",
	    "#/data/advert_address required; #/data/advert_postcode type" },
	{ "type", "\"type\":\"landlord\"", "" }, { "type", "\"type\":\"mortgage_request\"", "" },
};

static void
judges_required(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(required); i++)
		expect_with(required[i][0], required[i][1], required[i][2]);
	/* a sale needs neither address nor postcode */
	expect("{\"event\":\"lead.created\",\"data\":{\"id\":1,\"full_name\":\"A\","
	    "\"email\":\"a@b\",\"phone\":\"0\",\"type\":\"sale\",\"office_id\":1,"
	    "\"property_reference\":\"r\"}}", "");
}

static const struct {
	const char *name;
	char kind;		/* s(tring), n(umber), i(nteger), b, o, a */
} kinds[] = {
	{ "id", 'i' }, { "first_name", 's' }, { "last_name", 's' }, { "full_name", 's' },
	{ "email", 's' }, { "phone", 's' }, { "type", 's' }, { "source", 's' },
	{ "address", 's' }, { "postcode", 's' }, { "advert_address", 's' },
	{ "advert_postcode", 's' }, { "advert_url", 's' }, { "advert_image", 's' },
	{ "title", 's' }, { "message", 's' }, { "appointment_availability", 'o' },
	{ "meta", 'o' }, { "questionnaire", 'a' }, { "parentId", 'i' },
	{ "createdAt", 's' }, { "status", 's' }, { "stage", 's' }, { "gdpr_checkbox", 'b' },
	{ "host", 's' }, { "average_sale_estimation", 'n' },
	{ "average_rent_estimation", 'n' }, { "minimum_sale_estimation", 'n' },
	{ "maximum_sale_estimation", 'n' }, { "minimum_rent_estimation", 'n' },
	{ "maximum_rent_estimation", 'n' }, { "office_id", 'i' }, { "office_name", 's' },
	{ "property_reference", 's' }, { "property_bedrooms", 'n' },
	{ "property_type", 's' }, { "comparable_props", 'a' }, { "international", 'b' },
	{ "account_id", 'i' }, { "account_name", 's' }, { "referred_by_office_id", 'i' },
	{ "referred_by_office_name", 's' }, { "referred_by_account_id", 'i' },
	{ "referred_by_account_name", 's' },
};

static void
judges_types(void **state)
{
	static const char *const values[] = {
		"s\"x\"", "n1.25", "n1e400", "i1.0", "btrue", "bfalse", "o{}", "a[]"
	};
	char change[128], expected[128];
	size_t i, j;
	bool fits;

	(void)state;
	for (i = 0; i < COUNT(kinds); i++)
		for (j = 0; j < COUNT(values); j++) {
			fits = values[j][0] == kinds[i].kind ||
			    (kinds[i].kind == 'n' && values[j][0] == 'i') ||
			    (kinds[i].kind == 'i' && values[j][0] == 'n');
			if (fits)
				continue;
			snprintf(change, sizeof(change), "\"%s\":%s", kinds[i].name, values[j] + 1);
			snprintf(expected, sizeof(expected), "#/data/%s type", kinds[i].name);
			expect_with(kinds[i].name, change, expected);
		}
}

static void
judges_integers(void **state)
{
	static const char *const bad[] = {
		"1.5", "9007199254740992", "-9007199254740992", "1e16", "1e400", "1e-1",
		"18446744073709551616", "-18446744073709551616", "9007199254740991.1",
		"1e999999999"
	};
	static const char *const good[] = {
		"0", "-0", "1.0", "1e0", "1E+2", "9007199254740991", "-9007199254740991",
		"90071992547409910e-1"
	};
	char change[128], expected[128];
	size_t i, j;

	(void)state;
	for (i = 0; i < COUNT(kinds); i++) {
		if (kinds[i].kind != 'i')
			continue;
		for (j = 0; j < COUNT(bad); j++) {
			snprintf(change, sizeof(change), "\"%s\":%s", kinds[i].name, bad[j]);
			snprintf(expected, sizeof(expected), "#/data/%s integer", kinds[i].name);
			expect_with(kinds[i].name, change, expected);
		}
		for (j = 0; j < COUNT(good); j++) {
			snprintf(change, sizeof(change), "\"%s\":%s", kinds[i].name, good[j]);
			expect_with(kinds[i].name, change, "");
		}
	}
}

/* Lengths in code points, of one, two and four bytes and as an escape. */
static void
judges_lengths(void **state)
{
	static const struct {
		const char *name;
		size_t min, max;
	} table[] = {
		{ "first_name", 1, 50 }, { "last_name", 1, 50 }, { "full_name", 1, 100 },
		{ "phone", 0, 255 }, { "address", 0, 100 }, { "postcode", 2, 10 },
		{ "advert_address", 0, 100 }, { "advert_postcode", 2, 10 },
		{ "advert_url", 0, 255 }, { "advert_image", 0, 255 }, { "title", 1, 10 },
		{ "message", 0, 8192 }, { "property_reference", 0, 50 },
	};
	static const char *const points[] = { "x", "\xc3\xa9", "\xf0\x9f\x98\x80", "\\n", "\\u0000" };
	char expected[64];
	size_t i, j, len, k;
	struct buf change = { 0 };

	(void)state;
	for (i = 0; i < COUNT(table); i++)
		for (j = 0; j < COUNT(points); j++)
			for (len = 0; len <= table[i].max + 1; len = len <= table[i].min ?
			    len + 1 : len < table[i].max ? table[i].max : len + 1) {
				buf_reset(&change);
				buf_printf(&change, "\"%s\":\"", table[i].name);
				for (k = 0; k < len; k++)
					buf_puts(&change, points[j]);
				buf_putc(&change, '"');
				snprintf(expected, sizeof(expected), "#/data/%s length", table[i].name);
				expect_with(table[i].name, change.data,
				    len < table[i].min || len > table[i].max ? expected : "");
			}
	buf_free(&change);
}

static void
judges_words(void **state)
{
	static const char *const good[][2] = {
		{ "status", "UNREAD" }, { "status", "IN_PROGRESS" }, { "status", "NO_BUSINESS" },
		{ "status", "BUSINESS" }, { "status", "DUPLICATE" }, { "stage", "NEW" },
		{ "stage", "CONTACTED" }, { "stage", "KEEP_IN_TOUCH" }, { "stage", "LOST" },
		{ "stage", "NOT_CONTACTABLE" }, { "stage", "WON" },
		{ "stage", "VALUATION_BOOKED" }, { "stage", "INSTRUCTED" },
		{ "stage", "VIEWING_BOOKED" }, { "stage", "REGISTERED" },
		{ "stage", "DUPLICATE" }, { "stage", "SPAM" }, { "stage", "DELETED" },
		{ "property_type", "detached" }, { "property_type", "semi-detached" },
		{ "property_type", "terraced" }, { "property_type", "flat-maisonette" },
	};
	static const char *const bad[][2] = {
		{ "status", "active" }, { "status", "unread" }, { "status", "" },
		{ "status", "NEW" }, { "stage", "complete" }, { "stage", "WON " },
		{ "stage", "NEW,CONTACTED" }, { "property_type", "flat" },
		{ "property_type", "detached\\u0000" },
	};
	char change[128], expected[128];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(bad); i++) {
		snprintf(change, sizeof(change), "\"%s\":\"%s\"", bad[i][0], bad[i][1]);
		snprintf(expected, sizeof(expected), "#/data/%s enum", bad[i][0]);
		expect_with("", change, expected);
	}
	for (i = 0; i < COUNT(good); i++) {
		snprintf(change, sizeof(change), "\"%s\":\"%s\"", good[i][0], good[i][1]);
		expect_with("", change, "");
	}
}

#define TEN "1234567890"
#define SIXTY TEN TEN TEN TEN TEN TEN
#define LABEL63 SIXTY "123"
#define LOCAL64 SIXTY "1234"

static void
judges_emails(void **state)
{
	static const char *const bad[] = {
		"", "a", "@", "a@", "@b", "a@b@c", "a b@c", "a@b c", " a@b", "a@b ", "a@b\\n",
		"a@-b", "a@b-", "a@b-.c", "a@.b", "a@b.", "a@b..c", "a@.", "a@-",
		"\\\"a\\\"@b", "a@[127.0.0.1]", "a(x)@b", "a,b@c", "a:b@c", "a;b@c", "<a@b>",
		"a\\\\b@c", "a@b_c", "a@b!c", "a@b/c", "a\\u0000@b", "a@b\\u0000", "a\\u007f@b",
		"a@\\u007f", "a\\u0080@b", "a\\u009f@b", "a@b\\u0085", "a@b\\u009f",
		LOCAL64 "5@b", "a@" LABEL63 "4", "a@b." LABEL63 "4.c",
		LOCAL64 "@" LABEL63 "." LABEL63 "." SIXTY "12",	/* 255 bytes */
		/* 33 times two bytes are 66 */
		"\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9"
		"\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9"
		"\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9@b",
	};
	static const char *const good[] = {
		"a@b", "a@b.example", "A.B@C.EXAMPLE", ".a..b.@c", "a+b@c-d.example",
		"!#$%&'*+/=?^_`{|}~-@b", "1@2", "a@b--c", "a@1.2.3", "a@xn--e1a",
		"\\u00a0@b", "\xc3\xa9@\xc3\xa9.example", "\xf0\x9f\x98\x80@\xf0\x9f\x98\x80",
		"\\u4e2d@\\u4e2d-\\u4e2d", LOCAL64 "@b", "a@" LABEL63, "a@" LABEL63 "." LABEL63,
		LOCAL64 "@" LABEL63 "." LABEL63 "." SIXTY "1",	/* 254 bytes */
	};
	char change[512];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(bad); i++) {
		snprintf(change, sizeof(change), "\"email\":\"%s\"", bad[i]);
		expect_with("email", change, "#/data/email email");
	}
	for (i = 0; i < COUNT(good); i++) {
		snprintf(change, sizeof(change), "\"email\":\"%s\"", good[i]);
		expect_with("email", change, "");
	}
}

static const char *const bad_dates[] = {
	"", "2021", "2021-01", "2021-1-1", "20210101", "2021-00-01", "2021-13-01",
	"2021-01-00", "2021-01-32", "2021-04-31", "2021-02-29", "1900-02-29", "2100-02-29",
	"0000-01-01", "-2021-01-01", "+2021-01-01", "02021-01-01", "2021-01-01Z",
	"2021-01-01+00:00", "2021-01-01T", "2021-01-01T10", "2021-01-01T1000",
	"2021-01-01T10:0", "2021-01-01T24:00", "2021-01-01T24:00:00", "2021-01-01T10:60",
	"2021-01-01T10:00:61", "2021-01-01T10:00:", "2021-01-01T10:00:0",
	"2021-01-01T10:00:00.", "2021-01-01T10:00:00,5", "2021-01-01T10:00.5",
	"2021-01-01T10:00:00ZZ", "2021-01-01T10:00:00 Z", "2021-01-01T10:00:00+1",
	"2021-01-01T10:00:00+10", "2021-01-01T10:00:00+24:00", "2021-01-01T10:00:00+10:60",
	"2021-01-01T10:00:00+10:0", "2021-01-01T10:00:00+10:", "2021-01-01T10:00:00+1000x",
	"2021-01-01x10:00:00Z", "2021-01-01  10:00", " 2021-01-01", "2021-01-01 ",
	"2021-01-01T10:00:00Z\\n", "2021-01-01\\u0000", "2021/01/01", "01-01-2021",
	"\\u0662021-01-01", "2021-01-01T10:00:00\\u2212" "01:00", "yesterday",
	"2021-W01-1", "2021-001",
};
static const char *const good_times[] = {
	"2000-01-23T01:23:45.678+09:00", "2021-04-22T10:00:00.000Z", "2021-01-01T00:00",
	"2021-01-01t00:00z", "2021-01-01 23:59:60", "2021-12-31T23:59:59.123456789012Z",
	"2021-01-01T10:00+0930", "2021-01-01T10:00-23:59", "2021-01-01T10:00:00-0000",
	"2000-02-29T00:00", "2024-02-29T00:00", "0001-01-01T00:00", "9999-12-31T23:59:60Z",
};
static const char *const good_days[] = {
	"2021-01-01", "2000-02-29", "2024-02-29", "0001-01-01", "9999-12-31",
	"2021-01-31", "2021-03-31", "2021-04-30", "2021-02-28", "2021-12-31",
};

static void
expect_date(const char *format, const char *date, const char *expected)
{
	struct buf change = { 0 };

	for (; *format != '\0'; format++) {
		if (*format == '%')
			buf_printf(&change, "\"%s\"", date);
		else
			buf_putc(&change, *format);
	}
	expect_with("", change.data, expected);
	buf_free(&change);
}

static void
judges_dates(void **state)
{
	static const char created[] = "\"createdAt\":%";
	static const char hours[] = "\"appointment_availability\":{\"hours\":[%]}";
	static const char pointed[] = "#/data/appointment_availability/hours/0 date";
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(bad_dates); i++) {
		expect_date(created, bad_dates[i], "#/data/createdAt date");
		expect_date(hours, bad_dates[i], pointed);
	}
	for (i = 0; i < COUNT(good_times); i++) {
		expect_date(created, good_times[i], "");
		expect_date(hours, good_times[i], "");
	}
	for (i = 0; i < COUNT(good_days); i++) {
		expect_date(created, good_days[i], "#/data/createdAt date");
		expect_date(hours, good_days[i], "");
	}
}

static void
judges_decimals(void **state)
{
	static const char *const bad[] = {
		"10.005", "1e-3", "0.001", "-0.001", "1.005e0", "123.4e-2", "1e-999999999",
		"0.10000000000000000000001"
	};
	static const char *const good[] = {
		"0", "-0", "10.10", "10.100", "1.5e3", "0.01", "-0.01", "1e400", "100e-4",
		"18446744073709551616", "1.234e1", "0.000e-5", "1e999999999"
	};
	char change[128], expected[128];
	size_t i, j;

	(void)state;
	for (i = 0; i < COUNT(kinds); i++) {
		if (kinds[i].kind != 'n' || strcmp(kinds[i].name, "property_bedrooms") == 0)
			continue;
		for (j = 0; j < COUNT(bad); j++) {
			snprintf(change, sizeof(change), "\"%s\":%s", kinds[i].name, bad[j]);
			snprintf(expected, sizeof(expected), "#/data/%s decimals", kinds[i].name);
			expect_with("", change, expected);
		}
		for (j = 0; j < COUNT(good); j++) {
			snprintf(change, sizeof(change), "\"%s\":%s", kinds[i].name, good[j]);
			expect_with("", change, "");
		}
	}
	expect_with("", "\"property_bedrooms\":2.0005", "");
	expect_with("", "\"property_bedrooms\":-1e400", "");
}

/* Null is absence in all that is not required. */
static void
takes_null_for_absent(void **state)
{
	struct buf change = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(kinds); i++)
		if (strstr("id full_name email phone type address postcode", kinds[i].name) == NULL)
			buf_printf(&change, "%s\"%s\":null", change.len > 0 ? "," : "",
			    kinds[i].name);
	expect_with("", change.data, "");
	buf_free(&change);
}

static const char *const nested[][2] = {
	{ "\"appointment_availability\":{}", "" },
	{ "\"appointment_availability\":{\"hours\":null}", "" },
	{ "\"appointment_availability\":{\"hours\":[]}", "" },
	{ "\"appointment_availability\":{\"hours\":\"2021-01-01\"}",
	    "#/data/appointment_availability/hours type" },
	{ "\"appointment_availability\":{\"hours\":{\"a\":[\"x\"]}}",
	    "#/data/appointment_availability/hours type; "
	    "#/data/appointment_availability/hours/a/0 date" },
	{ "\"appointment_availability\":{\"note\":\"x\",\"n\":1,\"o\":{\"p\":true}}", "" },
	{ "\"appointment_availability\":{\"hours\":[null,\"2021-01-01\",1,{}]}",
	    "#/data/appointment_availability/hours/0 date; "
	    "#/data/appointment_availability/hours/2 date; "
	    "#/data/appointment_availability/hours/3 date" },
	{ "\"appointment_availability\":{\"a\":{\"b\":[[\"2021-01-01\",\"x\"],{\"c\":[\"y\"]}]}}",
	    "#/data/appointment_availability/a/b/0 date; "
	    "#/data/appointment_availability/a/b/0/1 date; "
	    "#/data/appointment_availability/a/b/1 date; "
	    "#/data/appointment_availability/a/b/1/c/0 date" },
	{ "\"meta\":{}", "" }, { "\"meta\":{\"\":\"\"}", "" },
	{ "\"meta\":{\"a\":null,\"b\":\"x\",\"virtual tour\":true}",
	    "#/data/meta/a type; #/data/meta/virtual%20tour type" },
	{ "\"meta\":{\"c%d\":1,\"e^f\":1,\"g|h\":1,\"i\\\\j\":1,\"k\\\"l\":1,\" \":1,\"m~n\":1,"
	    "\"a/b\":1,\"~1\":1,\"\":1,\"\xc3\xa9\":1,\"#[]<>?@:!$&'()*+,;=-._\":1,\"\\u007f\\n\":1}",
	    "#/data/meta/c%25d type; #/data/meta/e%5Ef type; #/data/meta/g%7Ch type; "
	    "#/data/meta/i%5Cj type; #/data/meta/k%22l type; #/data/meta/%20 type; "
	    "#/data/meta/m~0n type; #/data/meta/a~1b type; #/data/meta/~01 type; "
	    "#/data/meta/ type; #/data/meta/%C3%A9 type; "
	    "#/data/meta/%23%5B%5D%3C%3E?@:!$&'()*+,;=-._ type; #/data/meta/%7F%0A type" },
	{ "\"questionnaire\":[]", "" }, { "\"questionnaire\":[[\"q\",\"a\"],[\"\",\"\"]]", "" },
	{ "\"questionnaire\":[[\"q\",\"a\"],[\"q\"],[\"q\",\"a\",\"b\"],[],\"qa\",null,"
	    "[\"q\",null],[1,\"a\"],{\"q\":\"a\"}]",
	    "#/data/questionnaire/1 items; #/data/questionnaire/2 items; "
	    "#/data/questionnaire/3 items; #/data/questionnaire/4 items; "
	    "#/data/questionnaire/5 items; #/data/questionnaire/6/1 type; "
	    "#/data/questionnaire/7/0 type; #/data/questionnaire/8 items" },
	{ "\"questionnaire\":[[1,\"a\",[]]]", "#/data/questionnaire/0 items; "
	    "#/data/questionnaire/0/0 type; #/data/questionnaire/0/2 type" },
	{ "\"comparable_props\":[]", "" }, { "\"comparable_props\":[{},{\"beds\":null}]", "" },
	{ "\"comparable_props\":[{},[],null,\"x\",1]",
	    "#/data/comparable_props/1 items; #/data/comparable_props/2 items; "
	    "#/data/comparable_props/3 items; #/data/comparable_props/4 items" },
};

static void
judges_nested(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(nested); i++)
		expect_with("", nested[i][0], nested[i][1]);
}

/* One byte fewer, and no more is one too many; blanks and escapes do not count. */
static void
judges_bytes(void **state)
{
	static const struct {
		const char *name, *before, *after;
		size_t max, frame;	/* bytes of before and after when compact */
	} table[] = {
		{ "appointment_availability", "{ \"a\" : 1e2, \"b\":\"", "\" }", 2048, 16 },
		{ "meta", "{\"\\u0061\":\"", " \\/\" \n}", 1024, 10 },
		{ "questionnaire", "[ [\"\\ud83d\\ude00\",\"", "\"] ]", 2048, 13 },
	};
	char expected[64];
	struct buf change = { 0 };
	size_t i, j, extra;

	(void)state;
	for (i = 0; i < COUNT(table); i++)
		for (extra = 0; extra < 2; extra++) {
			buf_reset(&change);
			buf_printf(&change, "\"%s\":%s", table[i].name, table[i].before);
			for (j = table[i].frame; j < table[i].max + extra; j++)
				buf_putc(&change, 'x');
			buf_puts(&change, table[i].after);
			snprintf(expected, sizeof(expected), "#/data/%s bytes", table[i].name);
			expect_with("", change.data, extra > 0 ? expected : "");
		}
	buf_free(&change);
	/*
	 * Integers that json-c makes 20 digits of, and JavaScript 22 characters:
	 * 76 members "NN":1.2345678901234568e+25, 75 commas and a frame of 8 are 2135.
	 */
	buf_puts(&change, "\"appointment_availability\":{\"a\":{");
	for (i = 0; i < 76; i++)
		buf_printf(&change, "%s\"%02zu\":12345678901234567890123456", i > 0 ? "," : "", i);
	buf_puts(&change, "}}");
	expect_with("", change.data, "#/data/appointment_availability bytes");
	buf_free(&change);
}

static void
judges_offices(void **state)
{
	static const int64_t offices[] = { -3, 1, 7, 9007199254740991 };
	static const struct {
		const char *value, *expected;
	} table[] = {
		{ "0", "#/data/office_id office_id" }, { "8", "#/data/office_id office_id" },
		{ "9007199254740990", "#/data/office_id office_id" },
		{ "7.5", "#/data/office_id integer" }, { "\"7\"", "#/data/office_id type" },
		{ "7", "" }, { "7.0", "" }, { "-3", "" }, { "null", "" },
		{ "9007199254740991", "" },
	};
	struct buf errors = { 0 };
	char payload[512], *found;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(table); i++) {
		snprintf(payload, sizeof(payload), "{\"event\":\"lead.created\",\"data\":{\"id\":1,"
		    "\"full_name\":\"A\",\"email\":\"a@b\",\"phone\":\"0\",\"type\":\"vendor\","
		    "\"address\":\"\",\"postcode\":\"N1\",\"office_id\":%s}}", table[i].value);
		found = judge(payload, offices, COUNT(offices), &errors);
		assert_string_equal(found, table[i].expected);
		free(found);
	}
	found = judge(payload, offices, 0, &errors);	/* an empty list: none is valid */
	assert_string_equal(found, "#/data/office_id office_id");
	free(found);
	buf_free(&errors);
}

/* Thousands of bad elements: the first are named, the others counted. */
static void
bounds_the_report(void **state)
{
	struct buf payload = { 0 }, errors = { 0 };
	char *found;
	int i;

	(void)state;
	buf_puts(&payload, "{\"event\":\"lead.created\",\"data\":{\"id\":1,\"full_name\":\"A\","
	    "\"email\":\"a@b\",\"phone\":\"0\",\"type\":\"vendor\",\"address\":\"\","
	    "\"postcode\":\"N1\",\"comparable_props\":[0");
	for (i = 1; i < 20000; i++)
		buf_puts(&payload, ",0");
	buf_puts(&payload, "],\"appointment_availability\":{\"");
	for (i = 0; i < 20000; i++)
		buf_putc(&payload, 'n');
	buf_puts(&payload, "\":[0");
	for (i = 1; i < 20000; i++)
		buf_puts(&payload, ",0");
	buf_puts(&payload, "]}}}");
	found = judge(payload.data, NULL, 0, &errors);
	assert_true(errors.len < 100000);
	assert_non_null(strstr(found, "#/data/comparable_props/255 items; #/data/comparable_props items"));
	assert_non_null(strstr(errors.data, "\"19744 more inside it break this rule\""));
	assert_non_null(strstr(found, "#/data/appointment_availability bytes; "
	    "#/data/appointment_availability date; "));
	free(found);
	buf_free(&payload);
	buf_free(&errors);
}

/* No detail holds what the lead holds. */
static void
details_quote_nothing(void **state)
{
	struct buf errors = { 0 };

	(void)state;
	free(judge("{\"event\":\"SECRET\",\"data\":{\"id\":\"SECRET\",\"full_name\":[\"SECRET\"],"
	    "\"email\":\"SECRET\",\"type\":\"SECRET\",\"createdAt\":\"SECRET\","
	    "\"status\":\"SECRET\",\"title\":\"SECRETSECRET\",\"meta\":[\"SECRET\"],"
	    "\"questionnaire\":[\"SECRET\"]}}", NULL, 0, &errors));
	assert_null(strstr(errors.data, "SECRET"));
	buf_free(&errors);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(judges_the_envelope),
		cmocka_unit_test(judges_required),
		cmocka_unit_test(judges_types),
		cmocka_unit_test(judges_integers),
		cmocka_unit_test(judges_lengths),
		cmocka_unit_test(judges_words),
		cmocka_unit_test(judges_emails),
		cmocka_unit_test(judges_dates),
		cmocka_unit_test(judges_decimals),
		cmocka_unit_test(takes_null_for_absent),
		cmocka_unit_test(judges_nested),
		cmocka_unit_test(judges_bytes),
		cmocka_unit_test(judges_offices),
		cmocka_unit_test(bounds_the_report),
		cmocka_unit_test(details_quote_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
