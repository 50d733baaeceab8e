/* What a person does and sees: retry, release, discard, list, show, stats, purge. */
#include "box.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An event in the state that a case starts from. */
enum start { WAIT, SENDING_NOW, DELIVERED, DEAD, HELD, HELD_EVENT, DISCARDED };

static const struct {
	const char *what;
	enum start start;
	enum store_action action;
	enum store_act_result result;
	int state;			/* of the delivery, or the held event */
} cases[] = {
	{ "retry what waits", WAIT, STORE_RETRY, STORE_ACT_DONE,
	    DELIVERY_WAITING },
	{ "retry what is sent", SENDING_NOW, STORE_RETRY, STORE_ACT_SENDING,
	    DELIVERY_SENDING },
	{ "retry what was delivered", DELIVERED, STORE_RETRY,
	    STORE_ACT_NOTHING, DELIVERY_DELIVERED },
	{ "retry what is dead", DEAD, STORE_RETRY, STORE_ACT_DONE,
	    DELIVERY_WAITING },
	{ "retry what is held", HELD, STORE_RETRY, STORE_ACT_DONE,
	    DELIVERY_WAITING },
	{ "retry a held event", HELD_EVENT, STORE_RETRY, STORE_ACT_NOTHING,
	    DELIVERY_HELD },
	{ "retry what was discarded", DISCARDED, STORE_RETRY,
	    STORE_ACT_NOTHING, DELIVERY_DISCARDED },
	{ "release what waits", WAIT, STORE_RELEASE, STORE_ACT_NOTHING,
	    DELIVERY_WAITING },
	{ "release what is dead", DEAD, STORE_RELEASE, STORE_ACT_NOTHING,
	    DELIVERY_DEAD },
	{ "release what is held", HELD, STORE_RELEASE, STORE_ACT_DONE,
	    DELIVERY_WAITING },
	{ "release a held event", HELD_EVENT, STORE_RELEASE, STORE_ACT_DONE,
	    DELIVERY_WAITING },
	{ "discard what waits", WAIT, STORE_DISCARD, STORE_ACT_DONE,
	    DELIVERY_DISCARDED },
	{ "discard what is sent", SENDING_NOW, STORE_DISCARD,
	    STORE_ACT_SENDING, DELIVERY_SENDING },
	{ "discard what was delivered", DELIVERED, STORE_DISCARD,
	    STORE_ACT_NOTHING, DELIVERY_DELIVERED },
	{ "discard what is dead", DEAD, STORE_DISCARD, STORE_ACT_DONE,
	    DELIVERY_DISCARDED },
	{ "discard a held event", HELD_EVENT, STORE_DISCARD, STORE_ACT_DONE,
	    DELIVERY_DISCARDED }
};

static void
start_from(struct box *box, enum start start, const char *lead, char *id)
{
	struct event_in in = box_in(lead, "A", BOX_NOW);
	struct delivery_claim claim;

	if (start == HELD_EVENT)
		in.hold = EVENT_HOLD_RULES;
	assert_int_equal(box_accept(box, &in), EVENT_STORED);
	strcpy(id, box->out.id);
	switch (start) {
	case SENDING_NOW:
		assert_int_equal(box_claim(box, 0, BOX_NOW, 1, &claim), 1);
		delivery_claim_free(&claim);
		break;
	case DELIVERED:
		box_send(box, 0, DELIVERY_DELIVERED, 0, BOX_NOW);
		break;
	case DEAD:
		box_send(box, 0, DELIVERY_DEAD, 0, BOX_NOW);
		break;
	case HELD:
		box_send(box, 0, DELIVERY_HELD, 0, BOX_NOW);
		break;
	case DISCARDED:
		box_act(box, STORE_DISCARD, id, false, BOX_NOW);
		break;
	default:
		break;
	}
}

