/*
 * The clock is set between two steps of a lead's way: what was written under the
 * one is bounded when it is read under the other.
 */
#include "box.h"

#include <stdio.h>
#include <string.h>

#define HOUR ((int64_t)BOX_HOUR)
#define DAY (24 * HOUR)
#define YEAR (365 * DAY)
#define LONGEST STORE_LONGEST_MS

/* By how much the former clock was off. */
static const int64_t offs[] = { HOUR, 2 * HOUR, DAY, 10 * YEAR, -HOUR, -2 * HOUR,
	-DAY, -10 * YEAR };

/* Run ${step} for every jump, each in an outbox of its own. */
static void
each(void (*step)(struct box *box, int64_t off))
{
	void *state;

	for (size_t i = 0; i < COUNT(offs); i++) {
		assert_int_equal(box_setup(&state), 0);
		print_message("off by %lld h\n", (long long)(offs[i] / HOUR));
		step(state, offs[i]);
		box_check(state);
		box_teardown(&state);
	}
}

/* Take one at ${now_ms} and give it back as delivered; false: there is none. */
static bool
goes(struct box *box, int64_t now_ms)
{
	return box_send(box, 0, DELIVERY_DELIVERED, 0, now_ms)[0] != '\0';
}

static void
accepted(struct box *box, int64_t off)
{
	box_put(box, "1", "A", BOX_NOW + off);
	assert_true(goes(box, BOX_NOW));
}

static void
released(struct box *box, int64_t off)
{
	struct event_in in = box_in("1", "A", BOX_NOW);

	in.hold = EVENT_HOLD_RULES;
	box_accept(box, &in);
	box_act(box, STORE_RELEASE, box->out.id, false, BOX_NOW + off);
	assert_true(goes(box, BOX_NOW));
}

static void
retried(struct box *box, int64_t off)
{
	box_put(box, "1", "A", BOX_NOW);
	box_send(box, 0, DELIVERY_DEAD, 0, BOX_NOW);
	box_act(box, STORE_RETRY, box->out.id, false, BOX_NOW + off);
	assert_true(goes(box, BOX_NOW));
}

/* Sent in again while dead. */
static void
revived(struct box *box, int64_t off)
{
	struct event_in in = box_in("1", "A", BOX_NOW + (off < 0 ? 0 : off));

	in.duplicate_window_ms = 20 * YEAR;
	box_put(box, "1", "A", BOX_NOW);
	box_send(box, 0, DELIVERY_DEAD, 0, BOX_NOW);
	assert_int_equal(box_accept(box, &in), EVENT_DUPLICATE);
	assert_true(box->out.revived);
	assert_true(goes(box, BOX_NOW));
}

/* Taken under one clock, its relay gone under the other. */
static void
recovered(struct box *box, int64_t off)
{
	struct delivery_claim claim;

	box_put(box, "1", "A", BOX_NOW + off);
	assert_int_equal(box_claim(box, 0, BOX_NOW + off, 1, &claim), 1);
	delivery_claim_free(&claim);
	box_recover(box, BOX_NOW + off);
	assert_true(goes(box, BOX_NOW));
}

/* A second event waits for the first, and is due as soon as that is through. */
static void
waited_for_another(struct box *box, int64_t off)
{
	box_put(box, "1", "A", BOX_NOW + off);
	box_put(box, "1", "B", BOX_NOW + off);
	assert_true(goes(box, BOX_NOW));
	assert_true(goes(box, BOX_NOW));
}

/* An old one that is let go late pushes back one that was never sent. */
static void
pushed_back(struct box *box, int64_t off)
{
	struct event_in in = box_in("1", "A", BOX_NOW + off);
	char old[UUID7_SIZE];

	in.hold = EVENT_HOLD_RULES;
	box_accept(box, &in);
	strcpy(old, box->out.id);
	box_put(box, "1", "B", BOX_NOW + off);
	box_act(box, STORE_RELEASE, old, false, BOX_NOW);
	assert_string_equal(box_send(box, 0, DELIVERY_DELIVERED, 0, BOX_NOW), old);
	assert_true(goes(box, BOX_NOW));
}

/* What was put off waits no longer than any pause is long. */
static void
put_off(struct box *box, int64_t off)
{
	char id[UUID7_SIZE];

	strcpy(id, box_put(box, "1", "A", BOX_NOW + off));
	box_send(box, 0, DELIVERY_WAITING, BOX_NOW + off + 5000, BOX_NOW + off);
	if (off + 5000 > 0 && off + 5000 <= LONGEST)
		assert_false(goes(box, BOX_NOW));
	else
		assert_true(goes(box, BOX_NOW));
	box_put(box, "2", "A", BOX_NOW + off);
	box_send(box, 0, DELIVERY_WAITING, BOX_NOW + off + LONGEST, BOX_NOW + off);
	assert_true(goes(box, BOX_NOW + LONGEST));
}

