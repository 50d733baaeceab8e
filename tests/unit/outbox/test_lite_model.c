/*
 * Random work on the outbox against a simple model of it.  The model knows, for
 * each lead and destination, only what DESIGN promises: an event is sent when no
 * earlier one is waiting or being sent, none after a newer one was delivered, and
 * nothing accepted goes missing; also when the clock is set again and again, while
 * nothing waits longer than the longest pause.
 *
 * It also runs on a disk that fails, with processes that are killed and power that
 * is cut at any call.  Then nobody can say whether the operation that failed was
 * done; but it was done or not, for the event it was about, and nothing else changed.
 */
#include "box.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disk.h"
#include "outbox/sqlite/lite.h"

#define LEADS 6
#define STEPS 1500
#define EVENTS 700
#define DESTINATIONS 2
#define WINDOW (24 * (int64_t)BOX_HOUR)

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
	bool tried[DESTINATIONS];
	bool fell[DESTINATIONS];	/* it was due once, and may be so since */
	int64_t received;
	int begun[DESTINATIONS];
	struct delivery_ticket ticket[DESTINATIONS];
};

struct model {
	struct box *box;
	struct model_event events[EVENTS];
	int count;
	int64_t now;
	unsigned seed;
	struct model_event coming;	/* being accepted: not in events yet */
	struct delivery_outcome settling;	/* of event being_settled - 1 */
	int being_settled;		/* 0: nothing is */
	struct disk *disk;		/* NULL: it does not fail */
	int failures, cuts;
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
	int d = (int)chance(m, DESTINATIONS), i;
	size_t max = 1 + chance(m, 4), count, sure = 0, most = 0;

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
static void
settle(struct model *m, int i, int d)
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
	int d = (int)chance(m, DESTINATIONS);
	struct model_event *e;

	for (int i = 0; i < m->count; i++) {
		e = &m->events[i];
		if (e->held || e->discarded ||
		    e->state[d] != DELIVERY_SENDING || chance(m, 2) == 0)
			continue;
		m->settling = (struct delivery_outcome){ .attempted = true,
		    .ticket = e->ticket[d],
		    .state = outcomes[chance(m, COUNT(outcomes))],
		    .due_ms = m->now + chance(m, 20) };
		settle(m, i, d);
	}
}

/* A new relay is about to find what was being sent: how many, and how many too often. */
static void
take_over(struct model *m, int64_t *wanted, int64_t *held)
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

	take_over(m, &wanted, &held);
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

/* --- on a disk that fails --------------------------------------------------- */

static sqlite3_stmt *
ask(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *s = NULL;

	if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	return s;
}

/* Take event ${i} as it is in the store; true: that is not as the model had it. */
static bool
adopt_deliveries(struct model *m, sqlite3 *db, int i)
{
	static const char sql[] = "SELECT number, state, due, begun FROM delivery "
	    "WHERE number / 65536 = ?1";
	struct model_event *e = &m->events[i];
	sqlite3_stmt *s = ask(db, sql);
	bool changed = false;
	enum delivery_state state;

	sqlite3_bind_int(s, 1, i + 1);
	while (sqlite3_step(s) == SQLITE_ROW)
		for (int d = 0; d < DESTINATIONS; d++) {
			if (sqlite3_column_int64(s, 0) % 65536 !=
			    m->box->destinations[d].number)
				continue;
			state = (enum delivery_state)sqlite3_column_int(s, 1);
			if (e->state[d] == DELIVERY_SENDING &&
			    state == DELIVERY_WAITING)
				state = DELIVERY_SENDING;	/* still */
			changed |= state != e->state[d];
			e->state[d] = state;
			e->due[d] = sqlite3_column_int64(s, 2);
			e->begun[d] = sqlite3_column_int(s, 3);
		}
	sqlite3_finalize(s);
	return changed;
}

/* Take every event as it is in the store; how many are not as the model had them. */
static int
adopt(struct model *m, sqlite3 *db)
{
	sqlite3_stmt *s = ask(db, "SELECT number, id, state FROM event ORDER BY number");
	int changed = 0, i, state;
	bool other;

	while (sqlite3_step(s) == SQLITE_ROW) {
		i = sqlite3_column_int(s, 0) - 1;
		if (i == m->count) {
			m->events[m->count++] = m->coming;
			strcpy(m->events[i].id, (const char *)sqlite3_column_text(s, 1));
		}
		if (i >= m->count || strcmp(m->events[i].id,
		    (const char *)sqlite3_column_text(s, 1)) != 0)
			fail_msg("event %d is not the one that was accepted", i);
		state = sqlite3_column_int(s, 2);
		other = m->events[i].held != (state == LITE_EVENT_HELD) ||
		    m->events[i].discarded != (state == LITE_EVENT_DISCARDED);
		m->events[i].held = state == LITE_EVENT_HELD;
		m->events[i].discarded = state == LITE_EVENT_DISCARDED;
		changed += other | adopt_deliveries(m, db, i);
	}
	sqlite3_finalize(s);
	return changed;
}