static void
test_act(void **state)
{
	struct box *box = *state;
	char id[UUID7_SIZE], lead[16];
	struct store_act_out out;
	int got;

	for (size_t i = 0; i < COUNT(cases); i++) {
		snprintf(lead, sizeof(lead), "%zu", i);
		start_from(box, cases[i].start, lead, id);
		out = box_act(box, cases[i].action, id, false, BOX_NOW + 1);
		got = box_state(box, id, 0);
		if (got == -1)
			got = box_state(box, id, 99);	/* a held event */
		if (out.result != cases[i].result || got != cases[i].state ||
		    out.changed != (out.result == STORE_ACT_DONE))
			fail_msg("%s: result %d, state %d", cases[i].what,
			    out.result, got);
		box_check(box);
		/* So that the next case's is the only one due. */
		box_send(box, 0, DELIVERY_DELIVERED, 0, BOX_NOW + 1);
	}
}

/* Claim the one that is due; what the store knows of its bodies. */
static void
check_claim(struct box *box, int key_number, int64_t body, bool retried,
    struct delivery_claim *claim)
{
	assert_int_equal(box_claim(box, 0, BOX_NOW + 9, 1, claim), 1);
	assert_int_equal(claim->key_number, key_number);
	assert_int_equal(claim->body, body);
	assert_int_equal(claim->retried, retried);
}

/* The body sent last and its key are kept, and that a person then said "again". */
static void
test_retried(void **state)
{
	struct box *box = *state;
	struct delivery_claim claim;
	struct delivery_outcome o = { .state = DELIVERY_DEAD, .attempted = true,
	    .started_ms = BOX_NOW, .status = 422, .body = -7, .key_number = 1 };
	char id[UUID7_SIZE];

	strcpy(id, box_put(box, "1", "A", BOX_NOW));
	box_act(box, STORE_RETRY, id, false, BOX_NOW);	/* before anything was sent */
	check_claim(box, 1, 0, true, &claim);
	o.ticket = claim.ticket;
	box_settle_with(box, &o, BOX_NOW);
	delivery_claim_free(&claim);

	box_act(box, STORE_RETRY, id, false, BOX_NOW);
	check_claim(box, 1, -7, true, &claim);
	o.ticket = claim.ticket;
	o.state = DELIVERY_WAITING;
	o.body = 8;
	o.key_number = 2;
	box_settle_with(box, &o, BOX_NOW);
	delivery_claim_free(&claim);

	check_claim(box, 2, 8, false, &claim);		/* again by itself */
	o = (struct delivery_outcome){ .ticket = claim.ticket,
	    .state = DELIVERY_HELD, .reason = "transform" };
	box_settle_with(box, &o, BOX_NOW);		/* not sent this time */
	delivery_claim_free(&claim);

	box_act(box, STORE_RELEASE, id, false, BOX_NOW);
	check_claim(box, 2, 8, true, &claim);
	delivery_claim_free(&claim);
	box_check(box);
}

static void
test_not_found(void **state)
{
	struct box *box = *state;
	struct store_act_out out;
	char id[UUID7_SIZE];

	assert_int_equal(box_act(box, STORE_RETRY,
	    "00000000-0000-7000-8000-000000000000", false, BOX_NOW).result,
	    STORE_ACT_NOT_FOUND);
	assert_int_equal(box_act(box, STORE_RETRY, "", false, BOX_NOW).result,
	    STORE_ACT_NOT_FOUND);
	strcpy(id, box_put(box, "1", "A", BOX_NOW));
	box_begin(box);
	assert_int_equal(store_act(box->store, STORE_RETRY, id,
	    "nowhere", false, BOX_NOW, &out), 0);
	box_commit(box);
	assert_int_equal(out.result, STORE_ACT_NOT_FOUND);
	box_begin(box);
	assert_int_equal(store_act(box->store, STORE_RETRY, id,
	    "crm", false, BOX_NOW, &out), 0);
	box_commit(box);
	assert_int_equal(out.result, STORE_ACT_DONE);
}

/* Retry makes what waits for later due. */
static void
test_retry_is_now(void **state)
{
	struct box *box = *state;
	char id[UUID7_SIZE];

	strcpy(id, box_put(box, "1", "A", BOX_NOW));
	box_send(box, 0, DELIVERY_WAITING, BOX_NOW + BOX_HOUR, BOX_NOW);
	assert_string_equal(box_send(box, 0, DELIVERY_DELIVERED, 0, BOX_NOW),
	    "");
	box_act(box, STORE_RETRY, id, false, BOX_NOW + 1);
	assert_string_equal(box_send(box, 0, DELIVERY_DELIVERED, 0,
	    BOX_NOW + 1), id);
}

