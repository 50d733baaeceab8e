/*
 * Random work on the outbox against a simple model of it.  The model knows, for
 * each lead and destination, only what DESIGN promises: an event is sent when no
 * earlier one is waiting or being sent, none after a newer one was delivered, and
 * nothing accepted goes missing.
 */
#include "box.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEADS 6
#define STEPS 1500
#define EVENTS 700
#define DESTINATIONS 2

struct model_event {
	char id[UUID7_SIZE];
	int lead;
	char data;
	enum event_hold hold;
	bool held;			/* still */
	bool discarded;			/* while held */
	bool forced[DESTINATIONS];
	enum delivery_state state[DESTINATIONS];
	int64_t due[DESTINATIONS];
	int begun[DESTINATIONS];
	struct delivery_ticket ticket[DESTINATIONS];
};

struct model {
	struct box *box;
	struct model_event events[EVENTS];
	int count;
	int64_t now;
	unsigned seed;
};

static unsigned
chance(struct model *m, unsigned below)
{
	/* A generator of our own: the same run everywhere. */
	m->seed = m->seed * 1103515245u + 12345u;
	return (m->seed >> 16) % below;
}

static bool
is_open(enum delivery_state s)
{
	return s == DELIVERY_WAITING || s == DELIVERY_SENDING;
}

/* The lead's newest event, or -1. */
static int
latest(const struct model *m, int lead)
{
	for (int i = m->count - 1; i >= 0; i--)
		if (m->events[i].lead == lead)
			return i;
	return -1;
}

static void
step_accept(struct model *m)
{
	int lead = (int)chance(m, LEADS), known = latest(m, lead);
	char data[2] = { (char)('A' + chance(m, 3)), '\0' }, key[8];
	struct model_event *e;
	struct event_in in;
	bool same, revived = false;

	if (m->count == EVENTS)
		return;
	snprintf(key, sizeof(key), "%d", lead);
	in = box_in(key, data, m->now);
	in.hold = chance(m, 8) == 0 ? EVENT_HOLD_RULES : EVENT_HOLD_NONE;
	box_accept(m->box, &in);
	same = known != -1 && m->events[known].data == data[0];
	assert_int_equal(m->box->out.fate, same ? EVENT_DUPLICATE :
	    EVENT_STORED);
	if (same) {
		e = &m->events[known];
		assert_string_equal(m->box->out.id, e->id);
		assert_int_equal(m->box->out.hold, e->hold);
		for (int d = 0; d < DESTINATIONS && !e->held && !e->discarded;
		    d++)
			if (e->state[d] == DELIVERY_DEAD) {
				e->state[d] = DELIVERY_WAITING;
				e->due[d] = m->now;
				revived = true;
			}
		assert_int_equal(m->box->out.revived, revived);
		return;
	}
	e = &m->events[m->count++];
	memset(e, 0, sizeof(*e));
	strcpy(e->id, m->box->out.id);
	e->lead = lead;
	e->data = data[0];
	e->hold = in.hold;
	e->held = in.hold != EVENT_HOLD_NONE;
	for (int d = 0; d < DESTINATIONS; d++)
		e->due[d] = m->now;
}

/* May event ${i} be claimed at ${d} now? */
static bool
claimable(const struct model *m, int i, int d)
{
	const struct model_event *e = &m->events[i];

	if (e->held || e->discarded || e->state[d] != DELIVERY_WAITING ||
	    e->due[d] > m->now)
		return false;
	for (int k = 0; k < i; k++)
		if (m->events[k].lead == e->lead && !m->events[k].held &&
		    !m->events[k].discarded && is_open(m->events[k].state[d]))
			return false;
	return true;
}

static int
find(const struct model *m, const char *id)
{
	for (int i = 0; i < m->count; i++)
		if (strcmp(m->events[i].id, id) == 0)
			return i;
	fail_msg("an event that nobody put in");
	return -1;
}

