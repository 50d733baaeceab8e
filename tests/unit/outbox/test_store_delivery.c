/* What goes out: order, claims, outcomes, restarts. */
#include "box.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Put events of ${lead} with data "0", "1", …; their ids go to ${ids}. */
static void
put_many(struct box *box, const char *lead, int count, char ids[][UUID7_SIZE])
{
	char data[8];

	for (int i = 0; i < count; i++) {
		snprintf(data, sizeof(data), "%d", i);
		strcpy(ids[i], box_put(box, lead, data, BOX_NOW + i));
	}
}

static void
test_claim_is_whole(void **state)
{
	struct box *box = *state;
	struct delivery_claim claim;
	char id[UUID7_SIZE];

	strcpy(id, box_put(box, "12", "{\"a\":\"\xc3\xa9\"}", BOX_NOW));
	assert_int_equal(box_claim(box, 0, BOX_NOW + 5, 1, &claim), 1);
	assert_string_equal(claim.id, id);
	assert_string_equal(claim.source, "default");
	assert_string_equal(claim.lead, "12");
	assert_string_equal(claim.name, "lead.updated");
	assert_int_equal(claim.destination, box->destinations[0].number);
	assert_int_equal(claim.sequence, 1);
	assert_int_equal(claim.received_ms, BOX_NOW);
	assert_int_equal(claim.first_attempt_ms, 0);
	assert_int_equal(claim.attempts, 1);
	assert_int_equal(claim.key_number, 1);
	assert_false(claim.unknown);
	assert_int_equal(claim.payload_len, 10);
	assert_memory_equal(claim.payload, "{\"a\":\"\xc3\xa9\"}", 11);
	assert_int_equal(box_state(box, id, 0), DELIVERY_SENDING);
	delivery_claim_free(&claim);
	box_check(box);
}

/* One of a lead at a time, in order, however many are asked for. */
static void
test_order(void **state)
{
	struct box *box = *state;
	struct delivery_claim claims[8];
	char a[3][UUID7_SIZE], b[2][UUID7_SIZE];

	put_many(box, "1", 3, a);
	put_many(box, "2", 2, b);
	assert_int_equal(box_claim(box, 0, BOX_NOW + 9, 8, claims), 2);
	assert_string_equal(claims[0].id, a[0]);
	assert_string_equal(claims[1].id, b[0]);
	assert_int_equal(box_claim(box, 0, BOX_NOW + 9, 6, &claims[2]), 0);

	/* The first lead is stuck; the second goes on. */
	box_settle(box, &claims[0], DELIVERY_WAITING, BOX_NOW + BOX_HOUR,
	    BOX_NOW + 9);
	box_settle(box, &claims[1], DELIVERY_DELIVERED, 0, BOX_NOW + 9);
	assert_int_equal(box_claim(box, 0, BOX_NOW + 9, 6, &claims[2]), 1);
	assert_string_equal(claims[2].id, b[1]);
	box_check(box);

	/* Dead ones do not block. */
	assert_string_equal(box_send(box, 0, DELIVERY_DEAD, 0,
	    BOX_NOW + BOX_HOUR), a[0]);
	assert_string_equal(box_send(box, 0, DELIVERY_DELIVERED, 0,
	    BOX_NOW + BOX_HOUR), a[1]);
	assert_string_equal(box_send(box, 0, DELIVERY_DELIVERED, 0,
	    BOX_NOW + BOX_HOUR), a[2]);
	assert_string_equal(box_send(box, 0, DELIVERY_DELIVERED, 0,
	    BOX_NOW + BOX_HOUR), "");
	box_check(box);
	for (int i = 0; i < 3; i++)
		delivery_claim_free(&claims[i]);
}

static void
add_destination(struct box *box, const char *name, bool hold)
{
	struct store_destination *d = &box->destinations[box->destination_count];

	box_close(box);
	d->name = name;
	d->hold_on_dead = hold;
	box->destination_count++;
	assert_true(box_open(box));
}