/* Older than one delivered: only by force.  While a newer one is sent: never. */
static void
test_superseded(void **state)
{
	struct box *box = *state;
	static const enum start starts[] = { DEAD, HELD, HELD_EVENT };
	char old[UUID7_SIZE], newer[UUID7_SIZE], lead[8];
	enum store_action action;
	struct delivery_claim claim;
	struct store_act_out out;

	for (size_t i = 0; i < COUNT(starts); i++) {
		snprintf(lead, sizeof(lead), "%zu", i);
		action = starts[i] == DEAD ? STORE_RETRY : STORE_RELEASE;
		start_from(box, starts[i], lead, old);
		strcpy(newer, box_put(box, lead, "B", BOX_NOW + 1));
		assert_int_equal(box_claim(box, 0, BOX_NOW + 1, 1, &claim), 1);
		out = box_act(box, action, old, true, BOX_NOW + 2);
		assert_int_equal(out.result, STORE_ACT_SENDING);
		assert_int_equal(out.changed, 0);
		box_settle(box, &claim, DELIVERY_DELIVERED, 0, BOX_NOW + 2);
		delivery_claim_free(&claim);

		out = box_act(box, action, old, false, BOX_NOW + 3);
		assert_int_equal(out.result, STORE_ACT_SUPERSEDED);
		assert_string_equal(out.other, newer);
		assert_int_equal(out.changed, 0);
		box_check(box);
		out = box_act(box, action, old, true, BOX_NOW + 4);
		assert_int_equal(out.result, STORE_ACT_DONE);
		box_check(box);
		assert_string_equal(box_send(box, 0, DELIVERY_DELIVERED, 0,
		    BOX_NOW + 4), old);
	}
}

/* A released event stands before newer ones that still wait. */
static void
test_release_keeps_order(void **state)
{
	struct box *box = *state;
	char old[UUID7_SIZE], newer[UUID7_SIZE];

	start_from(box, HELD_EVENT, "1", old);
	strcpy(newer, box_put(box, "1", "B", BOX_NOW + 1));
	assert_int_equal(box_act(box, STORE_RELEASE, old, false, BOX_NOW + 2)
	    .result, STORE_ACT_DONE);
	box_check(box);
	assert_string_equal(box_send(box, 0, DELIVERY_DELIVERED, 0,
	    BOX_NOW + 5), old);
	assert_string_equal(box_send(box, 0, DELIVERY_DELIVERED, 0,
	    BOX_NOW + 5), newer);
	box_check(box);
}

/* A retried one begins afresh: attempts and the time to give up. */
static void
test_retry_begins_afresh(void **state)
{
	struct box *box = *state;
	struct delivery_claim claim;
	char id[UUID7_SIZE];

	start_from(box, DEAD, "1", id);
	box_act(box, STORE_RETRY, id, false, BOX_NOW + 1);
	assert_int_equal(box_claim(box, 0, BOX_NOW + 1, 1, &claim), 1);
	assert_int_equal(claim.attempts, 1);
	assert_int_equal(claim.first_attempt_ms, 0);
	assert_int_equal(claim.first_failure_ms, 0);
	delivery_claim_free(&claim);
	assert_int_equal(box_total(box).attempts, 1);
}

/* Walk to the end, up to ${max} ids a call; ${text}: which of ${known} they are. */
static void
find(struct box *box, enum store_action action, struct store_filter filter,
    size_t max, char (*known)[UUID7_SIZE], char *text)
{
	struct store_walk walk = { 0 };
	char ids[4][UUID7_SIZE];
	size_t count, calls = 0, k;

	text[0] = '\0';
	while (!walk.ended) {
		assert_true(calls++ < 20);
		assert_int_equal(box->store->ops->begin(box->store, false), 0);
		assert_int_equal(store_find(box->store, action,
		    &filter, BOX_NOW + 2, &walk, ids, max, &count), 0);
		box_commit(box);
		for (size_t i = 0; i < count; i++) {
			for (k = 0; strcmp(known[k], ids[i]) != 0; k++)
				assert_true(k < 7);
			sprintf(text + strlen(text), "%zu ", k);
		}
	}
}

