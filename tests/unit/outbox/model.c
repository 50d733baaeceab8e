/* A run is STEPS steps, each one operation on the store and the same on the model. */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEADS 6
#define STEPS 1500
#define WINDOW (24 * (int64_t)BOX_HOUR)

unsigned
model_chance(struct model *m, unsigned below)
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
	int lead = (int)model_chance(m, LEADS), known = latest(m, lead);
	char data[2] = { (char)('A' + model_chance(m, 3)), '\0' }, key[8];
	struct model_event *e;
	struct event_in in;
	bool same, revived = false;

	if (m->count == EVENTS)
		return;
	snprintf(key, sizeof(key), "%d", lead);
	in = box_in(key, data, m->now);
	in.hold = model_chance(m, 8) == 0 ? EVENT_HOLD_RULES : EVENT_HOLD_NONE;
	m->coming = (struct model_event){ .lead = lead, .data = data[0],
	    .hold = in.hold, .held = in.hold != EVENT_HOLD_NONE,
	    .received = m->now };
	box_accept(m->box, &in);
	same = known != -1 && m->events[known].data == data[0] &&
	    m->now - m->events[known].received < WINDOW;
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
				e->tried[d] = false;
				revived = true;
			}
		assert_int_equal(m->box->out.revived, revived);
		return;
	}
	e = &m->events[m->count++];
	*e = m->coming;
	strcpy(e->id, m->box->out.id);
	for (int d = 0; d < DESTINATIONS; d++)
		e->due[d] = m->now;
}

/* By the clock as it stands, is it due? */
static bool
is_due(const struct model *m, const struct model_event *e, int d)
{
	return !e->tried[d] || e->due[d] <= m->now ||
	    e->due[d] > m->now + STORE_LONGEST_MS;
}

/* After each setting of the clock: what is due may stay so when it is set back. */
static void
note_fallen(struct model *m)
{
	for (int i = 0; i < m->count; i++)
		for (int d = 0; d < DESTINATIONS; d++)
			m->events[i].fell[d] |= is_due(m, &m->events[i], d);
}

/* Can event ${i} be claimed at ${d} now; if ${maybe}, for all that is known? */
static bool
claimable(const struct model *m, int i, int d, bool maybe)
{
	const struct model_event *e = &m->events[i];

	if (e->held || e->discarded || e->state[d] != DELIVERY_WAITING ||
	    !(is_due(m, e, d) || (maybe && e->fell[d])))
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
	int d = (int)model_chance(m, DESTINATIONS), i;
	size_t max = 1 + model_chance(m, 4), count, sure = 0, most = 0;

	for (i = 0; i < m->count; i++) {
		sure += claimable(m, i, d, false);
		most += claimable(m, i, d, true);
	}
	count = box_claim(m->box, (size_t)d, m->now, max, claims);
	/* One that was begun twice without an outcome is taken as the last. */
	if (count == 0 || claims[count - 1].begun < 2)
		assert_in_range(count, sure < max ? sure : max,
		    most < max ? most : max);
	for (size_t k = 0; k < count; k++) {
		i = find(m, claims[k].id);
		assert_true(claimable(m, i, d, true));
		assert_int_equal(claims[k].payload[0], m->events[i].data);
		for (int n = i + 1; n < m->count; n++)
			if (m->events[n].lead == m->events[i].lead &&
			    m->events[n].state[d] == DELIVERY_DELIVERED &&
			    !m->events[i].forced[d])
				fail_msg("an older one after a newer");
		m->events[i].state[d] = DELIVERY_SENDING;
		m->events[i].ticket[d] = claims[k].ticket;
		m->events[i].tried[d] = true;
		delivery_claim_free(&claims[k]);
	}
}

/* Write the outcome of event ${i} at ${d}, as often as it takes. */
void
model_settle(struct model *m, int i, int d)
{
	struct model_event *e = &m->events[i];

	m->being_settled = i + 1;
	box_settle_with(m->box, &m->settling, m->now);
	m->being_settled = 0;
	e->state[d] = m->settling.state;
	e->begun[d] = 0;
	e->due[d] = m->settling.due_ms;
	e->fell[d] = false;
}