/* Destinations know nothing of each other; the event closes with the last. */
static void
test_destinations(void **state)
{
	struct box *box = *state;
	char a[2][UUID7_SIZE];

	add_destination(box, "mail", false);
	put_many(box, "1", 2, a);
	assert_int_equal(box->out.deliveries, 2);
	assert_string_equal(box_send(box, 1, DELIVERY_DELIVERED, 0,
	    BOX_NOW + 9), a[0]);
	assert_string_equal(box_send(box, 1, DELIVERY_SKIPPED, 0,
	    BOX_NOW + 9), a[1]);
	assert_string_equal(box_send(box, 0, DELIVERY_DELIVERED, 0,
	    BOX_NOW + 9), a[0]);
	assert_int_equal(box_stats(box).events_undelivered, 1);
	assert_int_equal(box_counts(box, 1).count[DELIVERY_SKIPPED], 1);
	assert_int_equal(box_counts(box, 0).count[DELIVERY_WAITING], 1);
	assert_int_equal(box_counts(box, 0).oldest_waiting_ms, BOX_NOW + 1);
	assert_int_equal(box_counts(box, 1).oldest_waiting_ms, 0);
	box_check(box);
}

/* With on_dead = hold the dead block, and so does what was held unsent. */
static void
test_hold_on_dead(void **state)
{
	struct box *box = *state;
	struct delivery_outcome held = { .state = DELIVERY_HELD,
	    .reason = "the transform failed" };
	struct delivery_claim claim;
	char a[3][UUID7_SIZE], b[2][UUID7_SIZE];

	box_close(box);
	box->destinations[0].hold_on_dead = true;
	assert_true(box_open(box));
	put_many(box, "1", 3, a);
	put_many(box, "2", 2, b);
	box_send(box, 0, DELIVERY_DEAD, 0, BOX_NOW + 9);
	assert_int_equal(box_claim(box, 0, BOX_NOW + 9, 1, &claim), 1);
	assert_string_equal(claim.id, b[0]);
	held.ticket = claim.ticket;
	box_settle_with(box, &held, BOX_NOW + 9);
	delivery_claim_free(&claim);
	assert_string_equal(box_send(box, 0, DELIVERY_DEAD, 0, BOX_NOW + 9), "");
	box_check(box);

	/* Discarding it lets the next go. */
	box_act(box, STORE_DISCARD, a[0], false, BOX_NOW + 9);
	assert_string_equal(box_send(box, 0, DELIVERY_DEAD, 0, BOX_NOW + 9),
	    a[1]);
	box_check(box);

	/* And so does a changed mind. */
	box_close(box);
	box->destinations[0].hold_on_dead = false;
	assert_true(box_open(box));
	box_check(box);
	assert_string_equal(box_send(box, 0, DELIVERY_DELIVERED, 0,
	    BOX_NOW + 9), b[1]);
	assert_string_equal(box_send(box, 0, DELIVERY_DELIVERED, 0,
	    BOX_NOW + 9), a[2]);
}

/* Held after being sent blocks nobody, whatever on_dead says. */
static void
test_held_after_sending(void **state)
{
	struct box *box = *state;
	char a[2][UUID7_SIZE];

	box_close(box);
	box->destinations[0].hold_on_dead = true;
	assert_true(box_open(box));
	put_many(box, "1", 2, a);
	box_send(box, 0, DELIVERY_HELD, 0, BOX_NOW + 9);
	assert_string_equal(box_send(box, 0, DELIVERY_DELIVERED, 0,
	    BOX_NOW + 9), a[1]);
	box_check(box);
}

