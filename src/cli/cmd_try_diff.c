/* try --diff: an event is copied out of the store first, for programs may take their time. */
#include "cli/cmd_try.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/exits.h"
#include "cli/names.h"
#include "cli/object.h"
#include "cli/print.h"
#include "relay/dry_run.h"

/* What the destination's programs would now make of a delivery, beside what was sent. */
enum verdict {
	VERDICT_SAME,
	VERDICT_DIFFERENT,
	VERDICT_NEW,			/* nothing of it was sent so far */
	VERDICT_SKIPPED,
	VERDICT_HELD,
	VERDICTS
};
static const char *const verdicts[VERDICTS] = {
	[VERDICT_SAME] = "same", [VERDICT_DIFFERENT] = "different",
	[VERDICT_NEW] = "new", [VERDICT_SKIPPED] = "skipped", [VERDICT_HELD] = "held"
};

/* The newest deliveries of one destination. */
struct newest {
	int64_t limit;
	struct names ids;
};

/* One of them, with its event. */
struct stored {
	const char *destination;
	struct delivery_claim claim;
	enum delivery_state state;
	bool found;
	bool oom;
};

static void
keep_id(void *arg, const struct store_row *row)
{
	struct newest *newest = arg;

	names_add(&newest->ids, row->id);
}

static void
keep_event(void *arg, const struct store_event *event)
{
	struct stored *one = arg;
	struct delivery_claim *claim = &one->claim;

	if (event->payload == NULL)
		return;			/* erased */
	(void)snprintf(claim->id, sizeof(claim->id), "%s", event->id);
	claim->source = strdup(event->source);
	claim->lead = strdup(event->lead);
	claim->name = strdup(event->name);
	claim->sequence = event->sequence;
	claim->received_ms = event->received_ms;
	claim->payload = malloc(event->payload_len + 1);
	one->oom = claim->source == NULL || claim->lead == NULL ||
	    claim->name == NULL || claim->payload == NULL;
	if (one->oom)
		return;
	memcpy(claim->payload, event->payload, event->payload_len);
	claim->payload[event->payload_len] = '\0';
	claim->payload_len = event->payload_len;
}

static void
keep_delivery(void *arg, const struct store_row *row)
{
	struct stored *one = arg;

	if (row->destination == NULL ||
	    strcmp(row->destination, one->destination) != 0)
		return;
	one->state = row->state;
	one->claim.key_number = row->key_number;
	one->claim.body = row->body;
	one->claim.retried = true;	/* as `retry` would have it */
	one->found = true;
}

static void
pass_over(void *arg, const struct store_attempt *attempt)
{
	(void)arg;
	(void)attempt;
}

static enum verdict
compare(const struct stored *one, const struct dry_run_result *now)
{
	if (now->end == DRY_RUN_HOLD)
		return VERDICT_HELD;
	if (now->end == DRY_RUN_SKIP)
		return one->state == DELIVERY_SKIPPED ? VERDICT_SAME : VERDICT_SKIPPED;
	if (one->claim.body == 0)
		return VERDICT_NEW;
	return one->claim.body == now->request.digest ? VERDICT_SAME :
	    VERDICT_DIFFERENT;
}

static void
show(const struct try *try, const struct stored *one, enum verdict verdict,
    const struct dry_run_result *now)
{
	bool body = verdict == VERDICT_DIFFERENT || verdict == VERDICT_NEW;
	bool reason = now->end != DRY_RUN_SEND && now->reason.data != NULL;
	struct buf out = { 0 };

	if (try->json) {
		object_open(&out);
		object_string(&out, "id", one->claim.id);
		object_string(&out, "lead", one->claim.lead);
		object_string(&out, "destination", one->destination);
		object_string(&out, "state", delivery_state_name(one->state));
		object_string(&out, "verdict", verdicts[verdict]);
		object_string(&out, "reason", reason ? now->reason.data : NULL);
		object_bytes(&out, "body", body ? now->request.body : NULL,
		    now->request.body_len);
		object_close(&out);
	} else {
		buf_printf(&out, "%-9s  %s  %s  lead ", verdicts[verdict],
		    one->destination, one->claim.id);
		print_string(&out, one->claim.lead);
		if (reason) {
			buf_puts(&out, "  ");
			print_text(&out, now->reason.data, now->reason.len);
		}
		if (body) {
			buf_puts(&out, "\n  ");
			print_text(&out, now->request.body, now->request.body_len);
		}
	}
	(void)print_line(&out);
}

