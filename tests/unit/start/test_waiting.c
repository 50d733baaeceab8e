/* Whoever waits for the outbox is told how that ended, once, in the order they came. */
#include "unit.h"

#include <stdbool.h>
#include <string.h>

#include "base/clock.h"
#include "outbox/outbox.h"
#include "start/waiting.h"

#define JOBS 3

struct told {
	struct outbox_job job;		/* first: a job is what is told of it */
	char fault[sizeof(((struct store_fault *)NULL)->text)];
	int turn;			/* 0: not yet */
};

static int turns;

static void
tell(struct outbox_job *job, const struct store_fault *fault)
{
	struct told *t = (struct told *)job;

	assert_int_equal(t->turn, 0);
	t->turn = ++turns;
	strcpy(t->fault, fault->text);
}

static void
add_all(struct waiting *w, struct told *told)
{
	turns = 0;
	memset(told, 0, JOBS * sizeof(*told));
	for (int i = 0; i < JOBS; i++) {
		told[i].job.done = tell;
		assert_true(waiting_add(w, &told[i].job));
	}
}

static void
expect_all(const struct told *told, const char *words)
{
	for (int i = 0; i < JOBS; i++) {
		assert_int_equal(told[i].turn, i + 1);
		assert_non_null(strstr(told[i].fault, words));
	}
}

static void
test_it_could_not_be_opened(void **state)
{
	const struct store_fault fault = { STORE_FAULT_FULL, "no room" };
	struct waiting w = { 0 };
	struct told told[JOBS], other = { .job.done = tell };

	(void)state;
	waiting_init(&w);
	assert_false(waiting_add(&w, &other.job));
	for (int again = 0; again < 2; again++) {
		waiting_begin(&w);
		add_all(&w, told);
		waiting_end(&w, NULL, &fault);
		expect_all(told, "no room");
		assert_false(waiting_add(&w, &other.job));
	}
	assert_int_equal(other.turn, 0);
}

static void
test_for_too_long(void **state)
{
	struct waiting w = { 0 };
	struct told told[JOBS];
	int64_t now;

	(void)state;
	waiting_init(&w);
	waiting_begin(&w);
	add_all(&w, told);
	now = clock_mono_ms();
	told[2].job.since_mono_ms = now + 1;
	waiting_expire(&w, told[0].job.since_mono_ms + WAITING_MS - 1);
	assert_int_equal(turns, 0);
	waiting_expire(&w, now + WAITING_MS);
	assert_int_equal(turns, 2);
	waiting_expire(&w, now + WAITING_MS + 1);
	expect_all(told, "still being opened");
	add_all(&w, told);
}

static void
test_at_the_stop(void **state)
{
	struct waiting w = { 0 };
	struct told told[JOBS];

	(void)state;
	waiting_init(&w);
	waiting_begin(&w);
	add_all(&w, told);
	waiting_stop(&w);
	expect_all(told, "at the stop");
	waiting_begin(&w);
	assert_false(waiting_add(&w, &told[0].job));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_could_not_be_opened),
		cmocka_unit_test(test_for_too_long),
		cmocka_unit_test(test_at_the_stop)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
