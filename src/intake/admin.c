/*
 * A page asks the store in a job of its own, like a webhook; the job fills
 * struct page, and it is printed when the job is done.  healthz is the one page
 * that may be answered without: it is about the process, not about the store.
 */
#include "config.h"

#include "intake/admin.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/counters.h"
#include "config/config.h"
#include "intake/problem.h"
#include "outbox/outbox.h"

/* Metrics that have a sample for each destination. */
static const struct { const char *name, *help; } families[] = {
	{ "deliveries", "deliveries by destination and state" },
	{ "oldest_waiting_seconds", "age of the oldest event that waits" },
	{ "destination_paused", "1 while a destination is paused" },
};
#define FAMILIES (sizeof(families) / sizeof(families[0]))

/* What a page is made of; filled inside the job, printed after it. */
struct page {
	struct outbox_job job;		/* first: a job is its page */
	struct receiver *rx;
	struct request *rq;
	const struct page_kind *kind;
	struct store_stats stats;
	struct buf parts[FAMILIES];	/* of each destination: metrics by family, else in the first */
};

struct page_kind {
	const char *name;
	const char *content_type;
	/* What the store's figures of a destination add; NULL, healthz: can it be written? */
	void (*destination)(void *arg, const struct store_destination_stats *stats);
	void (*print)(const struct page *page, struct buf *out);
};

static void
print_ready(const struct page *page, struct buf *out)
{
	(void)page;
	buf_puts(out, "{\"status\":\"ok\",\"reasons\":[]}");
}

/* Seconds since ${then_ms}, 0 for "never". */
static double
age_s(int64_t then_ms)
{
	int64_t now_ms = clock_wall_ms();

	return then_ms > 0 && now_ms > then_ms ?
	    (double)(now_ms - then_ms) / 1000.0 : 0.0;
}

/* --- metrics: Prometheus text format 0.0.4 ------------------------------- */

/* The name and label of a sample.  A label is escaped as JSON's strings are. */
static struct buf *
put_sample(struct page *page, size_t family, const char *destination)
{
	struct buf *out = &page->parts[family];

	buf_printf(out, "leadrelay_%s{destination=", families[family].name);
	buf_json(out, destination, strlen(destination));
	return out;
}

static void
metrics_destination(void *arg, const struct store_destination_stats *stats)
{
	int state;

	for (state = 0; state < DELIVERY_STATES; state++)
		buf_printf(put_sample(arg, 0, stats->name), ",state=\"%s\"} %lld\n",
		    delivery_state_name((enum delivery_state)state),
		    (long long)stats->count[state]);
	buf_printf(put_sample(arg, 1, stats->name), "} %.3f\n",
	    age_s(stats->oldest_waiting_ms));
	buf_printf(put_sample(arg, 2, stats->name), "} %d\n",
	    stats->state.paused_ms != 0);
}

static void
put_head(struct buf *out, const char *name, const char *help)
{
	buf_printf(out, "# HELP leadrelay_%s %s\n# TYPE leadrelay_%s gauge\n",
	    name, help, name);
}

static void
print_metrics(const struct page *page, struct buf *out)
{
	const struct counters *c = page->rx->counters;
	const struct store_stats *stats = &page->stats;
	const struct { const char *name, *help; double value; } gauges[] = {
		{ "events_undelivered", "events with a delivery under way",
		    (double)stats->events_undelivered },
		{ "events_held", "events that wait for a person",
		    (double)stats->events_held },
		{ "relay_alive", "1 while a process relays", stats->relay_alive },
		{ "last_received_timestamp_seconds", "when the last event was stored",
		    (double)stats->last_received_ms / 1000.0 },
		{ "store_free_bytes", "free space where the outbox lies",
		    (double)stats->free_bytes },
		{ "store_bytes", "size of the outbox", (double)stats->store_bytes },
	};

	put_head(out, "build_info", "the version that answers");
	buf_puts(out, "leadrelay_build_info{version=\"" PACKAGE_VERSION "\"} 1\n");
#define X(name, help) \
	buf_printf(out, "# HELP leadrelay_" #name "_total " help \
	    ", in this process\n# TYPE leadrelay_" #name "_total counter\n" \
	    "leadrelay_" #name "_total %llu\n", \
	    (unsigned long long)counters_get(c, name));
	COUNTERS_TABLE(X)
#undef X
	for (size_t i = 0; i < sizeof(gauges) / sizeof(gauges[0]); i++) {
		put_head(out, gauges[i].name, gauges[i].help);
		buf_printf(out, "leadrelay_%s %.17g\n", gauges[i].name, gauges[i].value);
	}
	for (size_t i = 0; i < FAMILIES; i++) {
		put_head(out, families[i].name, families[i].help);
		buf_add(out, page->parts[i].data, page->parts[i].len);
	}
}

