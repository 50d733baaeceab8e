/* What comes in: new, known, held, refused for want of room. */
#include "box.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW (24 * (int64_t)BOX_HOUR)

/* One step of a scenario: what comes, and what must become of it. */
struct step {
	const char *what;
	const char *lead;
	const char *data;
	const char *name;
	const char *token;		/* NULL: without iat and jti */
	enum event_hold hold;
	int64_t after_ms;		/* since the scenario began */
	enum event_fate fate;
	enum event_hold answer;		/* the hold it is answered by */
	int same_as;			/* whose id it has: the step's number; -1: its own */
};

#define U "lead.updated"
#define C "lead.created"
#define NONE EVENT_HOLD_NONE
#define RULES EVENT_HOLD_RULES
#define STALE EVENT_HOLD_STALE
#define UNREADABLE EVENT_HOLD_UNREADABLE
#define NEW EVENT_STORED
#define DUP EVENT_DUPLICATE

static const struct step latest_counts[] = {
	{ "A is new", "1", "A", U, NULL, NONE, 0, NEW, NONE, -1 },
	{ "A again", "1", "A", U, NULL, NONE, 1, DUP, NONE, 0 },
	{ "B is new", "1", "B", U, NULL, NONE, 2, NEW, NONE, -1 },
	{ "A: the lead went back", "1", "A", U, NULL, NONE, 3, NEW, NONE, -1 },
	{ "A again", "1", "A", U, NULL, NONE, 4, DUP, NONE, 3 },
	{ "another event name", "1", "A", C, NULL, NONE, 5, NEW, NONE, -1 },
	{ "another lead", "2", "A", C, NULL, NONE, 6, NEW, NONE, -1 },
	{ "just inside the window", "2", "A", C, NULL, NONE, 6 + WINDOW - 1,
	    DUP, NONE, 6 },
	{ "a duplicate does not stretch it", "2", "A", C, NULL, NONE,
	    6 + WINDOW, NEW, NONE, -1 }
};

static const struct step tokens_count[] = {
	{ "A by token 1", "1", "A", U, "t1", NONE, 0, NEW, NONE, -1 },
	{ "B by token 2", "1", "B", U, "t2", NONE, 1, NEW, NONE, -1 },
	{ "token 1 again", "1", "A", U, "t1", NONE, 2, DUP, NONE, 0 },
	{ "token 2 again", "1", "B", U, "t2", NONE, 3, DUP, NONE, 1 },
	{ "A by a new token", "1", "A", U, "t3", NONE, 4, NEW, NONE, -1 },
	{ "B without claims", "1", "B", U, NULL, NONE, 5, NEW, NONE, -1 },
	{ "token 1 past the window", "1", "A", U, "t1", NONE, WINDOW, NEW,
	    NONE, -1 }
};

static const struct step held_counts[] = {
	{ "breaks rules", "1", "A", U, NULL, RULES, 0, NEW, RULES, -1 },
	{ "again: held once", "1", "A", U, NULL, RULES, 1, DUP, RULES, 0 },
	{ "the rules were changed", "1", "A", U, NULL, NONE, 2, DUP, RULES, 0 },
	{ "mended", "1", "B", U, NULL, NONE, 3, NEW, NONE, -1 },
	{ "unreadable", "sha256:00", "{", "", NULL, UNREADABLE, 4, NEW,
	    UNREADABLE, -1 },
	{ "unreadable again", "sha256:00", "{", "", NULL, UNREADABLE, 5, DUP,
	    UNREADABLE, 4 }
};

static const struct step stale_gives_way[] = {
	{ "stale", "1", "A", U, "t1", STALE, 0, NEW, STALE, -1 },
	{ "stale again: held once", "1", "A", U, "t1", STALE, 1, DUP, STALE, 0 },
	{ "live", "1", "A", U, "t2", NONE, 2, NEW, NONE, -1 },
	{ "live again", "1", "A", U, "t2", NONE, 3, DUP, NONE, 2 },
	{ "stale, as the latest", "1", "A", U, "t3", STALE, 4, DUP, NONE, 2 },
	{ "stale, new data", "1", "B", U, "t4", STALE, 5, NEW, STALE, -1 },
	{ "live, breaking rules", "1", "B", U, "t5", RULES, 6, NEW, RULES, -1 },
	{ "the same token, live now", "2", "A", U, "t6", STALE, 7, NEW, STALE,
	    -1 },
	{ "the same token, live now", "2", "A", U, "t6", NONE, 8, NEW, NONE,
	    -1 }
};

