#include "box.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "box_lite.h"

/* Every store there is. */
static const struct kind {
	const struct store_ops *ops;
	int (*make)(struct box *box);	/* a place for one; -1: there is none here */
	void (*drop)(struct box *box);
	void (*check)(const struct box *box);
} kinds[] = {
	{ &store_sqlite, box_lite_make, box_lite_drop, box_lite_check }
};

static const struct kind *kind = kinds;	/* the one that boxes are of now */

int
box_run(const struct CMUnitTest *tests, size_t count)
{
	int failed = 0;

	for (kind = kinds; kind < kinds + COUNT(kinds); kind++)
		failed += _cmocka_run_group_tests(kind->ops->scheme, tests, count,
		    NULL, NULL);
	kind = kinds;
	return failed;
}

void
box_check(const struct box *box)
{
	kind->check(box);
}

int
box_setup(void **state)
{
	struct box *box;

	if ((box = calloc(1, sizeof(*box))) == NULL)
		return -1;
	if (kind->make(box) == -1)
		return -1;
	box->options.create = true;
	box->options.busy_ms = 2000;
	box->destinations[0].name = "crm";
	box->destination_count = 1;
	*state = box;
	return box_open(box) ? 0 : -1;
}

int
box_teardown(void **state)
{
	struct box *box = *state;

	box_close(box);
	kind->drop(box);
	free(box->out.violations);
	free(box);
	return 0;
}

bool
box_open(struct box *box)
{
	const struct store_ops *ops = kind->ops;
	int rc;

	memset(&box->fault, 0, sizeof(box->fault));
	if ((box->store = ops->open(&box->options, &box->fault)) == NULL)
		return false;
	do {
		assert_int_equal(ops->begin(box->store, !box->options.read_only), 0);
		rc = ops->configure(box->store, box->destinations,
		    box->destination_count);
		assert_int_not_equal(rc, -1);
		assert_int_equal(ops->commit(box->store), 0);
	} while (rc == 1 && !box->options.read_only);
	if (!box->options.read_only && ops->lock_relay(box->store) == 1)
		(void)box_recover(box, BOX_NOW);
	return true;
}

int
box_stride(void)
{
	if (getenv("LEADRELAY_LONG") != NULL)
		return 1;
	return getenv("LEADRELAY_SANITIZER") != NULL ? 17 : 5;
}

void
box_close(struct box *box)
{
	if (box->store != NULL)
		box->store->ops->close(box->store);
	box->store = NULL;
}

/* The store failed, as it may or may not. */
static void
fault(struct box *box)
{
	if (box->on_fault == NULL)
		fail_msg("%s", box->store->fault.text);
	longjmp(*box->on_fault, 1);
}

void
box_begin(struct box *box)
{
	if (box->store->ops->begin(box->store, true) == -1)
		fault(box);
}

void
box_commit(struct box *box)
{
	if (box->store->ops->commit(box->store) == -1)
		fault(box);
}

/* An operation went well, or is rolled back. */
static void
must(struct box *box, int rc)
{
	if (rc != -1)
		return;
	box->store->ops->rollback(box->store);
	fault(box);
}

struct event_in
box_in(const char *lead, const char *data, int64_t now_ms)
{
	struct event_in in = {
		.source = "default",
		.lead = lead,
		.name = "lead.updated",
		.payload = data,
		.payload_len = strlen(data),
		.received_ms = now_ms,
		.duplicate_window_ms = 24 * (int64_t)BOX_HOUR,
		.max_held = 10000
	};

	assert_int_equal(digest_sha256(data, strlen(data), in.data_digest), 0);
	return in;
}

enum event_fate
box_accept(struct box *box, const struct event_in *in)
{
	free(box->out.violations);
	box_begin(box);
	must(box, store_accept(box->store, in, &box->out, 1));
	box_commit(box);
	return box->out.fate;
}

const char *
box_put(struct box *box, const char *lead, const char *data, int64_t now_ms)
{
	struct event_in in = box_in(lead, data, now_ms);

	assert_int_equal(box_accept(box, &in), EVENT_STORED);
	return box->out.id;
}

struct store_recovery
box_recover(struct box *box, int64_t now_ms)
{
	struct store_recovery found;

	box_begin(box);
	must(box, store_recover(box->store, now_ms, &found));
	box_commit(box);
	return found;
}

size_t
box_take(struct box *box, size_t index, int64_t now_ms, size_t max,
    struct delivery_claim *claims)
{
	size_t count;

	box_begin(box);
	must(box, store_claim(box->store,
	    box->destinations[index].number, now_ms, max, claims, &count));
	if (box->store->ops->commit(box->store) == 0)
		return count;
	while (count-- > 0) {
		box->store->ops->let_go(box->store, &claims[count].ticket);
		delivery_claim_free(&claims[count]);
	}
	fault(box);
	return 0;
}

size_t
box_claim(struct box *box, size_t index, int64_t now_ms, size_t max,
    struct delivery_claim *claims)
{
	size_t count = box_take(box, index, now_ms, max, claims);

	for (size_t i = 0; i < count; i++)
		assert_true(box->store->ops->start(box->store, &claims[i].ticket,
		    now_ms));
	return count;
}

