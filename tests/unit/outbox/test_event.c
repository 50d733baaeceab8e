/* Names of states and holds, both ways. */
#include "unit.h"

#include <string.h>

#include "outbox/event.h"

static void
test_names(void **state)
{
	(void)state;
	for (int i = 0; i < DELIVERY_STATES; i++)
		assert_int_equal(delivery_state_parse(
		    delivery_state_name((enum delivery_state)i)), i);
	for (int i = EVENT_HOLD_NONE; i <= EVENT_HOLD_STALE; i++)
		assert_int_equal(event_hold_parse(
		    event_hold_name((enum event_hold)i)), i);
	assert_int_equal(delivery_state_parse("Waiting"), -1);
	assert_int_equal(delivery_state_parse(""), -1);
	assert_int_equal(event_hold_parse("nonsense"), -1);
	assert_string_equal(delivery_state_name(DELIVERY_STATES), "?");
	assert_string_equal(event_hold_name(EVENT_HOLD_NONE), "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_names) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