static void
play(struct box *box, const struct step *steps, size_t count)
{
	char ids[16][UUID7_SIZE];
	struct event_in in;
	uint8_t token[DIGEST_SIZE];

	for (size_t i = 0; i < count; i++) {
		const struct step *s = &steps[i];

		in = box_in(s->lead, s->data, BOX_NOW + s->after_ms);
		in.name = s->name;
		in.hold = s->hold;
		in.violations = s->hold == RULES ? "[1]" : NULL;
		if (s->token != NULL) {
			digest_sha256(s->token, strlen(s->token), token);
			in.token_digest = token;
		}
		if (box_accept(box, &in) != s->fate ||
		    box->out.hold != s->answer)
			fail_msg("%zu, %s: fate %d, hold %d", i, s->what,
			    box->out.fate, box->out.hold);
		if (s->same_as >= 0 && strcmp(box->out.id, ids[s->same_as]) != 0)
			fail_msg("%zu, %s: another's id", i, s->what);
		if (s->fate == DUP && s->answer == RULES)
			assert_string_equal(box->out.violations, "[1]");
		else
			assert_null(box->out.violations);
		strcpy(ids[i], box->out.id);
		for (size_t k = 0; s->same_as < 0 && k < i; k++)
			assert_string_not_equal(ids[i], ids[k]);
		box_check(box);
	}
}

static void
test_latest(void **state)
{
	play(*state, latest_counts, COUNT(latest_counts));
}

static void
test_tokens(void **state)
{
	play(*state, tokens_count, COUNT(tokens_count));
}

static void
test_held(void **state)
{
	play(*state, held_counts, COUNT(held_counts));
	assert_int_equal(box_stats(*state).events_held, 2);
}

static void
keep_note(void *arg, const struct store_event *event)
{
	snprintf(arg, 64, "%s %s", event->state,
	    event->note != NULL ? event->note : "");
}

static void
ignore_row(void *arg, const struct store_row *row)
{
	(void)arg;
	(void)row;
}

static void
ignore_attempt(void *arg, const struct store_attempt *attempt)
{
	(void)arg;
	(void)attempt;
}

static void
test_stale(void **state)
{
	struct box *box = *state;
	char note[64] = "", first[UUID7_SIZE], want[64];
	struct store_visitor visitor = { keep_note, ignore_row, ignore_attempt,
	    note };
	struct event_in in = box_in("9", "A", BOX_NOW);
	bool found;

	play(box, stale_gives_way, COUNT(stale_gives_way));
	in.hold = STALE;
	box_accept(box, &in);
	strcpy(first, box->out.id);
	in.hold = NONE;
	in.received_ms++;
	box_accept(box, &in);
	snprintf(want, sizeof(want), "discarded replaced by %s", box->out.id);
	box_begin(box);
	store_show(box->store, first, &visitor, &found);
	box_commit(box);
	assert_true(found);
	assert_string_equal(note, want);
	assert_int_equal(box_stats(box).events_held, 1);
}

/* A released one is accepted: the same with a live token is known, and no 401. */
static void
test_stale_released(void **state)
{
	struct box *box = *state;
	struct event_in in = box_in("1", "A", BOX_NOW);
	char first[UUID7_SIZE];

	in.hold = STALE;
	box_accept(box, &in);
	strcpy(first, box->out.id);
	assert_int_equal(box_act(box, STORE_RELEASE, first, false, BOX_NOW)
	    .result, STORE_ACT_DONE);
	in.hold = NONE;
	assert_int_equal(box_accept(box, &in), EVENT_DUPLICATE);
	assert_int_equal(box->out.hold, EVENT_HOLD_NONE);
	assert_string_equal(box->out.id, first);
	box_check(box);
}

/* Two sources never meet. */
static void
test_sources(void **state)
{
	struct box *box = *state;
	struct event_in in = box_in("1", "A", BOX_NOW);
	uint8_t token[DIGEST_SIZE] = { 7 };

	in.token_digest = token;
	assert_int_equal(box_accept(box, &in), EVENT_STORED);
	in.source = "other";
	assert_int_equal(box_accept(box, &in), EVENT_STORED);
	assert_int_equal(box->out.sequence, 1);
	assert_int_equal(box_accept(box, &in), EVENT_DUPLICATE);
}