/* --- status: the same for people and scripts, as JSON -------------------- */

static void
status_destination(void *arg, const struct store_destination_stats *stats)
{
	struct page *page = arg;
	struct buf *out = &page->parts[0];
	int state;

	buf_puts(out, out->len == 0 ? "{\"name\":" : ",{\"name\":");
	buf_json(out, stats->name, strlen(stats->name));
	buf_printf(out, ",\"configured\":%s,\"paused\":%s",
	    stats->configured ? "true" : "false",
	    stats->state.paused_ms != 0 ? "true" : "false");
	for (state = 0; state < DELIVERY_STATES; state++)
		buf_printf(out, ",\"%s\":%lld",
		    delivery_state_name((enum delivery_state)state),
		    (long long)stats->count[state]);
	buf_printf(out, ",\"oldest_waiting_s\":%.3f}",
	    age_s(stats->oldest_waiting_ms));
}

static void
print_status(const struct page *page, struct buf *out)
{
	const struct counters *c = page->rx->counters;
	const struct store_stats *stats = &page->stats;
	const char *comma = "";

	buf_printf(out, "{\"version\":\"" PACKAGE_VERSION "\","
	    "\"undelivered\":%lld,\"held\":%lld,\"relay\":%s,"
	    "\"last_received_s_ago\":",
	    (long long)stats->events_undelivered, (long long)stats->events_held,
	    stats->relay_alive ? "true" : "false");
	if (stats->last_received_ms != 0)
		buf_printf(out, "%.3f", age_s(stats->last_received_ms));
	else
		buf_puts(out, "null");
	buf_puts(out, ",\"destinations\":[");
	buf_add(out, page->parts[0].data, page->parts[0].len);
	buf_puts(out, "],\"counters\":{");
#define X(name, help) \
	buf_printf(out, "%s\"" #name "\":%llu", comma, \
	    (unsigned long long)counters_get(c, name)); \
	comma = ",";
	COUNTERS_TABLE(X)
#undef X
	buf_puts(out, "}}");
}

/* --- the way of a page --------------------------------------------------- */

static const struct page_kind page_kinds[] = {
	{ "healthz", "application/json", NULL, print_ready },
	{ "metrics", "text/plain; version=0.0.4; charset=utf-8",
	    metrics_destination, print_metrics },
	{ "status", "application/json", status_destination, print_status },
};

static const struct page_kind *
page_find(const char *path, size_t len)
{
	const char *slash = memrchr(path, '/', len);
	const char *name = slash != NULL ? slash + 1 : path;
	size_t name_len = len - (size_t)(name - path), i;

	for (i = 0; i < sizeof(page_kinds) / sizeof(page_kinds[0]); i++)
		if (strlen(page_kinds[i].name) == name_len &&
		    memcmp(page_kinds[i].name, name, name_len) == 0)
			return &page_kinds[i];
	return NULL;
}

bool
admin_names_page(const char *path, size_t len)
{
	return page_find(path, len) != NULL;
}