/* What a claim carries over from attempt to attempt. */
static void
test_memory(void **state)
{
	struct box *box = *state;
	struct delivery_claim claim;
	struct delivery_outcome o = { .state = DELIVERY_WAITING,
	    .attempted = true };
	static const struct {
		bool free_of_charge, unknown, attempted;
		int attempts_next;	/* as the next claim says */
		bool unknown_next;
	} rounds[] = {
		{ false, false, true, 2, false },
		{ true, false, true, 2, false },
		{ false, true, true, 3, true },
		{ false, false, true, 4, true },	/* the unknown one may have come */
		{ true, true, true, 4, true }
	};

	box_put(box, "1", "A", BOX_NOW);
	assert_int_equal(box_claim(box, 0, BOX_NOW, 1, &claim), 1);
	for (size_t i = 0; i < COUNT(rounds); i++) {
		o.ticket = claim.ticket;
		o.free_of_charge = rounds[i].free_of_charge;
		o.unknown = rounds[i].unknown;
		o.attempted = rounds[i].attempted;
		o.started_ms = BOX_NOW + (int64_t)i;
		box_settle_with(box, &o, BOX_NOW + (int64_t)i);
		delivery_claim_free(&claim);
		assert_int_equal(box_claim(box, 0, BOX_NOW + 100 + (int64_t)i,
		    1, &claim), 1);
		assert_int_equal(claim.attempts, rounds[i].attempts_next);
		assert_int_equal(claim.unknown, rounds[i].unknown_next);
		assert_int_equal(claim.first_attempt_ms, BOX_NOW);
		assert_int_equal(claim.first_failure_ms, BOX_NOW);
	}
	assert_int_equal(box_total(box).attempts, 5);
	assert_int_equal(box_total(box).counted, 3);
	delivery_claim_free(&claim);
}

/* An outcome is for what is being sent, and is taken once. */
static void
test_late_outcome(void **state)
{
	struct box *box = *state;
	struct delivery_claim claim;

	box_put(box, "1", "A", BOX_NOW);
	assert_int_equal(box_claim(box, 0, BOX_NOW, 1, &claim), 1);
	box_settle(box, &claim, DELIVERY_DELIVERED, 0, BOX_NOW);
	box_settle(box, &claim, DELIVERY_DEAD, 0, BOX_NOW);
	assert_int_equal(box_state(box, claim.id, 0), DELIVERY_DELIVERED);
	assert_int_equal(box_total(box).attempts, 1);
	claim.ticket.delivery += 65536;	/* none such */
	box_settle(box, &claim, DELIVERY_DEAD, 0, BOX_NOW);
	box_check(box);
	delivery_claim_free(&claim);
}


/* The relay dies while sending: the outcome is unknown, and three are enough. */
static void
test_recover(void **state)
{
	struct box *box = *state;
	struct delivery_claim claim;
	char a[2][UUID7_SIZE];
	struct store_recovery found;

	put_many(box, "1", 2, a);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(box_claim(box, 0, BOX_NOW + 10 + i, 1, &claim),
		    1);
		assert_string_equal(claim.id, a[0]);
		assert_int_equal(claim.unknown, i > 0);
		assert_int_equal(claim.attempts, i + 1);
		delivery_claim_free(&claim);
		found = box_recover(box, BOX_NOW + 10 + i);
		assert_int_equal(found.unknown, 1);
		assert_int_equal(found.held, i == 2);
		assert_false(found.doubt);
		box_check(box);
	}
	assert_int_equal(box_recover(box, BOX_NOW + 20).unknown, 0);
	/* The next of the lead is free to go at once. */
	assert_int_equal(box_claim(box, 0, BOX_NOW + 20, 1, &claim), 1);
	assert_string_equal(claim.id, a[1]);
	delivery_claim_free(&claim);
	assert_int_equal(box_state(box, a[0], 0), DELIVERY_HELD);
	assert_int_equal(box_total(box).attempts, 3);
	box_check(box);
}

/* An outcome between them makes the count begin anew. */
static void
test_begun_is_forgotten(void **state)
{
	struct box *box = *state;
	struct delivery_claim claim;

	box_put(box, "1", "A", BOX_NOW);
	for (int i = 0; i < 8; i++) {
		assert_int_equal(box_claim(box, 0, BOX_NOW + i, 1, &claim), 1);
		if (i % 3 == 2)
			box_settle(box, &claim, DELIVERY_WAITING, BOX_NOW + i,
			    BOX_NOW + i);
		else
			box_recover(box, BOX_NOW + i);
		delivery_claim_free(&claim);
	}
}

/* What a relay died over is taken again in small company, then alone. */
static void
test_suspects_are_taken_apart(void **state)
{
	static const size_t want[] = { 20, 8, 1 };
	struct box *box = *state;
	struct delivery_claim claims[20];
	char lead[8];
	size_t count;

	for (int i = 0; i < 20; i++) {
		snprintf(lead, sizeof(lead), "%d", i + 1);
		box_put(box, lead, "A", BOX_NOW);
	}
	for (size_t round = 0; round < COUNT(want); round++) {
		count = box_claim(box, 0, BOX_NOW, COUNT(claims), claims);
		assert_int_equal(count, want[round]);
		while (count > 0)
			delivery_claim_free(&claims[--count]);
		box_recover(box, BOX_NOW);
	}
}

