#include "unit.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "alert/notice.h"

#define NOW INT64_C(1700000000000)

static void
test_one(void **state)
{
	struct notice n = { .kind = NEED_PAUSED, .now_ms = NOW };
	struct buf out = { 0 };

	(void)state;
	notice_add(&n, "crm", 1, NOW - 1000, "status 503\nagain");
	notice_summary(&n, "host.example", &out);
	assert_string_equal(out.data, "leadrelay on host.example: crm is paused");
	buf_reset(&out);
	notice_text(&n, "host.example", &out);
	assert_string_equal(out.data, "leadrelay on host.example: crm is paused\n\n"
	    "- crm is paused, since 2023-11-14T22:13:19.000Z: status 503?again\n\n"
	    "To look into it:\n    leadrelay check\n");
	buf_reset(&out);
	notice_mail(&n, "host.example", "a@b.example", &out);
	assert_memory_equal(out.data, "To: a@b.example\n"
	    "Subject: leadrelay on host.example: crm is paused\n", 66);
	assert_non_null(strstr(out.data, "\n\nleadrelay on host.example"));
	buf_free(&out);
}

static void
test_words(void **state)
{
	static const struct {
		enum need_kind kind;
		bool recovered;
		const char *subject;
		int64_t level;
		const char *words;
	} cases[] = {
		{ NEED_DEAD, false, "crm", 1, "1 delivery to crm is given up" },
		{ NEED_DEAD, false, "crm", 12, "12 deliveries to crm are given up" },
		{ NEED_DEAD, true, "crm", 0, "no delivery to crm is given up any more" },
		{ NEED_EVENTS_HELD, false, "", 2,
		    "2 events are held: they break LeadPro's rules, or came too late" },
		{ NEED_HELD, false, "crm", 2, "2 deliveries to crm are held" },
		{ NEED_EVENTS_HELD, true, "", 0, "no event is held any more" },
		{ NEED_HELD, true, "crm", 0, "no delivery to crm is held any more" },
		{ NEED_PAUSED, true, "crm", 0, "crm takes leads again" },
		{ NEED_WAITING, false, "crm", 1, "a lead waits for crm" },
		{ NEED_WAITING, true, "crm", 0, "no lead waits for crm so long any more" },
		{ NEED_UNCONFIGURED, false, "old", 3,
		    "3 deliveries wait for old, which is not in the configuration any more" },
		{ NEED_QUIET, false, "", 1, "no lead came" },
		{ NEED_QUIET, true, "", 0, "leads come again" },
		{ NEED_REFUSED, false, "", 4, "4 requests were refused for their token" },
		{ NEED_RELAY_STUCK, false, "", 1,
		    "the relay's process does nothing, and lets no other" },
		{ NEED_RELAY_STUCK, true, "", 0, "the relay works again" },
	};
	struct buf out = { 0 };
	char want[200];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct notice n = { .kind = cases[i].kind,
		    .recovered = cases[i].recovered, .now_ms = NOW };

		notice_add(&n, cases[i].subject, cases[i].level, 0, NULL);
		notice_summary(&n, "h", &out);
		snprintf(want, sizeof(want), "leadrelay on h: %s", cases[i].words);
		assert_string_equal(out.data, want);
		buf_reset(&out);
	}
	buf_free(&out);
}

/* Many are one message, that stays small. */
static void
test_many(void **state)
{
	struct notice n = { .kind = NEED_DEAD, .now_ms = NOW };
	struct json_object *object, *items, *text, *item, *destination;
	struct buf out = { 0 };
	char name[32];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "crm%d", i);
		notice_add(&n, name, i + 1, NOW, "say \"no\"");
	}
	notice_json(&n, "h", &out);
	assert_true(buf_ok(&out) && out.len < 16384);
	object = json_tokener_parse(out.data);
	assert_non_null(object);
	assert_true(json_object_object_get_ex(object, "items", &items));
	assert_int_equal(json_object_array_length(items), NOTICE_ITEMS_MAX);
	item = json_object_array_get_idx(items, 1);
	assert_true(json_object_object_get_ex(item, "destination", &destination));
	assert_string_equal(json_object_get_string(destination), "crm1");
	assert_true(json_object_object_get_ex(object, "text", &text));
	assert_non_null(strstr(json_object_get_string(text), ", and 999 more\n"));
	assert_non_null(strstr(json_object_get_string(text), "- and 984 more\n"));
	json_object_put(object);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