static void
test_find(void **state)
{
	static const enum start starts[] = {
		DEAD, DELIVERED, HELD, HELD_EVENT, DISCARDED, SENDING_NOW
	};
	static const struct {
		enum store_action action;
		struct store_filter filter;
		const char *found;
	} asked[] = {
		{ STORE_RETRY, { 0 }, "0 2 6 " },
		{ STORE_RELEASE, { 0 }, "2 3 " },
		{ STORE_DISCARD, { 0 }, "0 2 3 6 7 " },
		{ STORE_RETRY, { .destination = "crm" }, "0 2 6 " },
		{ STORE_RELEASE, { .destination = "crm" }, "2 " },
		{ STORE_DISCARD, { .destination = "mail" }, "" },
		{ STORE_DISCARD, { .lead = "3" }, "3 " },
		{ STORE_RETRY, { .lead = "3" }, "" },
		{ STORE_DISCARD, { .lead = "no such" }, "" },
		{ STORE_DISCARD, { .since_ms = BOX_NOW + 1 }, "7 " }
	};
	struct box *box = *state;
	char ids[8][UUID7_SIZE] = { 0 }, lead[8], text[128];

	find(box, STORE_DISCARD, (struct store_filter){ 0 }, 4, ids, text);
	assert_string_equal(text, "");
	for (size_t i = 0; i < COUNT(starts); i++) {
		snprintf(lead, sizeof(lead), "%zu", i);
		start_from(box, starts[i], lead, ids[i]);
	}
	/* One that waits for a later attempt, one that waits for none. */
	strcpy(ids[6], box_put(box, "6", "A", BOX_NOW));
	box_send(box, 0, DELIVERY_WAITING, BOX_NOW + BOX_HOUR, BOX_NOW);
	strcpy(ids[7], box_put(box, "7", "A", BOX_NOW + 1));
	for (size_t i = 0; i < COUNT(asked); i++)
		for (size_t max = 1; max <= 4; max++) {
			find(box, asked[i].action, asked[i].filter, max, ids,
			    text);
			if (strcmp(text, asked[i].found) != 0)
				fail_msg("case %zu, %zu a call: %s", i, max,
				    text);
		}
}

/* A walk ends with what was there when it began. */
static void
test_find_ends(void **state)
{
	struct box *box = *state;
	struct store_filter filter = { 0 };
	struct store_walk walk = { 0 };
	char ids[1][UUID7_SIZE];
	size_t count, found = 0;

	box_put(box, "1", "A", BOX_NOW);
	box_put(box, "2", "A", BOX_NOW);
	while (!walk.ended) {
		box_begin(box);
		assert_int_equal(store_find(box->store,
		    STORE_DISCARD, &filter, BOX_NOW, &walk, ids, 1, &count), 0);
		box_commit(box);
		found += count;
		assert_true(found <= 2);
		box_put(box, "3", found % 2 == 0 ? "A" : "B", BOX_NOW);
	}
	assert_int_equal(found, 2);
}

/* What would be done is what is done after, and changes nothing. */
static void
test_dry_run(void **state)
{
	struct box *box = *state;
	struct store_act_out dry, done;
	char id[UUID7_SIZE], lead[8];
	int before;

	for (size_t i = 0; i < COUNT(cases); i++) {
		snprintf(lead, sizeof(lead), "%zu", i);
		start_from(box, cases[i].start, lead, id);
		before = box_state(box, id, 0);
		assert_int_equal(box->store->ops->begin(box->store, false), 0);
		assert_int_equal(store_act(box->store,
		    cases[i].action, id, NULL, STORE_DRY_RUN, BOX_NOW + 1,
		    &dry), 0);
		box_commit(box);
		free(dry.detail);
		assert_int_equal(box_state(box, id, 0), before);
		box_check(box);
		done = box_act(box, cases[i].action, id, false, BOX_NOW + 1);
		assert_int_equal(dry.result, done.result);
		assert_int_equal(dry.changed, done.changed);
		box_send(box, 0, DELIVERY_DELIVERED, 0, BOX_NOW + 1);
	}
}