static int64_t
next_due(struct box *box)
{
	int64_t due;

	box_begin(box);
	assert_int_equal(store_next_due(box->store,
	    box->destinations[0].number, &due), 0);
	box_commit(box);
	return due;
}

static size_t
make_due(struct box *box, int64_t now_ms, size_t max)
{
	size_t count;

	box_begin(box);
	assert_int_equal(store_make_due(box->store,
	    box->destinations[0].number, now_ms, max, &count), 0);
	box_commit(box);
	return count;
}

/* After the first success: what waits for later becomes due, oldest first. */
static void
test_due(void **state)
{
	struct box *box = *state;
	char ids[5][UUID7_SIZE], lead[8];

	assert_int_equal(next_due(box), 0);
	for (int i = 0; i < 5; i++) {
		snprintf(lead, sizeof(lead), "%d", i);
		strcpy(ids[i], box_put(box, lead, "A", BOX_NOW + i));
	}
	assert_int_equal(next_due(box), BOX_NOW);
	/* The oldest waits longest. */
	for (int i = 0; i < 5; i++)
		assert_string_equal(box_send(box, 0, DELIVERY_WAITING,
		    BOX_NOW + (10 - i) * BOX_HOUR, BOX_NOW + 10), ids[i]);
	assert_int_equal(next_due(box), BOX_NOW + 6 * (int64_t)BOX_HOUR);
	box_check(box);
	/* Nor does one that came later overtake them. */
	box_put(box, "newcomer", "A", BOX_NOW + 15);
	assert_int_equal(make_due(box, BOX_NOW + 20, 2), 2);
	assert_string_equal(box_send(box, 0, DELIVERY_DELIVERED, 0,
	    BOX_NOW + 20), ids[0]);
	assert_string_equal(box_send(box, 0, DELIVERY_DELIVERED, 0,
	    BOX_NOW + 20), ids[1]);
	assert_string_not_equal(box_send(box, 0, DELIVERY_DELIVERED, 0,
	    BOX_NOW + 20), "");
	assert_string_equal(box_send(box, 0, DELIVERY_DELIVERED, 0,
	    BOX_NOW + 20), "");
	assert_int_equal(make_due(box, BOX_NOW + 20, 1000), 3);
	assert_int_equal(make_due(box, BOX_NOW + 20, 1000), 0);
	box_check(box);
}

/* Probes go round: each with the waiting lead least recently probed. */
static void
test_probe(void **state)
{
	struct box *box = *state;
	struct delivery_claim claim;
	char ids[3][UUID7_SIZE], lead[8];
	int64_t cursor = 0;
	size_t count;

	for (int i = 0; i < 3; i++) {
		snprintf(lead, sizeof(lead), "%d", i);
		strcpy(ids[i], box_put(box, lead, "A", BOX_NOW + i));
		box_put(box, lead, "B", BOX_NOW + i);	/* never probed: second */
	}
	for (int i = 0; i < 7; i++) {
		box_begin(box);
		assert_int_equal(store_probe(box->store,
		    box->destinations[0].number, cursor, &claim,
		    &count), 0);
		box_commit(box);
		assert_int_equal(count, 1);
		assert_string_equal(claim.id, ids[i % 3]);
		cursor = claim.event_seq;
		box_settle(box, &claim, DELIVERY_WAITING, BOX_NOW + BOX_HOUR,
		    BOX_NOW);
		delivery_claim_free(&claim);
	}
	box_check(box);
}

static void
test_probe_nothing(void **state)
{
	struct box *box = *state;
	struct delivery_claim claim;
	size_t count;

	box_begin(box);
	assert_int_equal(store_probe(box->store,
	    box->destinations[0].number, 77, &claim, &count), 0);
	box_commit(box);
	assert_int_equal(count, 0);
}