bool
admin_allowed(const struct config *config, const struct request *rq)
{
	const char *role = request_param(rq, "LEADRELAY_ROLE");

	if (role == NULL || strcmp(role, "admin") != 0)
		return false;
	return !rq->tcp || (config != NULL && config->admin_tcp);
}

static int
page_run(struct store *store, struct outbox_job *job)
{
	struct page *page = (struct page *)job;

	if (page->kind->destination == NULL)
		return store_try_write(store);
	for (size_t i = 0; i < FAMILIES; i++)
		buf_reset(&page->parts[i]);	/* of an earlier try that was rolled back */
	page->stats = (struct store_stats){ 0 };
	return store_stats(store, &page->stats, page->kind->destination, page);
}

/* The page cannot be had, or would say no; healthz tells for what ${reason}. */
static void
refuse(const struct page_kind *kind, struct answer *answer, const char *reason)
{
	problem_answer(answer, PROBLEM_UNAVAILABLE, NULL, NULL);
	if (kind->destination != NULL)
		return;
	/* The problem's headers; the body is for who asks. */
	answer->content_type = kind->content_type;
	buf_reset(&answer->body);
	buf_puts(&answer->body, "{\"status\":\"unavailable\",\"reasons\":[");
	buf_json(&answer->body, reason, strlen(reason));
	buf_puts(&answer->body, "]}");
}

static void
page_done(struct outbox_job *job, const struct store_fault *fault)
{
	struct page *page = (struct page *)job;
	struct request *rq = page->rq;

	if (fault != NULL) {
		refuse(page->kind, &rq->answer, "store");
	} else {
		answer_begin(&rq->answer, 200, page->kind->content_type);
		page->kind->print(page, &rq->answer.body);
	}
	for (size_t i = 0; i < FAMILIES; i++)
		buf_free(&page->parts[i]);
	free(page);
	rq->respond(rq);
}

/* Is the question, wherever the front server left it, "ready"? */
static bool
asks_ready(const struct request *rq)
{
	const char *uri = request_param(rq, "REQUEST_URI");
	const char *query = uri != NULL ? strchr(uri, '?') : NULL;

	query = query != NULL ? query + 1 : request_param(rq, "QUERY_STRING");
	return query != NULL && strncmp(query, "ready", 5) == 0 &&
	    (query[5] == '\0' || query[5] == '=' || query[5] == '&');
}

/* healthz's answer that needs no store.  True: that was it. */
static bool
answer_at_once(struct receiver *rx, const struct page_kind *kind,
    struct request *rq)
{
	struct snapshot *snapshot;
	bool configured;

	if (!asks_ready(rq)) {		/* the process is there: it answers */
		answer_begin(&rq->answer, 200, kind->content_type);
		buf_puts(&rq->answer.body, "{\"status\":\"ok\"}");
		return true;
	}
	snapshot = snapshot_take(&rx->snapshot);
	configured = snapshot != NULL && snapshot->config != NULL;
	snapshot_release(snapshot);
	if (!configured)
		refuse(kind, &rq->answer, "configuration");
	return !configured;
}

void
admin_start(struct receiver *rx, struct request *rq)
{
	const char *method = request_param(rq, "REQUEST_METHOD");
	const struct page_kind *kind;
	struct outbox *outbox;
	struct page *page;
	const char *path;
	size_t len;

	if (method == NULL ||
	    (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)) {
		problem_respond(rq, PROBLEM_ADMIN_METHOD);
		return;
	}
	path = request_path(rq, &len);
	kind = page_find(path, len);
	if (kind->destination == NULL && answer_at_once(rx, kind, rq)) {
		rq->respond(rq);
		return;
	}
	outbox = rx->outbox(rx->owner);
	if (outbox == NULL || (page = calloc(1, sizeof(*page))) == NULL) {
		refuse(kind, &rq->answer, "store");
		rq->respond(rq);
		return;
	}
	page->rx = rx;
	page->rq = rq;
	page->kind = kind;
	page->job.run = page_run;
	page->job.done = page_done;
	outbox_submit(outbox, &page->job);
}