static enum store_act_result
erase(struct box *box, const char *id)
{
	enum store_act_result result;

	box_begin(box);
	assert_int_equal(store_erase(box->store, id, &result), 0);
	box_commit(box);
	box_check(box);
	return result;
}

/* From any state but one; the counts stay right, and later events go on. */
static void
test_erase(void **state)
{
	static const enum start starts[] = {
		DELIVERED, DEAD, HELD, HELD_EVENT, DISCARDED, WAIT
	};
	struct box *box = *state;
	char id[UUID7_SIZE], later[UUID7_SIZE], lead[8];

	for (size_t i = 0; i < COUNT(starts); i++) {
		snprintf(lead, sizeof(lead), "%zu", i);
		start_from(box, starts[i], lead, id);
		strcpy(later, box_put(box, lead, "B", BOX_NOW + 1));
		assert_int_equal(erase(box, id), STORE_ACT_DONE);
		assert_int_equal(erase(box, id), STORE_ACT_NOT_FOUND);
		assert_string_equal(box_send(box, 0, DELIVERY_DELIVERED, 0,
		    BOX_NOW + 1), later);
		assert_int_equal(erase(box, later), STORE_ACT_DONE);
	}
	start_from(box, SENDING_NOW, "9", id);
	assert_int_equal(erase(box, id), STORE_ACT_SENDING);
	assert_int_equal(box_total(box).events, 1);
	assert_int_equal(box_total(box).leads, 1);
}

struct listed {
	int rows;
	char text[2048];
};

static void
keep_row(void *arg, const struct store_row *row)
{
	struct listed *l = arg;
	size_t len = strlen(l->text);

	l->rows++;
	snprintf(l->text + len, sizeof(l->text) - len, "%s %s %s %s%s;",
	    row->lead, row->destination != NULL ? row->destination : "-",
	    delivery_state_name(row->state),
	    row->reason != NULL ? row->reason : "",
	    row->blocked ? " blocked" : "");
}

static struct listed
list(struct box *box, struct store_filter filter)
{
	struct listed l = { 0 };

	box_begin(box);
	assert_int_equal(store_list(box->store, &filter, keep_row,
	    &l), 0);
	box_commit(box);
	return l;
}

static void
test_list(void **state)
{
	struct box *box = *state;
	char id[UUID7_SIZE];

	start_from(box, DELIVERED, "1", id);
	start_from(box, HELD_EVENT, "2", id);
	box_put(box, "3", "A", BOX_NOW + 5);
	box_put(box, "3", "B", BOX_NOW + 6);

	assert_string_equal(list(box, (struct store_filter){ .state = -1 })
	    .text, "3 crm waiting  blocked;3 crm waiting ;2 - held rules;"
	    "1 crm delivered ;");
	assert_string_equal(list(box, (struct store_filter){ .state = -1,
	    .limit = 1 }).text, "3 crm waiting  blocked;");
	assert_string_equal(list(box, (struct store_filter){
	    .state = DELIVERY_HELD }).text, "2 - held rules;");
	assert_string_equal(list(box, (struct store_filter){ .state = -1,
	    .lead = "1" }).text, "1 crm delivered ;");
	assert_string_equal(list(box, (struct store_filter){ .state = -1,
	    .id = id }).text, "2 - held rules;");
	assert_int_equal(list(box, (struct store_filter){ .state = -1,
	    .destination = "crm" }).rows, 3);
	assert_int_equal(list(box, (struct store_filter){ .state = -1,
	    .destination = "mail" }).rows, 0);
	assert_int_equal(list(box, (struct store_filter){ .state = -1,
	    .since_ms = BOX_NOW + 6 }).rows, 1);
	assert_int_equal(list(box, (struct store_filter){
	    .state = DELIVERY_WAITING, .destination = "crm", .lead = "3",
	    .limit = 10 }).rows, 2);
	assert_int_equal(list(box, (struct store_filter){ .state = -1,
	    .lead = "' OR 1 --" }).rows, 0);
}

static void
keep_event(void *arg, const struct store_event *e)
{
	struct listed *l = arg;

	snprintf(l->text, sizeof(l->text), "%s %s %s %s %.*s;", e->lead,
	    e->state, e->hold, e->violations != NULL ? e->violations : "-",
	    (int)e->payload_len, e->payload);
}