/* Whatever failed was done or not, for its one event; all else is as it was. */
static void
compare_but_one(struct model *m)
{
	int before = m->count, changed;
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open_v2(m->box->path, &db, SQLITE_OPEN_READWRITE,
	    NULL), SQLITE_OK);
	sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	if (box_number(m->box, "SELECT count(*) FROM event") < before)
		fail_msg("an event is gone");
	changed = adopt(m, db);
	if (changed > 1)
		fail_msg("%d events changed by one operation", changed);
	sqlite3_close(db);
}

/* The machine, or only the process, is gone: start again. */
static void
restart(struct model *m, bool power)
{
	int64_t wanted, held;

	box_close(m->box);
	if (power)
		disk_power_cut(chance(m, 1000));
	m->cuts += power;
	disk_mend();
	take_over(m, &wanted, &held);
	if (!box_open(m->box))
		fail_msg("%s", m->box->fault.text);
}

/* Something fails soon. */
static void
arrange_failure(struct model *m)
{
	struct disk *disk = m->disk;

	switch (chance(m, 4)) {
	case 0:
		disk->fail_from = disk->fail_to = disk->syncs + 1;
		break;
	case 1:
		disk->fail_from = disk->syncs + 1;
		disk->fail_to = disk->syncs + 1000;
		break;
	case 2:
		disk->fail_every = 2 + (int)chance(m, 3);
		break;
	default:
		disk->stop_at = disk->calls + 1 + (int)chance(m, 60);
		break;
	}
}

/* It failed: go on as it was, or after a kill, or a power cut. */
static void
after_failure(struct model *m)
{
	bool stopped = m->disk->stop_at != 0;
	unsigned end = chance(m, 3);

	m->failures++;
	if (stopped || end != 0) {
		restart(m, end == 2);
	} else {
		/* The next transaction makes certain what is there. */
		disk_mend();
		box_begin(m->box);
		box_commit(m->box);
		if (m->being_settled != 0)
			settle(m, m->being_settled - 1,
			    m->settling.ticket.delivery % 65536 ==
			    m->box->destinations[1].number);
	}
	m->being_settled = 0;
	compare_but_one(m);
	box_check(m->box);
}

/* One step, with something failing in it now and then. */
static void
step_failing(struct model *m, void (*step)(struct model *))
{
	jmp_buf failed;

	if (setjmp(failed) != 0) {
		m->box->on_fault = NULL;
		after_failure(m);
		return;
	}
	if (chance(m, 12) == 0)
		arrange_failure(m);
	m->box->on_fault = &failed;
	step(m);
	if (chance(m, 4) == 0)
		m->box->store->ops->tidy(m->box->store, chance(m, 2) == 0);
	m->box->on_fault = NULL;
}

/* The clock is set. */
static void
jump(struct model *m)
{
	static const int64_t jumps[] = { 3600000, 7200000, 86400000,
		INT64_C(315360000000) };
	int64_t by = jumps[chance(m, COUNT(jumps))];

	/* Not from decade to decade into what no clock shows. */
	m->now += m->now > BOX_NOW ? -by : by;
}

/* One run, in an outbox of its own; ${jumps}: the clock is set now and then. */
static void
play(unsigned seed, struct disk *disk, bool jumps)
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
	m.disk = disk;
	box_close(m.box);
	m.box->destinations[1].name = "mail";
	m.box->destination_count = DESTINATIONS;
	assert_true(box_open(m.box));
	((struct lite *)m.box->store)->log_limit = 40;
	for (int i = 0; i < STEPS; i++) {
		void (*step)(struct model *) = chance(&m, 60) == 0 ? step_recover :
		    steps[chance(&m, COUNT(steps))];

		m.now += chance(&m, 5);
		if (jumps && chance(&m, 15) == 0)
			jump(&m);
		note_fallen(&m);
		if (disk != NULL)
			step_failing(&m, step);
		else
			step(&m);
		if (i % 100 == 99 && (disk == NULL || disk->stop_at == 0))
			box_check(m.box);
	}
	if (disk != NULL)
		restart(&m, true);
	compare(&m);
	assert_true(m.count > 100);
	assert_true(disk == NULL || (m.failures > 30 && m.cuts > 10));
	box_teardown(&state);
}

static void
test_random(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 3; seed++)
		play(seed, NULL, false);
}

static void
test_random_failures(void **state)
{
	unsigned runs = box_stride() == 1 ? 200 : box_stride() > 5 ? 1 : 3;

	(void)state;
	for (unsigned seed = 1; seed <= runs; seed++)
		play(seed, disk_install(), false);
}

static void
test_clock_is_set(void **state)
{
	unsigned runs = box_stride() == 1 ? 60 : box_stride() > 5 ? 1 : 3;

	(void)state;
	for (unsigned seed = 1; seed <= runs; seed++)
		play(seed, NULL, true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_random_failures),
		cmocka_unit_test(test_clock_is_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