static void
step_settle(struct model *m)
{
	static const enum delivery_state outcomes[] = { DELIVERY_DELIVERED,
		DELIVERY_DELIVERED, DELIVERY_WAITING, DELIVERY_DEAD,
		DELIVERY_HELD, DELIVERY_SKIPPED };
	int d = (int)model_chance(m, DESTINATIONS);
	struct model_event *e;

	for (int i = 0; i < m->count; i++) {
		e = &m->events[i];
		if (e->held || e->discarded ||
		    e->state[d] != DELIVERY_SENDING || model_chance(m, 2) == 0)
			continue;
		m->settling = (struct delivery_outcome){ .attempted = true,
		    .ticket = e->ticket[d],
		    .state = outcomes[model_chance(m, COUNT(outcomes))],
		    .due_ms = m->now + model_chance(m, 20) };
		model_settle(m, i, d);
	}
}

/* A new relay is about to find what was being sent: how many, and how many too often. */
void
model_take_over(struct model *m, int64_t *wanted, int64_t *held)
{
	*wanted = *held = 0;
	for (int i = 0; i < m->count; i++)
		for (int d = 0; d < DESTINATIONS; d++)
			if (!m->events[i].held && !m->events[i].discarded &&
			    m->events[i].state[d] == DELIVERY_SENDING) {
				++*wanted;
				m->events[i].state[d] = DELIVERY_WAITING;
				m->events[i].due[d] = m->now;
				if (++m->events[i].begun[d] < 3)
					continue;
				m->events[i].state[d] = DELIVERY_HELD;
				++*held;
			}
}

static void
step_recover(struct model *m)
{
	struct store_recovery found;
	int64_t wanted, held;

	model_take_over(m, &wanted, &held);
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
		e->tried[d] = false;
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
	enum store_action action = (enum store_action)model_chance(m, 3);
	bool force = model_chance(m, 4) == 0, revives, superseded = false;
	enum store_act_result result;
	struct store_act_out out;
	struct model_event *e;
	int i, changed = 0;

	if (m->count == 0)
		return;
	i = m->count - 1 - (int)model_chance(m, m->count < 12 ?
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
		e->tried[d] = e->tried[d] && !revives;
		e->state[d] = DELIVERY_WAITING;
		if (revives)
			e->begun[d] = 0;
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
	for (int i = 0; i < m->count; i++)
		for (int d = 0; d < DESTINATIONS; d++)
			if (!m->events[i].held && !m->events[i].discarded)
				assert_int_equal(box_state(m->box,
				    m->events[i].id, (size_t)d),
				    m->events[i].state[d]);
}

/* The clock is set. */
static void
jump(struct model *m)
{
	static const int64_t jumps[] = { 3600000, 7200000, 86400000,
		INT64_C(315360000000) };
	int64_t by = jumps[model_chance(m, COUNT(jumps))];

	/* Not from decade to decade into what no clock shows. */
	m->now += m->now > BOX_NOW ? -by : by;
}

/* One run, in an outbox of its own. */
static void
play(unsigned seed, const struct model_trouble *trouble, bool jumps)
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
	if (trouble != NULL)
		trouble->begin(&m);
	for (int i = 0; i < STEPS; i++) {
		void (*step)(struct model *) = model_chance(&m, 60) == 0 ?
		    step_recover : steps[model_chance(&m, COUNT(steps))];

		m.now += model_chance(&m, 5);
		if (jumps && model_chance(&m, 15) == 0)
			jump(&m);
		note_fallen(&m);
		if (trouble != NULL)
			trouble->step(&m, step);
		else
			step(&m);
		if (i % 100 == 99 && !m.stopping)
			box_check(m.box);
	}
	if (trouble != NULL)
		trouble->end(&m);
	compare(&m);
	assert_true(m.count > 100);
	box_teardown(&state);
}

void
model_play(unsigned seed, bool jumps)
{
	play(seed, NULL, jumps);
}

void
model_play_in_trouble(unsigned seed, const struct model_trouble *trouble)
{
	play(seed, trouble, false);
}