static void
step_claim(struct model *m)
{
	struct delivery_claim claims[4];
	int d = (int)chance(m, DESTINATIONS), wanted = 0, i;
	size_t max = 1 + chance(m, 4), count;

	for (i = 0; i < m->count; i++)
		wanted += claimable(m, i, d);
	count = box_claim(m->box, (size_t)d, m->now, max, claims);
	/* One that was begun twice without an outcome is taken as the last. */
	if (count == 0 || claims[count - 1].begun < 2)
		assert_int_equal(count, (size_t)wanted < max ? (size_t)wanted : max);
	for (size_t k = 0; k < count; k++) {
		i = find(m, claims[k].id);
		assert_true(claimable(m, i, d));
		assert_int_equal(claims[k].payload[0], m->events[i].data);
		for (int n = i + 1; n < m->count; n++)
			if (m->events[n].lead == m->events[i].lead &&
			    m->events[n].state[d] == DELIVERY_DELIVERED &&
			    !m->events[i].forced[d])
				fail_msg("an older one after a newer");
		m->events[i].state[d] = DELIVERY_SENDING;
		m->events[i].ticket[d] = claims[k].ticket;
		delivery_claim_free(&claims[k]);
	}
}

static void
step_settle(struct model *m)
{
	static const enum delivery_state outcomes[] = { DELIVERY_DELIVERED,
		DELIVERY_DELIVERED, DELIVERY_WAITING, DELIVERY_DEAD,
		DELIVERY_HELD, DELIVERY_SKIPPED };
	struct delivery_outcome o = { .attempted = true };
	int d = (int)chance(m, DESTINATIONS);
	struct model_event *e;

	for (int i = 0; i < m->count; i++) {
		e = &m->events[i];
		if (e->held || e->discarded ||
		    e->state[d] != DELIVERY_SENDING || chance(m, 2) == 0)
			continue;
		o.ticket = e->ticket[d];
		o.state = outcomes[chance(m, COUNT(outcomes))];
		o.due_ms = m->now + chance(m, 20);
		box_settle_with(m->box, &o, m->now);
		e->state[d] = o.state;
		e->begun[d] = 0;
		e->due[d] = o.due_ms;
	}
}

static void
step_recover(struct model *m)
{
	struct store_recovery found;
	int64_t wanted = 0, held = 0;

	for (int i = 0; i < m->count; i++)
		for (int d = 0; d < DESTINATIONS; d++)
			if (!m->events[i].held && !m->events[i].discarded &&
			    m->events[i].state[d] == DELIVERY_SENDING) {
				wanted++;
				m->events[i].state[d] = DELIVERY_WAITING;
				m->events[i].due[d] = m->now;
				if (++m->events[i].begun[d] < 3)
					continue;
				m->events[i].state[d] = DELIVERY_HELD;
				held++;
			}
	found = box_recover(m->box, m->now);
	assert_int_equal(found.unknown, wanted);
	assert_int_equal(found.held, held);
}

/* What the lead's newer events forbid at ${d}: 0, or why not. */
static enum store_act_result
forbidden(const struct model *m, int i, int d, bool force)
{
	enum store_act_result result = STORE_ACT_DONE;

	for (int k = i + 1; k < m->count; k++) {
		const struct model_event *n = &m->events[k];

		if (n->lead != m->events[i].lead || n->held || n->discarded)
			continue;
		if (n->state[d] == DELIVERY_SENDING)
			return STORE_ACT_SENDING;
		if (n->state[d] == DELIVERY_DELIVERED && !force)
			result = STORE_ACT_SUPERSEDED;
	}
	return result;
}

static void
act_on_held(struct model *m, int i, enum store_action action, bool force,
    const struct store_act_out *out)
{
	struct model_event *e = &m->events[i];
	enum store_act_result want = STORE_ACT_DONE;

	if (action == STORE_RETRY)
		want = STORE_ACT_NOTHING;
	for (int d = 0; d < DESTINATIONS && action == STORE_RELEASE; d++)
		if (want == STORE_ACT_DONE)
			want = forbidden(m, i, d, force);
	assert_int_equal(out->result, want);
	if (want != STORE_ACT_DONE)
		return;
	e->held = false;
	e->discarded = action == STORE_DISCARD;
	for (int d = 0; d < DESTINATIONS; d++) {
		e->state[d] = DELIVERY_WAITING;
		e->due[d] = m->now;
		e->forced[d] = force;
	}
}

