#include "box.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <dirent.h>

int
box_setup(void **state)
{
	struct box *box;

	if ((box = calloc(1, sizeof(*box))) == NULL)
		return -1;
	/* In memory where there is such a place: disk.h is the disk. */
	strcpy(box->folder, access("/dev/shm", W_OK) == 0 ?
	    "/dev/shm/leadrelay-outbox-XXXXXX" : "/tmp/leadrelay-outbox-XXXXXX");
	if (mkdtemp(box->folder) == NULL)
		return -1;
	snprintf(box->path, sizeof(box->path), "%s/outbox.db", box->folder);
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
	char path[400];
	struct dirent *entry;
	DIR *dir;

	box_close(box);
	if ((dir = opendir(box->folder)) != NULL) {
		while ((entry = readdir(dir)) != NULL) {
			snprintf(path, sizeof(path), "%s/%s", box->folder,
			    entry->d_name);
			unlink(path);
		}
		closedir(dir);
	}
	rmdir(box->folder);
	free(box->out.violations);
	free(box);
	return 0;
}

bool
box_open(struct box *box)
{
	const struct store_ops *ops = &store_sqlite;
	int rc;

	box->options.location = box->path;
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
	must(box, store_accept(box->store, in, &box->out));
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
	box_commit(box);
	free(out.detail);
	out.detail = NULL;
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

int64_t
box_number(const struct box *box, const char *sql)
{
	sqlite3_stmt *s = NULL;
	sqlite3 *db = NULL;
	int64_t value = -1;

	assert_int_equal(sqlite3_open_v2(box->path, &db, SQLITE_OPEN_READWRITE,
	    NULL), SQLITE_OK);
	sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_busy_timeout(db, 5000);
	if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	if (sqlite3_step(s) == SQLITE_ROW)
		value = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	sqlite3_close(db);
	return value;
}

void
box_check(const struct box *box)
{
	static const struct {
		const char *what;
		const char *sql;	/* counts what is wrong */
	} rules[] = {
		{ "a waiting delivery is ready exactly when none blocks it",
		    "SELECT count(*) FROM delivery d WHERE ready <> "
		    "(state = 0 AND NOT EXISTS (SELECT 1 FROM delivery b "
		    "WHERE b.lead = d.lead AND b.destination = d.destination "
		    "AND b.number < d.number AND b.blocks = 1))" },
		{ "what is waiting blocks",
		    "SELECT count(*) FROM delivery "
		    "WHERE state = 0 AND blocks = 0" },
		{ "nothing is stored as being sent",
		    "SELECT count(*) FROM delivery WHERE state = 1" },
		{ "what is delivered, discarded or skipped does not block",
		    "SELECT count(*) FROM delivery "
		    "WHERE state IN (2, 5, 6) AND blocks = 1" },
		{ "one of a lead is ready for a destination at a time",
		    "SELECT count(*) FROM (SELECT 1 FROM delivery "
		    "WHERE ready = 1 GROUP BY lead, destination "
		    "HAVING count(*) > 1)" },
		{ "the counts are those of the deliveries",
		    "SELECT count(*) FROM (SELECT destination, state, "
		    "deliveries FROM tally WHERE deliveries <> 0 "
		    "EXCEPT SELECT destination, "
		    "state, count(*) FROM delivery GROUP BY 1, 2)" },
		{ "every state is counted",
		    "SELECT (SELECT coalesce(sum(deliveries), 0) FROM tally) - "
		    "(SELECT count(*) FROM delivery)" },
		{ "the number of open events",
		    "SELECT (SELECT open FROM head) - (SELECT count(DISTINCT "
		    "number / 65536) FROM delivery WHERE state < 2)" },
		{ "the number of held events",
		    "SELECT (SELECT held FROM head) - "
		    "(SELECT count(*) FROM event WHERE state = 1)" },
		{ "the held events of each source",
		    "SELECT count(*) FROM (SELECT source, count FROM held "
		    "WHERE count <> 0 EXCEPT SELECT source, count(*) "
		    "FROM event e JOIN lead l ON l.number = e.lead "
		    "WHERE e.state = 1 GROUP BY 1)" },
		{ "every held event is counted",
		    "SELECT (SELECT coalesce(sum(count), 0) FROM held) - "
		    "(SELECT held FROM head)" },
		{ "an event is closed when none of its deliveries is open",
		    "SELECT count(*) FROM event e WHERE (closed = 0) <> "
		    "EXISTS (SELECT 1 FROM delivery WHERE state < 2 "
		    "AND number / 65536 = e.number)" },
		{ "a lead's latest event is its newest",
		    "SELECT count(*) FROM lead l WHERE latest <> "
		    "(SELECT max(number) FROM event WHERE lead = l.number)" },
		{ "later ones are ready",
		    "SELECT count(*) FROM delivery "
		    "WHERE later = 1 AND ready = 0" },
		{ "every event has a payload and a lead",
		    "SELECT count(*) FROM event e WHERE NOT EXISTS "
		    "(SELECT 1 FROM payload WHERE event = e.number) OR NOT "
		    "EXISTS (SELECT 1 FROM lead WHERE number = e.lead)" },
		{ "nothing is left of what was deleted",
		    "SELECT (SELECT count(*) FROM payload) - "
		    "(SELECT count(*) FROM event) + (SELECT count(*) FROM "
		    "attempt WHERE delivery NOT IN "
		    "(SELECT number FROM delivery)) + (SELECT count(*) FROM "
		    "delivery WHERE number / 65536 NOT IN "
		    "(SELECT number FROM event)) + (SELECT count(*) FROM lead "
		    "WHERE number NOT IN (SELECT lead FROM event))" }
	};

	for (size_t i = 0; i < COUNT(rules); i++)
		if (box_number(box, rules[i].sql) != 0)
			fail_msg("%s", rules[i].what);
}