static void
keep_attempt(void *arg, const struct store_attempt *a)
{
	struct listed *l = arg;
	size_t len = strlen(l->text);

	snprintf(l->text + len, sizeof(l->text) - len, "#%d %s %d %s %zu;",
	    a->number, a->destination, a->status,
	    a->error != NULL ? a->error : "-", a->answer_len);
}

static void
test_show(void **state)
{
	struct box *box = *state;
	static const char answer[ATTEMPT_ANSWER_MAX + 100] = "\0x";
	struct listed l = { 0 };
	struct store_visitor visitor = { keep_event, keep_row, keep_attempt,
	    &l };
	struct delivery_outcome o = { .state = DELIVERY_DEAD,
	    .attempted = true, .status = 422, .error = "refused",
	    .reason = "the lead's own fault", .answer = answer,
	    .answer_len = sizeof(answer) };
	struct event_in in = box_in("1", "A", BOX_NOW);
	struct delivery_claim claim;
	bool found;

	in.hold = EVENT_HOLD_RULES;
	in.violations = "[1]";
	box_accept(box, &in);
	box_act(box, STORE_RELEASE, box->out.id, false, BOX_NOW);
	box_send(box, 0, DELIVERY_WAITING, BOX_NOW, BOX_NOW);
	assert_int_equal(box_claim(box, 0, BOX_NOW, 1, &claim), 1);
	o.ticket = claim.ticket;
	box_settle_with(box, &o, BOX_NOW);
	box_begin(box);
	assert_int_equal(store_show(box->store, claim.id, &visitor,
	    &found), 0);
	assert_true(found);
	assert_string_equal(l.text, "1 accepted rules [1] A;"
	    "1 crm dead the lead's own fault;#1 crm 503 - 0;"
	    "#2 crm 422 refused 2048;");
	assert_int_equal(store_show(box->store, "no such", &visitor,
	    &found), 0);
	assert_false(found);
	box_commit(box);
	delivery_claim_free(&claim);
}

static void
test_stats(void **state)
{
	struct box *box = *state;
	struct store_destination_stats d;
	struct store_stats s = box_stats(box);
	char id[UUID7_SIZE];

	assert_int_equal(s.last_received_ms, 0);
	assert_true(s.relay_alive);
	start_from(box, DELIVERED, "1", id);
	start_from(box, DEAD, "2", id);
	start_from(box, HELD_EVENT, "3", id);
	box_put(box, "4", "A", BOX_NOW + 77);
	s = box_stats(box);
	assert_int_equal(s.events_undelivered, 1);
	assert_int_equal(s.events_held, 1);
	assert_int_equal(s.last_received_ms, BOX_NOW + 77);
	assert_true(s.free_bytes > 0);
	assert_true(s.store_bytes > 4096);
	d = box_counts(box, 0);
	assert_true(d.configured);
	assert_int_equal(d.count[DELIVERY_WAITING], 1);
	assert_int_equal(d.count[DELIVERY_DELIVERED], 1);
	assert_int_equal(d.count[DELIVERY_DEAD], 1);
	assert_int_equal(d.oldest_waiting_ms, BOX_NOW + 77);

	/* One that left the configuration is still there, and named. */
	box_close(box);
	box->destinations[1].name = "new";
	box->destinations[1].number = 0;
	box->destinations[0] = box->destinations[1];
	assert_true(box_open(box));
	box->destinations[0].name = "crm";
	d = box_counts(box, 0);
	assert_false(d.configured);
	assert_int_equal(d.count[DELIVERY_WAITING], 1);
}

static size_t
purge(struct box *box, int64_t delivered, int64_t failed, size_t max)
{
	size_t count;

	box_begin(box);
	assert_int_equal(store_purge(box->store, delivered, failed,
	    max, &count), 0);
	box_commit(box);
	return count;
}