static void
test_due_at_once(void **state)
{
	(void)state;
	each(accepted);
	each(released);
	each(retried);
	each(revived);
	each(recovered);
	each(waited_for_another);
	each(pushed_back);
}

static void
test_put_off(void **state)
{
	(void)state;
	each(put_off);
}

/* However many there are, and whatever is due besides. */
static void
test_many_put_off(void **state)
{
	struct box *box = *state;
	char lead[8];
	int gone = 0;

	for (int i = 0; i < 300; i++) {
		snprintf(lead, sizeof(lead), "%d", i);
		box_put(box, lead, "A", BOX_NOW + 10 * YEAR);
	}
	for (int i = 0; i < 300; i++)
		box_send(box, 0, DELIVERY_WAITING, BOX_NOW + 10 * YEAR + i * HOUR,
		    BOX_NOW + 10 * YEAR);
	for (int i = 0; i < 20; i++) {
		snprintf(lead, sizeof(lead), "new %d", i);
		box_put(box, lead, "A", BOX_NOW);
	}
	while (goes(box, BOX_NOW + 1000))
		gone++;
	assert_int_equal(gone, 320);
	box_check(box);
}

/* A destination whose pauses are short waits no longer than these. */
static void
test_longest_of_a_destination(void **state)
{
	struct box *box = *state;

	box_close(box);
	box->destinations[0].longest_ms = 6 * HOUR;
	assert_true(box_open(box));
	box_put(box, "1", "A", BOX_NOW);
	box_send(box, 0, DELIVERY_WAITING, BOX_NOW + 7 * HOUR, BOX_NOW);
	assert_true(goes(box, BOX_NOW));
	box_put(box, "2", "A", BOX_NOW);
	box_send(box, 0, DELIVERY_WAITING, BOX_NOW + 6 * HOUR, BOX_NOW);
	assert_false(goes(box, BOX_NOW));
}

/* A lead's events stay in the order they came in, whatever the clock said. */
static void
test_order(void **state)
{
	struct box *box = *state;
	char ids[COUNT(offs)][UUID7_SIZE], data[8];

	for (size_t i = 0; i < COUNT(offs); i++) {
		snprintf(data, sizeof(data), "%zu", i);
		strcpy(ids[i], box_put(box, "1", data, BOX_NOW + offs[i]));
	}
	for (size_t i = 0; i < COUNT(offs); i++)
		assert_string_equal(box_send(box, 0, DELIVERY_DELIVERED, 0,
		    BOX_NOW + offs[(i + 3) % COUNT(offs)]), ids[i]);
	box_check(box);
}

/* An event received "in the future" is inside the window. */
static void
test_duplicate_window(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(offs); i++) {
		struct event_in in = box_in("1", "A", BOX_NOW);
		uint8_t token[DIGEST_SIZE] = { 7 };
		void *st;

		in.token_digest = token;
		assert_int_equal(box_setup(&st), 0);
		in.received_ms = BOX_NOW + offs[i];
		box_accept(st, &in);
		in.received_ms = BOX_NOW;
		assert_int_equal(box_accept(st, &in), offs[i] > -DAY ?
		    EVENT_DUPLICATE : EVENT_STORED);
		box_teardown(&st);
	}
}

/* A first attempt, or failure, that is yet to come counts as made now. */
static void
test_first_attempt(void **state)
{
	struct box *box = *state;
	struct delivery_claim claim;
	int64_t ahead = BOX_NOW + 10 * YEAR;

	box_put(box, "1", "A", ahead);
	box_send(box, 0, DELIVERY_WAITING, ahead, ahead);
	assert_int_equal(box_claim(box, 0, BOX_NOW, 1, &claim), 1);
	box_settle(box, &claim, DELIVERY_WAITING, BOX_NOW + 1, BOX_NOW);
	delivery_claim_free(&claim);
	assert_int_equal(box_claim(box, 0, BOX_NOW + 9, 1, &claim), 1);
	assert_int_equal(claim.first_attempt_ms, BOX_NOW);
	assert_int_equal(claim.first_failure_ms, BOX_NOW);
	delivery_claim_free(&claim);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, box_setup, box_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_due_at_once),
		cmocka_unit_test(test_put_off),
		TEST(test_many_put_off),
		TEST(test_longest_of_a_destination),
		TEST(test_order),
		cmocka_unit_test(test_duplicate_window),
		TEST(test_first_attempt),
	};

	return box_run(tests, COUNT(tests));
}
