/* Random work on the outbox, as the model has it. */
#include "model.h"

static void
test_random(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 3; seed++)
		model_play(seed, false);
}

static void
test_clock_is_set(void **state)
{
	unsigned runs = box_stride() == 1 ? 60 : box_stride() > 5 ? 1 : 3;

	(void)state;
	for (unsigned seed = 1; seed <= runs; seed++)
		model_play(seed, true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_clock_is_set)
	};

	return box_run(tests, COUNT(tests));
}