/* What has lived its time is gone with every trace; what has not, is not. */
static void
test_purge(void **state)
{
	struct box *box = *state;
	char id[UUID7_SIZE];

	start_from(box, DELIVERED, "1", id);
	start_from(box, DEAD, "2", id);
	start_from(box, HELD_EVENT, "3", id);
	start_from(box, SENDING_NOW, "4", id);
	box_put(box, "5", "A", BOX_NOW);
	assert_int_equal(purge(box, BOX_NOW, BOX_NOW, 99), 0);
	assert_int_equal(purge(box, BOX_NOW + 1, 0, 99), 1);
	box_check(box);
	assert_int_equal(box_total(box).leads, 4);
	assert_int_equal(purge(box, BOX_NOW + 1, BOX_NOW + 1, 1), 1);
	assert_int_equal(purge(box, BOX_NOW + 1, BOX_NOW + 1, 99), 1);
	box_check(box);
	/* What waits or is being sent has no end. */
	assert_int_equal(box_total(box).events, 2);
	assert_int_equal(box_stats(box).events_held, 0);
}

/*
 * What was delivered under a clock that ran ahead has its lifetime from now on,
 * once now is sure; what a person may still want stays as it is.
 */
static void
test_closed_ahead(void **state)
{
	struct box *box = *state;
	const int64_t ahead = BOX_NOW + 87600 * (int64_t)BOX_HOUR;
	char done[UUID7_SIZE], dead[UUID7_SIZE];

	strcpy(done, box_put(box, "1", "A", BOX_NOW));
	box_send(box, 0, DELIVERY_DELIVERED, 0, ahead);
	strcpy(dead, box_put(box, "2", "A", BOX_NOW));
	box_send(box, 0, DELIVERY_DEAD, 0, ahead);
	for (int sure = 0; sure < 2; sure++) {
		box_begin(box);
		assert_int_equal(store_expire(box->store, BOX_NOW, sure), 0);
		box_commit(box);
		assert_int_equal(box_show(box, done).closed_ms,
		    sure ? BOX_NOW : ahead);
		assert_int_equal(box_show(box, dead).closed_ms, ahead);
	}
	assert_int_equal(purge(box, BOX_NOW + 1, BOX_NOW + 1, 99), 1);
	box_check(box);
}

/* A lead that comes back after it was forgotten must not begin at 1 again. */
static void
test_purge_keeps_sequence(void **state)
{
	struct box *box = *state;
	char data[12];

	for (int i = 0; i < 5; i++) {
		snprintf(data, sizeof(data), "%d", i);
		box_put(box, "1", data, BOX_NOW);
		box_send(box, 0, DELIVERY_DELIVERED, 0, BOX_NOW);
	}
	assert_int_equal(box->out.sequence, 5);
	assert_int_equal(purge(box, BOX_NOW + 1, 0, 99), 5);
	assert_int_equal(box_total(box).leads, 0);
	box_put(box, "1", "back", BOX_NOW + 2);
	assert_int_equal(box->out.sequence, 6);
	box_check(box);
}

/* One that held back its lead lets go when it is deleted. */
static void
test_purge_unblocks(void **state)
{
	struct box *box = *state;
	char id[UUID7_SIZE], next[UUID7_SIZE];

	box_close(box);
	box->destinations[0].hold_on_dead = true;
	assert_true(box_open(box));
	start_from(box, DEAD, "1", id);
	strcpy(next, box_put(box, "1", "B", BOX_NOW));
	assert_string_equal(box_send(box, 0, DELIVERY_DELIVERED, 0, BOX_NOW),
	    "");
	assert_int_equal(purge(box, 0, BOX_NOW + 1, 99), 1);
	box_check(box);
	assert_string_equal(box_send(box, 0, DELIVERY_DELIVERED, 0, BOX_NOW),
	    next);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, box_setup, box_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_act),
		TEST(test_retried),
		TEST(test_not_found),
		TEST(test_retry_is_now),
		TEST(test_find), TEST(test_find_ends), TEST(test_dry_run), TEST(test_erase),
		TEST(test_superseded),
		TEST(test_release_keeps_order),
		TEST(test_retry_begins_afresh),
		TEST(test_list),
		TEST(test_show),
		TEST(test_stats),
		TEST(test_purge),
		TEST(test_closed_ahead),
		TEST(test_purge_keeps_sequence),
		TEST(test_purge_unblocks)
	};

	return box_run(tests, COUNT(tests));
}
