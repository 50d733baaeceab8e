/*
 * The model's work on a disk that fails, with processes that are killed and power
 * that is cut at any call.  Then nobody can say whether the operation that failed was
 * done; but it was done or not, for the event it was about, and nothing else changed.
 */
#include "model.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "box_lite.h"
#include "disk.h"
#include "outbox/sqlite/lite.h"

static struct disk *disk;
static int failures, cuts;

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
		disk_power_cut(model_chance(m, 1000));
	cuts += power;
	disk_mend();
	model_take_over(m, &wanted, &held);
	if (!box_open(m->box))
		fail_msg("%s", m->box->fault.text);
}

/* Something fails soon. */
static void
arrange_failure(struct model *m)
{
	switch (model_chance(m, 4)) {
	case 0:
		disk->fail_from = disk->fail_to = disk->syncs + 1;
		break;
	case 1:
		disk->fail_from = disk->syncs + 1;
		disk->fail_to = disk->syncs + 1000;
		break;
	case 2:
		disk->fail_every = 2 + (int)model_chance(m, 3);
		break;
	default:
		disk->stop_at = disk->calls + 1 + (int)model_chance(m, 60);
		break;
	}
}

/* It failed: go on as it was, or after a kill, or a power cut. */
static void
after_failure(struct model *m)
{
	bool stopped = disk->stop_at != 0;
	unsigned end = model_chance(m, 3);

	failures++;
	if (stopped || end != 0) {
		restart(m, end == 2);
	} else {
		/* The next transaction makes certain what is there. */
		disk_mend();
		box_begin(m->box);
		box_commit(m->box);
		if (m->being_settled != 0)
			model_settle(m, m->being_settled - 1,
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
	if (model_chance(m, 12) == 0)
		arrange_failure(m);
	m->box->on_fault = &failed;
	step(m);
	if (model_chance(m, 4) == 0)
		m->box->store->ops->tidy(m->box->store, model_chance(m, 2) == 0);
	m->box->on_fault = NULL;
}

static void
step_and_look(struct model *m, void (*step)(struct model *))
{
	step_failing(m, step);
	m->stopping = disk->stop_at != 0;
}

static void
begin(struct model *m)
{
	failures = cuts = 0;
	((struct lite *)m->box->store)->log_limit = 40;
}

static void
end(struct model *m)
{
	restart(m, true);
	assert_true(failures > 30 && cuts > 10);
}

static void
test_random_failures(void **state)
{
	static const struct model_trouble trouble = { begin, step_and_look, end };
	unsigned runs = box_stride() == 1 ? 200 : box_stride() > 5 ? 1 : 3;

	(void)state;
	for (unsigned seed = 1; seed <= runs; seed++) {
		disk = disk_install();
		model_play_in_trouble(seed, &trouble);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_failures)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
