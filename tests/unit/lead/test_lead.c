#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "lead/lead.h"

#define NOW INT64_C(1700000000000)
#define MINUTE INT64_C(60000)

static void
digest_of(const char *text, size_t len, uint8_t out[DIGEST_SIZE])
{
	assert_int_equal(digest_sha256(text, len, out), 0);
}

static void
reads_the_unreadable(void **state)
{
	static const char *const table[] = {
		"", "null", "[]", "{", "{\"data\":{},}", "{\"a\":1,\"a\":1}", "\xff",
		"{\"data\":{\"id\":5},\"data\\u0000\":{}}", "{\"data\":'x'}",
	};
	struct lead lead;
	uint8_t digest[DIGEST_SIZE];
	char hex[DIGEST_HEX_SIZE];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(table); i++) {
		assert_non_null(lead_read(table[i], strlen(table[i]), &lead));
		digest_of(table[i], strlen(table[i]), digest);
		assert_memory_equal(lead.data_digest, digest, sizeof(digest));
		assert_memory_equal(lead.key, "sha256:", 7);
		assert_string_equal(lead.key + 7, digest_hex(digest, hex));
		assert_false(lead.has_id);
		assert_null(lead.root);
		assert_null(lead.data);
		assert_null(lead.data_text);
		assert_string_equal(lead.event, "");
		lead_free(&lead);
	}
}

/* The deepest that the scanner lets through, json-c must take as well. */
static void
reads_the_deepest(void **state)
{
	char text[128] = "{\"data\":";
	struct lead lead;
	int i;

	(void)state;
	for (i = 1; i < JSON_MAX_DEPTH; i++)
		strcat(text, "[");
	strcat(text, "0");
	for (i = 1; i < JSON_MAX_DEPTH; i++)
		strcat(text, "]");
	strcat(text, "} ");
	assert_null(lead_read(text, strlen(text), &lead));
	lead_free(&lead);
}

static void
makes_keys(void **state)
{
	static const struct {
		const char *payload, *key;	/* NULL: the payload's digest */
	} table[] = {
		{ "{}", NULL }, { "{\"id\":1}", NULL }, { "{\"data\":null}", NULL },
		{ "{\"data\":[{\"id\":1}]}", NULL }, { "{\"data\":{}}", NULL },
		{ "{\"data\":{\"id\":null}}", NULL }, { "{\"data\":{\"id\":\"1\"}}", NULL },
		{ "{\"data\":{\"id\":true}}", NULL }, { "{\"data\":{\"id\":1.5}}", NULL },
		{ "{\"data\":{\"id\":[1]}}", NULL }, { "{\"data\":{\"id\":1e400}}", NULL },
		{ "{\"data\":{\"id\":9007199254740992}}", NULL },
		{ "{\"data\":{\"id\":-9007199254740992}}", NULL },
		{ "{\"data\":{\"id\":9223372036854775807}}", NULL },
		{ "{\"data\":{\"id\":18446744073709551616}}", NULL },
		{ "{\"data\":{\"id\":-9223372036854775808}}", NULL },
		{ "{\"data\":{\"id\":-99999999999999999999999}}", NULL },
		{ "{\"data\":{\"id\":1e999999999}}", NULL },
		{ "{\"data\":{\"id\":0}}", "0" }, { "{\"data\":{\"id\":-0}}", "0" },
		{ "{\"data\":{\"id\":-0.0}}", "0" }, { "{\"data\":{\"id\":1}}", "1" },
		{ "{\"data\":{\"id\":1.0}}", "1" }, { "{\"data\":{\"id\":1E+2}}", "100" },
		{ "{\"data\":{\"id\":1.0e0}}", "1" }, { "{\"data\":{\"id\":-7}}", "-7" },
		{ "{\"data\":{\"id\":9007199254740991}}", "9007199254740991" },
		{ "{\"data\":{\"id\":9.007199254740991e15}}", "9007199254740991" },
		{ "{\"data\":{\"id\":-9007199254740991}}", "-9007199254740991" },
		{ "{\"d\\u0061ta\":{\"\\u0069d\":12}}", "12" },
	};
	struct lead lead;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(table); i++) {
		assert_null(lead_read(table[i].payload, strlen(table[i].payload), &lead));
		assert_int_equal(lead.has_id, table[i].key != NULL);
		if (table[i].key != NULL)
			assert_string_equal(lead.key, table[i].key);
		else
			assert_memory_equal(lead.key, "sha256:", 7);
		lead_free(&lead);
	}
}