/* The latest one dead, and the same again: its dead deliveries are due. */
static void
test_revived(void **state)
{
	struct box *box = *state;
	struct event_in in = box_in("1", "A", BOX_NOW);
	char id[UUID7_SIZE];

	box_accept(box, &in);
	strcpy(id, box->out.id);
	box_send(box, 0, DELIVERY_DEAD, 0, BOX_NOW);
	assert_int_equal(box_state(box, id, 0), DELIVERY_DEAD);

	in.hold = STALE;
	assert_int_equal(box_accept(box, &in), EVENT_DUPLICATE);
	assert_false(box->out.revived);
	in.hold = NONE;
	in.received_ms++;
	assert_int_equal(box_accept(box, &in), EVENT_DUPLICATE);
	assert_true(box->out.revived);
	assert_string_equal(box->out.id, id);
	assert_int_equal(box_state(box, id, 0), DELIVERY_WAITING);
	box_check(box);
	assert_string_equal(box_send(box, 0, DELIVERY_DELIVERED, 0,
	    BOX_NOW + 2), id);
	in.received_ms++;
	assert_int_equal(box_accept(box, &in), EVENT_DUPLICATE);
	assert_false(box->out.revived);
}

static void
test_sequence(void **state)
{
	struct box *box = *state;
	const char *data[] = { "A", "B", "C" };

	for (int i = 0; i < 3; i++) {
		box_put(box, "1", data[i], BOX_NOW + i);
		assert_int_equal(box->out.sequence, i + 1);
		box_put(box, "2", data[i], BOX_NOW + i);
		assert_int_equal(box->out.sequence, i + 1);
	}
	assert_int_equal(box->out.deliveries, 1);
}

/* max_waiting counts open events; what is known is answered all the same. */
static void
test_max_waiting(void **state)
{
	struct box *box = *state;
	struct event_in in = box_in("3", "A", BOX_NOW);

	box_close(box);
	box->options.max_waiting = 2;
	assert_true(box_open(box));
	box_put(box, "1", "A", BOX_NOW);
	box_put(box, "2", "A", BOX_NOW);
	assert_int_equal(box_accept(box, &in), EVENT_FULL);
	assert_string_equal(box->out.limit, "max_waiting");
	in.hold = RULES;
	assert_int_equal(box_accept(box, &in), EVENT_STORED);
	in = box_in("2", "A", BOX_NOW);
	assert_int_equal(box_accept(box, &in), EVENT_DUPLICATE);
	box_send(box, 0, DELIVERY_DELIVERED, 0, BOX_NOW);
	box_put(box, "4", "A", BOX_NOW);
	box_check(box);
}

/* The reserve is kept for settling what is there. */
static void
test_min_free(void **state)
{
	struct box *box = *state;
	struct event_in in = box_in("1", "A", BOX_NOW);

	box_put(box, "1", "A", BOX_NOW);
	box_close(box);
	box->options.min_free = UINT64_MAX;
	assert_true(box_open(box));
	assert_int_equal(box_accept(box, &in), EVENT_DUPLICATE);
	in = box_in("2", "A", BOX_NOW);
	assert_int_equal(box_accept(box, &in), EVENT_FULL);
	assert_string_equal(box->out.limit, "min_free");
	assert_string_not_equal(box_send(box, 0, DELIVERY_DELIVERED, 0,
	    BOX_NOW), "");
	box_check(box);
}

/* Accepted although it breaks rules: its violations are kept. */
static void
test_relayed_violations(void **state)
{
	struct box *box = *state;
	struct event_in in = box_in("1", "A", BOX_NOW);

	in.violations = "[2]";
	assert_int_equal(box_accept(box, &in), EVENT_STORED);
	assert_int_equal(box->out.deliveries, 1);
	assert_string_equal(box_show(box, box->out.id).violations, "[2]");
	assert_string_equal(box_show(box, box->out.id).state, "accepted");
	assert_int_equal(box_accept(box, &in), EVENT_DUPLICATE);
	assert_int_equal(box->out.hold, EVENT_HOLD_NONE);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, box_setup, box_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_latest),
		TEST(test_tokens),
		TEST(test_held),
		TEST(test_stale),
		TEST(test_stale_released),
		TEST(test_sources),
		TEST(test_revived),
		TEST(test_sequence),
		TEST(test_max_waiting),
		TEST(test_min_free),
		TEST(test_relayed_violations)
	};

	return box_run(tests, COUNT(tests));
}
