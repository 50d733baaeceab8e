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

/* What a page is made of; filled inside the job, printed after it. */
struct page {
	struct outbox_job job;		/* first: a job is its page */
	struct receiver *rx;
	struct request *rq;
	const struct page_kind *kind;
	struct store_stats stats;
	struct buf states;		/* a part per destination; see each page */
	struct buf oldest;
	struct buf paused;
};

struct page_kind {
	const char *name;
	const char *content_type;
	int (*ask)(struct store *store, struct page *page);
	void (*print)(const struct page *page, struct buf *out);
	/* What to answer when it could not be asked; NULL: a problem. */
	void (*refuse)(struct answer *answer, const char *reason);
};

/* --- healthz ------------------------------------------------------------- */

/* Would a lead be accepted now? */
static int
ask_write(struct store *store, struct page *page)
{
	(void)page;
	return store->ops->try_write(store);
}

static void
print_ready(const struct page *page, struct buf *out)
{
	(void)page;
	buf_puts(out, "{\"status\":\"ok\",\"reasons\":[]}");
}

static void
refuse_ready(struct answer *answer, const char *reason)
{
	/* Its headers; the body is for who asks. */
	problem_answer(answer, PROBLEM_UNAVAILABLE, NULL, NULL);
	answer->content_type = "application/json";
	buf_reset(&answer->body);
	buf_puts(&answer->body, "{\"status\":\"unavailable\",\"reasons\":[");
	buf_json(&answer->body, reason, strlen(reason));
	buf_puts(&answer->body, "]}");
}

/* --- metrics: Prometheus text format 0.0.4 ------------------------------- */

/* A label's value (backslash, quote and line feed escaped), quotes included. */
static void
put_label(struct buf *out, const char *text)
{
	buf_putc(out, '"');
	for (; *text != '\0'; text++) {
		if (*text == '\\' || *text == '"')
			buf_putc(out, '\\');
		if (*text == '\n')
			buf_puts(out, "\\n");
		else
			buf_putc(out, *text);
	}
	buf_putc(out, '"');
}

/* Seconds since ${then_ms}, 0 for "never". */
static double
age_s(int64_t then_ms)
{
	int64_t now_ms = clock_wall_ms();

	return then_ms > 0 && now_ms > then_ms ?
	    (double)(now_ms - then_ms) / 1000.0 : 0.0;
}

static void
metrics_destination(void *arg, const struct store_destination_stats *stats)
{
	struct page *page = arg;
	int state;

	for (state = 0; state < DELIVERY_STATES; state++) {
		buf_puts(&page->states, "leadrelay_deliveries{destination=");
		put_label(&page->states, stats->name);
		buf_printf(&page->states, ",state=\"%s\"} %lld\n",
		    delivery_state_name((enum delivery_state)state),
		    (long long)stats->count[state]);
	}
	buf_puts(&page->oldest, "leadrelay_oldest_waiting_seconds{destination=");
	put_label(&page->oldest, stats->name);
	buf_printf(&page->oldest, "} %.3f\n", age_s(stats->oldest_waiting_ms));
	buf_puts(&page->paused, "leadrelay_destination_paused{destination=");
	put_label(&page->paused, stats->name);
	buf_printf(&page->paused, "} %d\n", stats->state.paused_ms != 0);
}

static int
ask_metrics(struct store *store, struct page *page)
{
	return store->ops->stats(store, &page->stats, metrics_destination, page);
}

static void
put_gauge(struct buf *out, const char *name, const char *help, double value)
{
	buf_printf(out, "# HELP leadrelay_%s %s\n# TYPE leadrelay_%s gauge\n"
	    "leadrelay_%s %.17g\n", name, help, name, name, value);
}

static void
put_family(struct buf *out, const char *name, const char *help,
    const struct buf *samples)
{
	buf_printf(out, "# HELP leadrelay_%s %s\n# TYPE leadrelay_%s gauge\n",
	    name, help, name);
	buf_add(out, samples->data, samples->len);
}

static void
print_metrics(const struct page *page, struct buf *out)
{
	const struct counters *c = page->rx->counters;
	const struct store_stats *stats = &page->stats;

	buf_puts(out, "# HELP leadrelay_build_info the version that answers\n"
	    "# TYPE leadrelay_build_info gauge\n"
	    "leadrelay_build_info{version=\"" PACKAGE_VERSION "\"} 1\n");
#define X(name, help) \
	buf_printf(out, "# HELP leadrelay_" #name "_total " help \
	    ", in this process\n# TYPE leadrelay_" #name "_total counter\n" \
	    "leadrelay_" #name "_total %llu\n", \
	    (unsigned long long)counters_get(c, name));
	COUNTERS_TABLE(X)
#undef X
	put_gauge(out, "events_undelivered", "events with a delivery under way",
	    (double)stats->events_undelivered);
	put_gauge(out, "events_held", "events that wait for a person",
	    (double)stats->events_held);
	put_gauge(out, "relay_alive", "1 while a process relays",
	    stats->relay_alive ? 1 : 0);
	put_gauge(out, "last_received_timestamp_seconds",
	    "when the last event was stored", (double)stats->last_received_ms / 1000.0);
	put_gauge(out, "store_free_bytes", "free space where the outbox lies",
	    (double)stats->free_bytes);
	put_gauge(out, "store_bytes", "size of the outbox",
	    (double)stats->store_bytes);
	put_family(out, "deliveries", "deliveries by destination and state",
	    &page->states);
	put_family(out, "oldest_waiting_seconds",
	    "age of the oldest event that waits", &page->oldest);
	put_family(out, "destination_paused",
	    "1 while a destination is paused", &page->paused);
}