/* Two payloads with the same bytes of data have the same digest, whatever surrounds them. */
static void
digests_the_bytes_of_data(void **state)
{
	static const char a[] = "{\"event\":\"lead.created\",\"data\":{\"id\": 1.10},\"iat\":1}";
	static const char b[] = "{\"iat\":2, \"data\" : {\"id\": 1.10} , \"event\":\"x\"}";
	static const char c[] = "{\"event\":\"lead.created\",\"data\":{\"id\":1.10},\"iat\":1}";
	uint8_t digest[DIGEST_SIZE];
	struct lead one, two, other;

	(void)state;
	assert_null(lead_read(a, sizeof(a) - 1, &one));
	assert_null(lead_read(b, sizeof(b) - 1, &two));
	assert_null(lead_read(c, sizeof(c) - 1, &other));
	digest_of("{\"id\": 1.10}", 12, digest);
	assert_int_equal(one.data_len, 12);
	assert_memory_equal(one.data_text, "{\"id\": 1.10}", 12);
	assert_memory_equal(one.data_digest, digest, sizeof(digest));
	assert_memory_equal(two.data_digest, digest, sizeof(digest));
	assert_memory_not_equal(other.data_digest, digest, sizeof(digest));
	lead_free(&one);
	lead_free(&two);
	lead_free(&other);
}

static void
reads_events(void **state)
{
	static const struct {
		const char *payload, *event;
	} table[] = {
		{ "{}", "" }, { "{\"event\":null}", "" }, { "{\"event\":1}", "" },
		{ "{\"event\":\"lead.deleted\"}", "" }, { "{\"event\":\"Lead.created\"}", "" },
		{ "{\"event\":\"lead.created \"}", "" }, { "{\"event\":\"lead.created\\u0000\"}", "" },
		{ "{\"event\":\"lead.create\"}", "" }, { "{\"event\":[\"lead.created\"]}", "" },
		{ "{\"event\":\"lead.created\"}", "lead.created" },
		{ "{\"event\":\"lead.up\\u0064ated\"}", "lead.updated" },
	};
	struct lead lead;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(table); i++) {
		assert_null(lead_read(table[i].payload, strlen(table[i].payload), &lead));
		assert_string_equal(lead.event, table[i].event);
		lead_free(&lead);
	}
}

