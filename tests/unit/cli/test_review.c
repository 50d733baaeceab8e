#include "unit.h"

#include <string.h>

#include "cli/review.h"
#include "config/config.h"

#define NOW INT64_C(1769853600000)		/* 2026-01-31T10:00:00Z */
#define MINUTE INT64_C(60000)

/* An outbox where all is well: one relay, one destination, things delivered. */
static struct review_destination crm;
static struct review calm;
static const struct config config = { .alert = { .waiting_longer_than_ms = 15 * MINUTE,
    .quiet_for_ms = -1 } };

static int
setup(void **state)
{
	crm = (struct review_destination){ .stats = {
		.name = "crm", .configured = true,
		.count[DELIVERY_DELIVERED] = 7
	} };
	calm = (struct review){
		.now_ms = NOW,
		.config = &config,
		.stats = { .relay_alive = true, .relay_pid = 42,
		    .relay_seen_ms = NOW - 1000 },
		.destinations = &crm, .count = 1
	};
	(void)state;
	return 0;
}

static void
nothing_needed(void **state)
{
	(void)state;
	assert_false(review_needs_person(&calm));
	crm.stats.count[DELIVERY_WAITING] = 3;
	crm.stats.count[DELIVERY_DISCARDED] = 3;
	crm.stats.count[DELIVERY_SKIPPED] = 3;
	assert_false(review_needs_person(&calm));
	/* Between two runs of cron. */
	calm.stats.relay_alive = false;
	calm.stats.relay_seen_ms = NOW - MINUTE;
	assert_false(review_needs_person(&calm));
	/* No relay for long, but nothing to deliver either. */
	calm.stats.relay_seen_ms = 0;
	crm.stats.count[DELIVERY_WAITING] = 0;
	assert_false(review_needs_person(&calm));
}

static void
expect_need(enum need_kind kind, bool of_destination, const char *words)
{
	struct review_need need = { 0 };
	struct buf out = { 0 };

	assert_true(review_needs_person(&calm));
	assert_true(review_next(&calm, &need));
	assert_int_equal(need.kind, kind);
	assert_ptr_equal(need.destination, of_destination ? &crm.stats : NULL);
	review_explain(&calm, &need, &out);
	if (strstr(out.data, words) == NULL)
		fail_msg("\"%s\" is not in:\n%s", words, out.data);
	buf_free(&out);
	assert_false(review_next(&calm, &need));
	setup(NULL);
}

static void
each_need(void **state)
{
	(void)state;
	calm.stats.events_held = 2;
	expect_need(NEED_EVENTS_HELD, false, "2 events are held");
	crm.stats.count[DELIVERY_HELD] = 1;
	expect_need(NEED_HELD, true, "1 delivery to crm is held.\n"
	    "    leadrelay list --state held --destination crm\n");
	crm.stats.count[DELIVERY_DEAD] = 5;
	expect_need(NEED_DEAD, true, "leadrelay retry ID, or");
	crm.stats.count[DELIVERY_WAITING] = 3;
	crm.stats.state.paused_ms = NOW - 182 * MINUTE;
	crm.stats.state.next_probe_ms = NOW + 4 * MINUTE;
	crm.stats.state.pause_reason = (char *)"refused\x1b[1m";
	expect_need(NEED_PAUSED, true, "crm is paused since "
	    "2026-01-31T06:58:00Z (3h 2m ago): refused\\u001b[1m; next try in 4m");
	crm.stats.configured = false;
	crm.stats.count[DELIVERY_SENDING] = 1;
	expect_need(NEED_UNCONFIGURED, true, "1 delivery waits for crm");
	crm.stats.count[DELIVERY_WAITING] = 3;
	calm.stats.relay_alive = false;
	calm.stats.relay_seen_ms = NOW - 10 * MINUTE;
	expect_need(NEED_NO_RELAY, false,
	    "3 deliveries wait and nobody delivers");
	crm.stats.count[DELIVERY_WAITING] = 1;
	calm.stats.relay_seen_ms = NOW - MINUTE;
	expect_need(NEED_RELAY_STUCK, false,
	    "does nothing, and lets no other since ");
	crm.stats.count[DELIVERY_WAITING] = 2;
	calm.stats.relay_seen_ms = NOW - MINUTE;
	expect_need(NEED_RELAY_STUCK, false, "    kill -9 42\n");
}

static void
oldest(void **state)
{
	struct review_destination two[2] = {
		{ .stats.oldest_waiting_ms = 0 }, { .stats.oldest_waiting_ms = 5 }
	};
	struct review review = { .destinations = two, .count = 2 };

	(void)state;
	assert_int_equal(review_oldest(&review), 5);
	two[0].stats.oldest_waiting_ms = 3;
	assert_int_equal(review_oldest(&review), 3);
	review.count = 0;
	assert_int_equal(review_oldest(&review), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nothing_needed, setup),
		cmocka_unit_test_setup(each_need, setup),
		cmocka_unit_test(oldest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