/* Leads are counted, not deliveries, and only as far as asked. */
static void
test_delivered_since(void **state)
{
	struct box *box = *state;
	char data[8], lead[8];
	int count;

	for (int i = 0; i < 4; i++) {
		snprintf(data, sizeof(data), "%d", i);
		box_put(box, "same", data, BOX_NOW);
		box_send(box, 0, DELIVERY_DELIVERED, 0, BOX_NOW + i);
	}
	for (int i = 0; i < 4; i++) {
		snprintf(lead, sizeof(lead), "%d", i);
		box_put(box, lead, "A", BOX_NOW);
		box_send(box, 0, DELIVERY_DELIVERED, 0, BOX_NOW + 10 + i);
	}
	static const struct { int64_t since; int max, want; } cases[] = {
		{ BOX_NOW, 99, 5 }, { BOX_NOW, 3, 3 }, { BOX_NOW + 4, 99, 4 },
		{ BOX_NOW + 13, 99, 1 }, { BOX_NOW + 14, 99, 0 }
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		box_begin(box);
		assert_int_equal(store_delivered_since(box->store,
		    box->destinations[0].number, cases[i].since,
		    BOX_NOW + BOX_HOUR, cases[i].max, &count), 0);
		box_commit(box);
		assert_int_equal(count, cases[i].want);
	}
}

static void
test_state_is_kept(void **state)
{
	struct box *box = *state;
	struct destination_state s = {
		.paused_ms = 1, .probes = 2, .next_probe_ms = 3,
		.probe_cursor = 4, .not_before_ms = 5, .recovered_ms = 6,
		.last_success_ms = 7, .refused_leads = 8, .refused = { 9, -10 },
		.failures = 11, .failed_lead = 12, .failed_several = 1,
		.failed_fresh = 1, .make_due = 1, .window = 13,
		.last_request_us = 14
	}, got = { 0 };
	char reason[] = "it refuses everything: mapping?";

	s.number = got.number = box->destinations[0].number;
	s.pause_reason = reason;
	box_begin(box);
	assert_int_equal(store_save_state(box->store, &s), 0);
	box_commit(box);
	box_close(box);
	assert_true(box_open(box));
	box_begin(box);
	assert_int_equal(store_load_state(box->store, &got), 0);
	box_commit(box);
	assert_string_equal(got.pause_reason, reason);
	free(got.pause_reason);
	got.pause_reason = s.pause_reason;
	assert_memory_equal(&got, &s, sizeof(s));
}

/* What rolls back has not been, in the counts neither. */
static void
test_rollback(void **state)
{
	struct box *box = *state;
	struct event_in in = box_in("1", "A", BOX_NOW);
	struct delivery_claim claim;
	size_t count;

	box_begin(box);
	assert_int_equal(store_accept(box->store, &in, &box->out, 1),
	    0);
	box->store->ops->rollback(box->store);
	box_check(box);
	assert_int_equal(box_stats(box).events_undelivered, 0);
	box_put(box, "1", "A", BOX_NOW);
	box_begin(box);
	assert_int_equal(store_claim(box->store,
	    box->destinations[0].number, BOX_NOW, 1, &claim, &count), 0);
	assert_int_equal(count, 1);
	box->store->ops->rollback(box->store);
	box->store->ops->let_go(box->store, &claim.ticket);
	delivery_claim_free(&claim);
	box_check(box);
	assert_int_equal(box_claim(box, 0, BOX_NOW, 1, &claim), 1);
	assert_int_equal(claim.attempts, 1);
	delivery_claim_free(&claim);
}

static void
sum_up(void *arg, int64_t start_ms, int64_t count)
{
	assert_int_equal(start_ms % STORE_SPAN_MS, 0);
	*(int64_t *)arg += count;
}

static int64_t
requests(struct box *box, size_t index, int64_t since_ms)
{
	int64_t sum = 0;

	box_begin(box);
	assert_int_equal(store_requests(box->store,
	    box->destinations[index].number, since_ms,
	    BOX_NOW + 240 * (int64_t)BOX_HOUR, sum_up, &sum), 0);
	box_commit(box);
	return sum;
}