void
box_settle_with(struct box *box, const struct delivery_outcome *outcome,
    int64_t now_ms)
{
	box_begin(box);
	must(box, store_settle(box->store, outcome, 1, now_ms));
	box_commit(box);
	box->store->ops->let_go(box->store, &outcome->ticket);
}

void
box_settle(struct box *box, const struct delivery_claim *claim,
    enum delivery_state state, int64_t due_ms, int64_t now_ms)
{
	struct delivery_outcome o = {
		.ticket = claim->ticket,
		.state = state,
		.due_ms = due_ms,
		.attempted = true,
		.started_ms = now_ms,
		.status = state == DELIVERY_DELIVERED ? 200 : 503
	};

	box_settle_with(box, &o, now_ms);
}

const char *
box_send(struct box *box, size_t index, enum delivery_state state,
    int64_t due_ms, int64_t now_ms)
{
	static char id[UUID7_SIZE];
	struct delivery_claim claim;

	id[0] = '\0';
	if (box_claim(box, index, now_ms, 1, &claim) == 0)
		return id;
	strcpy(id, claim.id);
	box_settle(box, &claim, state, due_ms, now_ms);
	delivery_claim_free(&claim);
	return id;
}

struct store_act_out
box_act(struct box *box, enum store_action action, const char *id, bool force,
    int64_t now_ms)
{
	struct store_act_out out;

	box_begin(box);
	must(box, store_act(box->store, action, id, NULL, force,
	    now_ms, &out));
	free(out.detail);		/* first: a commit that fails may leave by longjmp */
	out.detail = NULL;
	box_commit(box);
	return out;
}

struct counts_wanted {
	const char *name;
	struct store_destination_stats stats;
};

static void
keep_counts(void *arg, const struct store_destination_stats *stats)
{
	struct counts_wanted *w = arg;

	if (w->name == NULL || strcmp(stats->name, w->name) != 0)
		return;
	w->stats = *stats;
	w->stats.name = NULL;
	w->stats.state.pause_reason = NULL;
}

struct store_stats
box_stats(struct box *box)
{
	struct counts_wanted w = { 0 };
	struct store_stats stats;

	box_begin(box);
	must(box, store_stats(box->store, &stats, keep_counts, &w));
	box_commit(box);
	return stats;
}

struct store_destination_stats
box_counts(struct box *box, size_t index)
{
	struct counts_wanted w = { .name = box->destinations[index].name };
	struct store_stats stats;

	box_begin(box);
	must(box, store_stats(box->store, &stats, keep_counts, &w));
	box_commit(box);
	return w.stats;
}

static void
keep_state(void *arg, const struct store_row *row)
{
	*(int *)arg = (int)row->state;
}

int
box_state(struct box *box, const char *id, size_t index)
{
	struct store_filter filter = { .state = -1, .id = id };
	int state = -1;

	if (index < box->destination_count)
		filter.destination = box->destinations[index].name;
	box_begin(box);
	must(box, store_list(box->store, &filter, keep_state,
	    &state));
	box_commit(box);
	return state;
}

static void
note_row(void *arg, const struct store_row *row)
{
	struct box_total *total = arg;
	size_t i;

	if (total->events == 0 || strcmp(total->ids[total->events - 1], row->id) != 0) {
		assert_true((size_t)total->events < COUNT(total->ids));
		strcpy(total->ids[total->events++], row->id);
	}
	for (i = 0; i < (size_t)total->leads; i++)
		if (strcmp(total->keys[i], row->lead) == 0)
			return;
	assert_true(i < COUNT(total->keys) && strlen(row->lead) < sizeof(*total->keys));
	strcpy(total->keys[total->leads++], row->lead);
}

static void
note_event(void *arg, const struct store_event *event)
{
	(void)arg;
	(void)event;
}

static void
note_delivery(void *arg, const struct store_row *row)
{
	(void)arg;
	(void)row;
}

static void
note_attempt(void *arg, const struct store_attempt *attempt)
{
	struct box_total *total = arg;

	total->attempts++;
	total->counted += attempt->counted;
}

struct box_total
box_total(struct box *box)
{
	struct box_total total = { 0 };
	const struct store_filter all = { .state = -1 };
	const struct store_visitor visitor = {
		note_event, note_delivery, note_attempt, &total
	};
	bool found;

	box_begin(box);
	must(box, store_list(box->store, &all, note_row, &total));
	for (int i = 0; i < total.events; i++)
		must(box, store_show(box->store, total.ids[i], &visitor, &found));
	box_commit(box);
	return total;
}

static void
keep_event(void *arg, const struct store_event *event)
{
	struct box_event *kept = arg;

	kept->closed_ms = event->closed_ms;
	snprintf(kept->state, sizeof(kept->state), "%s", event->state);
	snprintf(kept->violations, sizeof(kept->violations), "%s",
	    event->violations != NULL ? event->violations : "");
}

static void
no_attempt(void *arg, const struct store_attempt *attempt)
{
	(void)arg;
	(void)attempt;
}

struct box_event
box_show(struct box *box, const char *id)
{
	struct box_event event = { 0 };
	const struct store_visitor visitor = {
		keep_event, note_delivery, no_attempt, &event
	};
	bool found;

	box_begin(box);
	must(box, store_show(box->store, id, &visitor, &found));
	box_commit(box);
	assert_true(found);
	return event;
}