static void
judges_time(void **state)
{
	static const struct {
		const char *payload;
		int64_t max_age_ms;
		enum lead_time verdict;
	} table[] = {
		{ "{\"exp\":\"1700000000\"}", -1, LEAD_TIME_MALFORMED },
		{ "{\"exp\":null}", -1, LEAD_TIME_MALFORMED },
		{ "{\"exp\":true}", -1, LEAD_TIME_MALFORMED },
		{ "{\"exp\":[1700000000]}", -1, LEAD_TIME_MALFORMED },
		{ "{\"nbf\":\"0\"}", -1, LEAD_TIME_MALFORMED },
		{ "{\"nbf\":{}}", -1, LEAD_TIME_MALFORMED },
		{ "{\"exp\":1,\"nbf\":\"0\"}", -1, LEAD_TIME_MALFORMED },
		{ "{\"exp\":1699999940}", -1, LEAD_TIME_STALE },	/* 60 s ago */
		{ "{\"exp\":0}", -1, LEAD_TIME_STALE },
		{ "{\"exp\":-1e400}", -1, LEAD_TIME_STALE },
		{ "{\"exp\":-5}", -1, LEAD_TIME_STALE },
		{ "{\"nbf\":1700000060.5}", -1, LEAD_TIME_STALE },
		{ "{\"nbf\":1e400}", -1, LEAD_TIME_STALE },
		{ "{\"iat\":1699999639}", 5 * MINUTE, LEAD_TIME_STALE },
		{ "{\"iat\":\"now\"}", 5 * MINUTE, LEAD_TIME_STALE },
		{ "{\"iat\":0}", 0, LEAD_TIME_STALE },
		{ "{}", -1, LEAD_TIME_OK }, { "{}", 0, LEAD_TIME_OK },
		{ "{\"exp\":1699999940.5}", -1, LEAD_TIME_OK },
		{ "{\"exp\":1699999941}", -1, LEAD_TIME_OK },
		{ "{\"exp\":1.7e9}", -1, LEAD_TIME_OK },
		{ "{\"exp\":1e400}", -1, LEAD_TIME_OK },
		{ "{\"exp\":99999999999999999999}", -1, LEAD_TIME_OK },
		{ "{\"nbf\":1700000060}", -1, LEAD_TIME_OK },
		{ "{\"nbf\":-1}", -1, LEAD_TIME_OK },
		{ "{\"iat\":1699999640}", 5 * MINUTE, LEAD_TIME_OK },
		{ "{\"iat\":0}", -1, LEAD_TIME_OK },
		{ "{\"iat\":\"now\"}", -1, LEAD_TIME_OK },
		{ "{\"iat\":1700009999}", 0, LEAD_TIME_OK },
	};
	struct lead lead;
	const char *why;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(table); i++) {
		why = NULL;
		assert_null(lead_read(table[i].payload, strlen(table[i].payload), &lead));
		if (lead_check_time(&lead, NOW, MINUTE, table[i].max_age_ms, &why) !=
		    table[i].verdict)
			fail_msg("%s", table[i].payload);
		assert_int_equal(why != NULL, table[i].verdict != LEAD_TIME_OK);
		lead_free(&lead);
	}
}

static void
sees_iat_and_jti(void **state)
{
	static const char with[] = "{\"jti\":\"a\",\"iat\":1}", without[] = "{\"jti\":null}";
	struct lead lead;

	(void)state;
	assert_null(lead_read(without, sizeof(without) - 1, &lead));
	assert_false(lead.has_jti);
	assert_int_equal(lead.iat.kind, LEAD_CLAIM_ABSENT);
	lead_free(&lead);
	assert_null(lead_read(with, sizeof(with) - 1, &lead));
	assert_true(lead.has_jti);
	assert_int_equal(lead.iat.kind, LEAD_CLAIM_NUMBER);
	lead_free(&lead);
}

static void
samples_are_valid(void **state)
{
	struct buf sample = { 0 }, errors = { 0 };
	struct lead lead;

	(void)state;
	lead_sample(4711, &sample);
	assert_true(buf_ok(&sample));
	assert_null(lead_read(sample.data, sample.len, &lead));
	assert_int_equal(lead_check(&lead, NULL, 0, &errors), 0);
	assert_string_equal(errors.data, "[]");
	assert_string_equal(lead.key, "4711");
	assert_string_equal(lead.event, "lead.updated");
	lead_free(&lead);
	buf_free(&sample);
	buf_free(&errors);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_the_unreadable),
		cmocka_unit_test(reads_the_deepest),
		cmocka_unit_test(makes_keys),
		cmocka_unit_test(digests_the_bytes_of_data),
		cmocka_unit_test(reads_events),
		cmocka_unit_test(judges_time),
		cmocka_unit_test(sees_iat_and_jti),
		cmocka_unit_test(samples_are_valid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