/* Attempts are counted by when they were made, also those whose end nobody saw. */
static void
test_requests(void **state)
{
	struct box *box = *state;
	struct delivery_claim claims[4];
	struct delivery_outcome outcomes[4];

	for (int i = 0; i < 4; i++) {
		box_put(box, (const char *[]){ "1", "2", "3", "4" }[i], "A", BOX_NOW);
		memset(&outcomes[i], 0, sizeof(outcomes[i]));
	}
	assert_int_equal(box_claim(box, 0, BOX_NOW, 4, claims), 4);
	for (int i = 0; i < 3; i++) {
		outcomes[i].ticket = claims[i].ticket;
		outcomes[i].state = DELIVERY_WAITING;
		outcomes[i].due_ms = BOX_NOW + BOX_HOUR;
		outcomes[i].attempted = i != 1;
		outcomes[i].started_ms = BOX_NOW + (i == 2 ? BOX_HOUR : 0);
	}
	box_begin(box);
	assert_int_equal(store_settle(box->store, outcomes, 3, BOX_NOW), 0);
	box_commit(box);
	assert_int_equal(requests(box, 0, BOX_NOW), 2);
	assert_int_equal(requests(box, 0, BOX_NOW + BOX_HOUR), 1);

	assert_int_equal(box_recover(box, BOX_NOW).unknown, 1);
	assert_int_equal(requests(box, 0, BOX_NOW), 3);

	/* What is long past is forgotten, but not by a new request. */
	delivery_claim_free(&claims[3]);
	assert_int_equal(box_claim(box, 0, BOX_NOW + 72 * BOX_HOUR, 1, &claims[3]), 1);
	outcomes[3] = outcomes[0];
	outcomes[3].ticket = claims[3].ticket;
	outcomes[3].started_ms = BOX_NOW + (int64_t)72 * BOX_HOUR;
	box_settle_with(box, &outcomes[3], BOX_NOW + 72 * BOX_HOUR);
	assert_int_equal(requests(box, 0, 0), 4);
	box_begin(box);
	assert_int_equal(store_expire(box->store,
	    BOX_NOW + (int64_t)72 * BOX_HOUR, true), 0);
	box_commit(box);
	assert_int_equal(requests(box, 0, 0), 1);
	for (int i = 0; i < 4; i++)
		delivery_claim_free(&claims[i]);
}

static void
first_start(void *arg, int64_t start_ms, int64_t count)
{
	(void)count;
	*(int64_t *)arg = start_ms;
}

/* When what was counted is said to have been, at ${now_ms}. */
static int64_t
counted_at(struct box *box, int64_t now_ms)
{
	int64_t start = 0;

	box_begin(box);
	assert_int_equal(store_requests(box->store,
	    box->destinations[0].number, 0, now_ms, first_start, &start), 0);
	box_commit(box);
	return start;
}

static void
expire(struct box *box, int64_t now_ms, bool sure)
{
	box_begin(box);
	assert_int_equal(store_expire(box->store, now_ms, sure), 0);
	box_commit(box);
}

/* Requests counted under a clock that ran ahead: known from the first look on. */
static void
test_requests_ahead(void **state)
{
	static const int64_t offs[] = { 1, 2, 24, 87600 };
	const int64_t now = BOX_NOW - BOX_NOW % STORE_SPAN_MS;

	(void)state;
	for (size_t i = 0; i < COUNT(offs); i++) {
		int64_t ahead = now + offs[i] * BOX_HOUR;
		void *st;

		assert_int_equal(box_setup(&st), 0);
		box_put(st, "1", "A", ahead);
		box_send(st, 0, DELIVERY_DELIVERED, 0, ahead);
		assert_int_equal(counted_at(st, ahead), ahead);
		assert_int_equal(counted_at(st, now), now);
		/* Nothing is kept of a clock that is not sure. */
		expire(st, now - BOX_HOUR, false);
		assert_int_equal(counted_at(st, ahead), ahead);
		expire(st, now, true);
		assert_int_equal(counted_at(st, now + BOX_HOUR / 2), now);
		assert_int_equal(counted_at(st, ahead), now);
		expire(st, now + 47 * (int64_t)BOX_HOUR, true);
		assert_int_equal(counted_at(st, now + BOX_HOUR), now);
		expire(st, now + 49 * (int64_t)BOX_HOUR, true);
		assert_int_equal(counted_at(st, now + BOX_HOUR), 0);
		box_teardown(&st);
	}
}