/* Compare one delivery.  -1: the store failed, said. */
static int
diff_one(struct try *try, struct dry_run *r, const char *destination,
    const char *id, int64_t counts[VERDICTS])
{
	struct stored one = { .destination = destination };
	const struct store_visitor visitor = {
		keep_event, keep_delivery, pass_over, &one
	};
	struct outbox *ob = try->setup->outbox;
	struct dry_run_result now = { 0 };
	struct store_fault fault = { 0 };
	struct store *store;
	enum verdict verdict;
	bool found;
	int rc = 0;

	if ((store = outbox_begin(ob, &fault)) == NULL || outbox_end(ob,
	    store_show(store, id, &visitor, &found), &fault) == -1) {
		try->status = setup_first(try->status,
		    setup_store_failed(try->setup->config, &fault));
		rc = -1;
	} else if (one.oom) {
		try->status = setup_first(try->status, EXIT_SOFTWARE);
	} else if (one.found && one.claim.payload != NULL) {
		dry_run_run(r, &one.claim, clock_wall_ms(), &now);
		verdict = compare(&one, &now);
		counts[verdict]++;
		show(try, &one, verdict, &now);
		if (verdict == VERDICT_HELD)
			try->status = setup_first(try->status, EXIT_NO);
	}
	dry_run_done(&now);
	delivery_claim_free(&one.claim);
	return rc;
}

/* "crm: 8 same, 2 different" */
static void
say_counts(const char *destination, const int64_t counts[VERDICTS])
{
	const char *comma = "";

	fprintf(stderr, "leadrelay: %s: ", destination);
	for (int i = 0; i < VERDICTS; i++) {
		if (counts[i] == 0)
			continue;
		fprintf(stderr, "%s%" PRId64 " %s", comma, counts[i], verdicts[i]);
		comma = ", ";
	}
	fputs(*comma == '\0' ? "nothing stored\n" : "\n", stderr);
}

static void
diff_destination(struct try *try, const struct config_destination *config)
{
	const struct store_filter filter = {
		.state = -1, .destination = config->name, .limit = try->diff
	};
	struct newest newest = { .limit = try->diff };
	struct outbox *ob = try->setup->outbox;
	struct store *store;
	int64_t counts[VERDICTS] = { 0 };
	struct store_fault fault = { 0 };
	struct dry_run *r = cmd_try_begin(try, config);

	if (r == NULL)
		return;
	if ((store = outbox_begin(ob, &fault)) == NULL || outbox_end(ob,
	    store_list(store, &filter, keep_id, &newest), &fault) == -1) {
		try->status = setup_first(try->status,
		    setup_store_failed(try->setup->config, &fault));
	} else {
		if (newest.ids.oom)
			try->status = setup_first(try->status, EXIT_SOFTWARE);
		for (size_t i = 0; i < newest.ids.count; i++)
			if (diff_one(try, r, config->name, newest.ids.list[i],
			    counts) == -1)
				break;
		if (!try->json)
			say_counts(config->name, counts);
	}
	dry_run_free(r);
	names_free(&newest.ids);
}

void
cmd_try_diff(struct try *try)
{
	const struct config *config = try->setup->config;

	for (size_t i = 0; i < config->destination_count; i++)
		diff_destination(try, &config->destinations[i]);
}