/* --- status: the same for people and scripts, as JSON -------------------- */

static void
status_destination(void *arg, const struct store_destination_stats *stats)
{
	struct page *page = arg;
	struct buf *out = &page->states;
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

static int
ask_status(struct store *store, struct page *page)
{
	return store->ops->stats(store, &page->stats, status_destination, page);
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
	buf_add(out, page->states.data, page->states.len);
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
	{ "healthz", "application/json", ask_write, print_ready, refuse_ready },
	{ "metrics", "text/plain; version=0.0.4; charset=utf-8", ask_metrics,
	    print_metrics, NULL },
	{ "status", "application/json", ask_status, print_status, NULL },
};

static const struct page_kind *
page_find(const char *path, size_t len)
{
	size_t start, i;

	for (start = len; start > 0 && path[start - 1] != '/'; start--)
		continue;
	for (i = 0; i < sizeof(page_kinds) / sizeof(page_kinds[0]); i++)
		if (strlen(page_kinds[i].name) == len - start &&
		    memcmp(page_kinds[i].name, path + start, len - start) == 0)
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

static void
page_free(struct page *page)
{
	buf_free(&page->states);
	buf_free(&page->oldest);
	buf_free(&page->paused);
	free(page);
}

static int
page_run(struct store *store, struct outbox_job *job)
{
	struct page *page = (struct page *)job;

	buf_reset(&page->states);	/* of an earlier try that was rolled back */
	buf_reset(&page->oldest);
	buf_reset(&page->paused);
	page->stats = (struct store_stats){ 0 };
	return page->kind->ask(store, page);
}

static void
begin_page(struct answer *answer, const char *content_type)
{
	*answer = (struct answer){ .status = 200, .content_type = content_type,
	    .body = answer->body };
	buf_reset(&answer->body);
}

static void
answer_refusal(const struct page_kind *kind, struct answer *answer,
    const char *reason)
{
	if (kind->refuse != NULL)
		kind->refuse(answer, reason);
	else
		problem_answer(answer, PROBLEM_UNAVAILABLE, NULL, NULL);
}

static void
page_done(struct outbox_job *job, const struct store_fault *fault)
{
	struct page *page = (struct page *)job;
	struct request *rq = page->rq;
	struct answer *answer = &rq->answer;

	if (fault != NULL) {
		answer_refusal(page->kind, answer, "store");
	} else {
		begin_page(answer, page->kind->content_type);
		page->kind->print(page, &answer->body);
	}
	page_free(page);
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

/* An answer that asks nobody.  True: that was it. */
static bool
answer_at_once(struct receiver *rx, const struct page_kind *kind,
    struct request *rq)
{
	struct snapshot *snapshot;
	bool configured;

	if (kind->refuse == NULL)
		return false;
	if (!asks_ready(rq)) {		/* the process is there: it answers */
		begin_page(&rq->answer, kind->content_type);
		buf_puts(&rq->answer.body, "{\"status\":\"ok\"}");
		return true;
	}
	snapshot = snapshot_take(&rx->snapshot);
	configured = snapshot != NULL && snapshot->config != NULL;
	snapshot_release(snapshot);
	if (!configured)
		kind->refuse(&rq->answer, "configuration");
	return !configured;
}

void
admin_start(struct receiver *rx, struct request *rq)
{
	const struct page_kind *kind;
	const char *path, *method;
	struct outbox *outbox;
	struct page *page;
	size_t len;

	method = request_param(rq, "REQUEST_METHOD");
	if (method == NULL ||
	    (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)) {
		problem_answer(&rq->answer, PROBLEM_ADMIN_METHOD, NULL, NULL);
		rq->respond(rq);
		return;
	}
	path = request_path(rq, &len);
	kind = page_find(path, len);
	if (answer_at_once(rx, kind, rq)) {
		rq->respond(rq);
		return;
	}
	outbox = rx->outbox(rx->owner);
	if (outbox == NULL || (page = calloc(1, sizeof(*page))) == NULL) {
		answer_refusal(kind, &rq->answer, "store");
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