/* What was delivered under a clock that ran ahead was not delivered since. */
static void
test_delivered_ahead(void **state)
{
	struct box *box = *state;
	int count;

	box_put(box, "1", "A", BOX_NOW);
	box_send(box, 0, DELIVERY_DELIVERED, 0, BOX_NOW + 87600 * (int64_t)BOX_HOUR);
	box_begin(box);
	assert_int_equal(store_delivered_since(box->store,
	    box->destinations[0].number, BOX_NOW, BOX_NOW + 1, 9, &count), 0);
	box_commit(box);
	assert_int_equal(count, 0);
}

/* How far the clock is believed survives; a new store knows nothing. */
static void
test_trust(void **state)
{
	struct box *box = *state;
	const struct store_ops *ops = box->store->ops;
	struct trust trust, read;

	box_begin(box);
	assert_int_equal(ops->load_trust(box->store, &trust), 0);
	assert_int_equal(trust.wall_ms, 0);
	trust = (struct trust){ .boot = "some start", .wall_ms = BOX_NOW,
		.boot_ms = 1, .jump_ms = 2, .jump_boot_ms = 3, .runs = { 4, 5 } };
	assert_int_equal(ops->save_trust(box->store, &trust), 0);
	box_commit(box);
	box_close(box);
	assert_true(box_open(box));
	box_begin(box);
	assert_int_equal(ops->load_trust(box->store, &read), 0);
	box_commit(box);
	assert_memory_equal(&read.wall_ms, &trust.wall_ms,
	    sizeof(trust) - offsetof(struct trust, wall_ms));
	assert_string_equal(read.boot, trust.boot);
}

/* One token a destination, the last one; what was told, by kind and subject. */
static void
test_tokens_and_alerts(void **state)
{
	struct box *box = *state;
	const struct store_ops *ops = box->store->ops;
	int64_t number = box->destinations[0].number;
	uint8_t first[DIGEST_SIZE] = { 1 }, second[DIGEST_SIZE] = { 2 };
	uint8_t origin[DIGEST_SIZE];
	struct store_alert alert = { .level = 3, .told_ms = BOX_NOW };
	char *token;

	box_begin(box);
	assert_int_equal(ops->load_token(box->store, number, origin, &token), 0);
	assert_null(token);
	assert_int_equal(ops->save_token(box->store, number, first, "one"), 0);
	assert_int_equal(ops->save_token(box->store, number, second, "two"), 0);
	assert_int_equal(ops->save_alert(box->store, "dead", "crm", &alert), 0);
	alert.level = 7;
	assert_int_equal(ops->save_alert(box->store, "dead", "crm", &alert), 0);
	box_commit(box);
	box_close(box);
	assert_true(box_open(box));
	box_begin(box);
	assert_int_equal(ops->load_token(box->store, number, origin, &token), 0);
	assert_string_equal(token, "two");
	assert_memory_equal(origin, second, DIGEST_SIZE);
	free(token);
	assert_int_equal(ops->load_alert(box->store, "dead", "crm", &alert), 0);
	assert_int_equal(alert.level, 7);
	assert_int_equal(alert.told_ms, BOX_NOW);
	assert_int_equal(ops->load_alert(box->store, "dead", "", &alert), 0);
	assert_int_equal(alert.level, 0);
	assert_int_equal(ops->load_alert(box->store, "held", "crm", &alert), 0);
	assert_int_equal(alert.told_ms, 0);
	box_commit(box);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, box_setup, box_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_claim_is_whole),
		TEST(test_order),
		TEST(test_destinations),
		TEST(test_hold_on_dead),
		TEST(test_held_after_sending),
		TEST(test_memory),
		TEST(test_late_outcome),
		TEST(test_recover),
		TEST(test_begun_is_forgotten),
		TEST(test_suspects_are_taken_apart),
		TEST(test_due),
		TEST(test_probe),
		TEST(test_probe_nothing),
		TEST(test_delivered_since),
		TEST(test_state_is_kept),
		TEST(test_rollback),
		TEST(test_requests),
		cmocka_unit_test(test_requests_ahead),
		TEST(test_delivered_ahead),
		TEST(test_trust),
		TEST(test_tokens_and_alerts)
	};

	return box_run(tests, COUNT(tests));
}