static void
step_act(struct model *m)
{
	static const unsigned applies[] = {
		1u << DELIVERY_WAITING | 1u << DELIVERY_DEAD | 1u << DELIVERY_HELD,
		1u << DELIVERY_HELD,
		1u << DELIVERY_WAITING | 1u << DELIVERY_DEAD | 1u << DELIVERY_HELD
	};
	enum store_action action = (enum store_action)chance(m, 3);
	bool force = chance(m, 4) == 0, revives, superseded = false;
	enum store_act_result result;
	struct store_act_out out;
	struct model_event *e;
	int i, changed = 0;

	if (m->count == 0)
		return;
	i = m->count - 1 - (int)chance(m, m->count < 12 ?
	    (unsigned)m->count : 12);
	e = &m->events[i];
	out = box_act(m->box, action, e->id, force, m->now);
	if (e->held) {
		act_on_held(m, i, action, force, &out);
		return;
	}
	if (e->discarded) {
		assert_int_equal(out.result, STORE_ACT_NOTHING);
		return;
	}
	for (int d = 0; d < DESTINATIONS; d++) {
		revives = action != STORE_DISCARD &&
		    e->state[d] != DELIVERY_WAITING;
		if ((applies[action] & 1u << e->state[d]) == 0)
			continue;
		result = revives ? forbidden(m, i, d, force) : STORE_ACT_DONE;
		superseded |= result == STORE_ACT_SUPERSEDED;
		if (result != STORE_ACT_DONE)
			continue;
		changed++;
		if (action == STORE_DISCARD) {
			e->state[d] = DELIVERY_DISCARDED;
			continue;
		}
		if (revives || e->due[d] > m->now)
			e->due[d] = m->now;
		e->state[d] = DELIVERY_WAITING;
		e->forced[d] = e->forced[d] || (revives && force);
	}
	assert_int_equal(out.changed, changed);
	assert_int_equal(out.result == STORE_ACT_SUPERSEDED, superseded);
	assert_int_equal(out.result == STORE_ACT_DONE, changed > 0 && !superseded);
}

/* The model and the store agree about every delivery. */
static void
compare(const struct model *m)
{
	char sql[256];

	for (int i = 0; i < m->count; i++)
		for (int d = 0; d < DESTINATIONS; d++) {
			const struct model_event *e = &m->events[i];

			if (e->held || e->discarded)
				continue;
			snprintf(sql, sizeof(sql), "SELECT state FROM delivery "
			    "WHERE number = %lld", (long long)((int64_t)(i + 1) *
			    65536 + m->box->destinations[d].number));
			/* What is being sent is stored as waiting. */
			assert_int_equal(box_number(m->box, sql),
			    e->state[d] == DELIVERY_SENDING ? DELIVERY_WAITING :
			    e->state[d]);
		}
}

/* One run, in an outbox of its own. */
static void
play(unsigned seed)
{
	static void (*const steps[])(struct model *) = {
		step_accept, step_accept, step_claim, step_claim, step_settle,
		step_settle, step_act
	};
	static struct model m;
	void *state = NULL;

	assert_int_equal(box_setup(&state), 0);
	memset(&m, 0, sizeof(m));
	m.box = state;
	m.now = BOX_NOW;
	m.seed = seed;
	box_close(m.box);
	m.box->destinations[1].name = "mail";
	m.box->destination_count = DESTINATIONS;
	assert_true(box_open(m.box));
	for (int i = 0; i < STEPS; i++) {
		m.now += chance(&m, 5);
		if (chance(&m, 60) == 0)
			step_recover(&m);
		else
			steps[chance(&m, COUNT(steps))](&m);
		if (i % 100 == 99)
			box_check(m.box);
	}
	compare(&m);
	assert_true(m.count > 100);
	box_teardown(&state);
}

static void
test_random(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 3; seed++)
		play(seed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_random) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
