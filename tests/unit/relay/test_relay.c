/*
 * The whole relay against the real outbox and a scripted CRM.
 */
#include "unit.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/counters.h"
#include "base/digest.h"
#include "base/log.h"
#include "clocks.h"
#include "config/config.h"
#include "outbox/outbox.h"
#include "http/curl_api.h"
#include "http/preflight.h"
#include "relay/relay.h"
#include "sink.h"

#define SEEN_MAX 4096
#define PATIENCE_MS 20000
#define DESTINATIONS 2

/* One request that a CRM got. */
struct seen {
	int lead;
	int sequence;
	char key[96];
	int status;			/* answered; 0: hung up */
	int64_t at_ms;
};

struct crm;
typedef void crm_script(struct crm *crm, int lead, int nth, struct sink_reply *reply);

/* A CRM that follows a script.  ${nth}: how often this lead was seen, 1 the first. */
struct crm {
	struct sink *sink;
	crm_script *script;
	atomic_int mode;		/* for the script's use */
	pthread_mutex_t lock;
	struct seen seen[SEEN_MAX];
	size_t count;
	char head[2048];		/* of the last request */
};

struct world {
	char folder[64], url[128];
	char urls[DESTINATIONS][64];
	struct config_destination destinations[DESTINATIONS];
	struct config config;
	struct crm crm[DESTINATIONS];
	struct outbox *outbox;
	struct counters counters;
	struct relay *relay;
};

/* --- the CRM -------------------------------------------------------------- */

static int
number_after(const char *text, const char *name)
{
	const char *p = strstr(text, name);

	return p != NULL ? atoi(p + strlen(name)) : -1;
}

static void
handle(void *arg, const struct sink_request *request, struct sink_reply *reply)
{
	struct crm *crm = arg;
	struct seen *one;
	const char *key;
	size_t i;
	int nth = 1;

	pthread_mutex_lock(&crm->lock);
	assert_true(crm->count < SEEN_MAX);
	one = &crm->seen[crm->count];
	one->lead = number_after(request->body, "\"id\":");
	one->sequence = number_after(request->head, "X-Leadrelay-Sequence: ");
	one->at_ms = clock_mono_ms();
	one->key[0] = '\0';
	if ((key = strstr(request->head, "Idempotency-Key: ")) != NULL)
		snprintf(one->key, sizeof(one->key), "%.*s",
		    (int)strcspn(key + 17, "\r"), key + 17);
	snprintf(crm->head, sizeof(crm->head), "%s", request->head);
	for (i = 0; i < crm->count; i++)
		nth += crm->seen[i].lead == one->lead;
	if (crm->script != NULL)
		crm->script(crm, one->lead, nth, reply);
	one->status = reply->act == SINK_CLOSE ? 0 : reply->status;
	crm->count++;
	pthread_mutex_unlock(&crm->lock);
}

/* How many different events got a 2xx? */
static int
delivered(struct crm *crm)
{
	int n = 0;
	size_t i, j;

	pthread_mutex_lock(&crm->lock);
	for (i = 0; i < crm->count; i++) {
		if (crm->seen[i].status / 100 != 2)
			continue;
		for (j = 0; j < i; j++)
			if (crm->seen[j].status / 100 == 2 &&
			    strcmp(crm->seen[j].key, crm->seen[i].key) == 0)
				break;
		n += j == i;
	}
	pthread_mutex_unlock(&crm->lock);
	return n;
}

static int
seen_count(struct crm *crm)
{
	int n;

	pthread_mutex_lock(&crm->lock);
	n = (int)crm->count;
	pthread_mutex_unlock(&crm->lock);
	return n;
}

/* No event of a lead came before an older one of it was delivered. */
static void
check_order(struct crm *crm)
{
	int last[256] = { 0 };
	size_t i;

	for (i = 0; i < crm->count; i++) {
		const struct seen *one = &crm->seen[i];

		assert_in_range(one->lead, 0, 255);
		if (one->sequence != last[one->lead])
			assert_int_equal(one->sequence, last[one->lead] + 1);
		if (one->status / 100 == 2)
			last[one->lead] = one->sequence;
		else
			assert_int_equal(one->sequence, last[one->lead] + 1);
	}
}

/* --- the world ------------------------------------------------------------ */

static struct config_range success[] = { { 200, 299 } };
static int64_t retry[] = { 20 };
static int64_t probe[] = { 20, 40 };

static void
add_destination(struct world *w, size_t i, char *name, bool listening)
{
	struct config_destination *d = &w->destinations[i];

	w->crm[i].sink = sink_start(handle, &w->crm[i], listening);
	assert_non_null(w->crm[i].sink);
	snprintf(w->urls[i], sizeof(w->urls[i]), "http://127.0.0.1:%d/leads",
	    sink_port(w->crm[i].sink));
	*d = (struct config_destination){
		.name = name, .url = w->urls[i],
		.success = success, .success_count = 1,
		.timeout_ms = 10000, .connect_timeout_ms = 5000,
		.max_concurrent = 8, .retry_ms = retry, .retry_count = COUNT(retry),
		.probe_ms = probe, .probe_count = COUNT(probe),
		.retry_for_ms = 3600 * 1000,
	};
	w->config.destination_count = i + 1;
}

static int
set_up(void **state)
{
	static char crm[] = "crm";
	struct world *w = calloc(1, sizeof(*w));
	size_t i;

	(void)log_open(getenv("TEST_LOG") != NULL ? "stderr" : "file:/dev/null",
	    false);
	log_form(LOG_FMT_LOGFMT, LOG_LV_DEBUG);
	strcpy(w->folder, "/tmp/leadrelay-test-XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	snprintf(w->url, sizeof(w->url), "sqlite:%s/outbox.db", w->folder);
	w->config.store = (struct config_store){
		.url = w->url, .keep_delivered_ms = 24 * 3600 * 1000,
		.keep_failed_ms = 24 * 3600 * 1000, .max_waiting = 1000000, .min_free = 0,
	};
	w->config.destinations = w->destinations;
	for (i = 0; i < DESTINATIONS; i++)
		pthread_mutex_init(&w->crm[i].lock, NULL);
	add_destination(w, 0, crm, true);
	*state = w;
	return 0;
}

static struct outbox *
open_outbox(struct world *w)
{
	struct store_fault fault;
	struct outbox *ob;

	if ((ob = outbox_open(&w->config, OUTBOX_SERVE, &fault)) == NULL)
		fail_msg("%s", fault.text);
	return ob;
}

static struct relay *
new_relay(struct world *w, struct outbox *ob)
{
	struct buf why = { 0 };
	struct relay *r;

	if ((r = relay_new(&w->config, NULL, ob, &w->counters, &why)) == NULL)
		fail_msg("%s", why.data);
	buf_free(&why);
	return r;
}

static void
start(struct world *w)
{
	if (w->outbox == NULL)
		w->outbox = open_outbox(w);
	w->relay = new_relay(w, w->outbox);
	assert_int_equal(relay_start(w->relay), 0);
	clock_pretend(clocks[clocks_now].rest_ms, 0);
}

static void
stop(struct world *w, int64_t grace_ms)
{
	if (w->relay == NULL)
		return;
	relay_stop(w->relay, grace_ms);
	relay_free(w->relay);
	w->relay = NULL;
}

static int
tear_down(void **state)
{
	struct world *w = *state;
	char command[128];
	size_t i;

	clock_pretend(0, 0);
	stop(w, 0);
	outbox_close(w->outbox);
	for (i = 0; i < DESTINATIONS; i++) {
		sink_stop(w->crm[i].sink);
		pthread_mutex_destroy(&w->crm[i].lock);
	}
	snprintf(command, sizeof(command), "rm -r %s", w->folder);
	assert_int_equal(system(command), 0);
	free(w);
	return 0;
}

struct feed {
	struct event_in in;
	struct event_out out;
};

static int
accept_one(struct store *store, void *arg)
{
	struct feed *feed = arg;

	free(feed->out.violations);
	return store_accept(store, &feed->in, &feed->out, 1);
}

/* A new event of ${lead}. */
static void
feed(struct world *w, struct outbox *ob, int lead)
{
	static atomic_int version;
	struct store_fault fault;
	struct feed feed = { 0 };
	char payload[128], key[16];

	snprintf(payload, sizeof(payload),
	    "{\"event\":\"lead.created\",\"data\":{\"id\":%d,\"v\":%d}}", lead,
	    atomic_fetch_add(&version, 1));
	snprintf(key, sizeof(key), "%d", lead);
	clock_pretend(clocks[clocks_now].intake_ms, 0);
	feed.in = (struct event_in){
		.source = "default", .lead = key, .name = "lead.created",
		.payload = payload, .payload_len = strlen(payload),
		.received_ms = clock_wall_ms(), .duplicate_window_ms = 3600 * 1000,
	};
	assert_int_equal(digest_sha256(payload, strlen(payload), feed.in.data_digest), 0);
	if (outbox_run(ob, accept_one, &feed, &fault) == -1)
		fail_msg("%s", fault.text);
	clock_pretend(clocks[clocks_now].rest_ms, 0);
	assert_int_equal(feed.out.fate, EVENT_STORED);
	if (w->relay != NULL)
		relay_wake(w->relay);
}

static void
feed_many(struct world *w, int leads, int events)
{
	int lead, event;

	for (event = 0; event < events; event++)
		for (lead = 0; lead < leads; lead++)
			feed(w, w->outbox, lead);
}

/* --- looking into the outbox ---------------------------------------------- */

struct tally {
	int64_t count[DESTINATIONS][DELIVERY_STATES];
	bool paused[DESTINATIONS];
	char reason[128];		/* of the last pause met */
	size_t next;
};

static void
count_destination(void *arg, const struct store_destination_stats *stats)
{
	struct tally *tally = arg;

	memcpy(tally->count[tally->next], stats->count, sizeof(stats->count));
	tally->paused[tally->next] = stats->state.paused_ms != 0;
	if (stats->state.pause_reason != NULL)
		snprintf(tally->reason, sizeof(tally->reason), "%s",
		    stats->state.pause_reason);
	tally->next++;
}

static int
read_stats(struct store *store, void *arg)
{
	struct store_stats stats;

	memset(arg, 0, sizeof(struct tally));
	return store_stats(store, &stats, count_destination, arg);
}

static struct tally
look(struct world *w)
{
	struct tally tally;

	assert_int_equal(outbox_run(w->outbox, read_stats, &tally, NULL), 0);
	return tally;
}

/* Poll until ${expression} holds. */
#define WAIT_UNTIL(expression) do { \
	int64_t end_ = clock_mono_ms() + PATIENCE_MS; \
	while (!(expression)) { \
		if (clock_mono_ms() > end_) \
			fail_msg("in vain: %s", #expression); \
		nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL); \
	} \
} while (0)

#define WAIT_STATE(w, i, state, n) \
	WAIT_UNTIL(look(w).count[i][state] == (n))

/* --- the tests ------------------------------------------------------------ */

static void
test_delivers_in_order(void **state)
{
	struct world *w = *state;

	start(w);
	feed_many(w, 40, 5);
	WAIT_STATE(w, 0, DELIVERY_DELIVERED, 200);
	assert_int_equal(seen_count(&w->crm[0]), 200);
	check_order(&w->crm[0]);
	assert_int_equal(counters_get(&w->counters, delivered), 200);
	assert_int_equal(counters_get(&w->counters, attempts), 200);
	assert_non_null(strstr(w->crm[0].head, "POST /leads HTTP/1.1\r\n"));
	assert_non_null(strstr(w->crm[0].head, "Content-Type: application/json\r\n"));
	assert_null(strstr(w->crm[0].head, "Expect"));
	assert_null(strstr(w->crm[0].head, "Accept-Encoding"));
}

/* What was accepted goes out at once, not at the next look. */
static void
test_at_once(void **state)
{
	struct world *w = *state;
	int64_t sum = 0, before;
	int i;

	start(w);
	for (i = 0; i < 20; i++) {
		before = clock_mono_ms();
		feed(w, w->outbox, i);
		WAIT_UNTIL(seen_count(&w->crm[0]) == i + 1);
		if (i > 0)
			sum += w->crm[0].seen[i].at_ms - before;
	}
	assert_true(sum / 19 < 250);		/* the next look is 1000 away */
}

static void
fail_often(struct crm *crm, int lead, int nth, struct sink_reply *reply)
{
	static const int statuses[] = { 500, 503, 429, 408, 0, 401, 0, 500 };

	(void)crm;
	if ((lead * 7 + nth * 5) % 3 == 0)
		return;
	reply->status = statuses[(lead + nth * 3) % 8];
	if (reply->status == 0)
		reply->act = SINK_CLOSE;
}

static void
test_order_under_failures(void **state)
{
	struct world *w = *state;
	static int64_t quick[] = { 1 };

	w->crm[0].script = fail_often;
	w->destinations[0].retry_ms = w->destinations[0].probe_ms = quick;
	w->destinations[0].retry_count = w->destinations[0].probe_count = 1;
	start(w);
	feed_many(w, 12, 6);
	WAIT_UNTIL(look(w).count[0][DELIVERY_DELIVERED] +
	    look(w).count[0][DELIVERY_HELD] == 72);
	/* A lead that a 401 keeps meeting while others pass may be held; nothing is lost. */
	if (look(w).count[0][DELIVERY_HELD] == 0)
		check_order(&w->crm[0]);
}

static void
hang_lead_0(struct crm *crm, int lead, int nth, struct sink_reply *reply)
{
	(void)nth;
	if (lead == 0 && atomic_load(&crm->mode) == 0)
		reply->act = SINK_HANG;
}

static void
test_stuck_lead_delays_nobody(void **state)
{
	struct world *w = *state;

	w->crm[0].script = hang_lead_0;
	start(w);
	feed_many(w, 30, 3);
	WAIT_STATE(w, 0, DELIVERY_DELIVERED, 87);
	assert_int_equal(look(w).count[0][DELIVERY_SENDING], 1);
	assert_int_equal(look(w).count[0][DELIVERY_WAITING], 2);
	atomic_store(&w->crm[0].mode, 1);
	sink_release(w->crm[0].sink);
	WAIT_STATE(w, 0, DELIVERY_DELIVERED, 90);
	check_order(&w->crm[0]);
}

static void
hang_all(struct crm *crm, int lead, int nth, struct sink_reply *reply)
{
	(void)lead;
	(void)nth;
	if (atomic_load(&crm->mode) == 0)
		reply->act = SINK_HANG;
}

static void
test_max_concurrent(void **state)
{
	struct world *w = *state;

	w->crm[0].script = hang_all;
	w->destinations[0].max_concurrent = 3;
	start(w);
	feed_many(w, 10, 2);
	WAIT_UNTIL(seen_count(&w->crm[0]) == 3);
	/* No more than that is even taken. */
	assert_int_equal(look(w).count[0][DELIVERY_SENDING], 3);
	assert_int_equal(seen_count(&w->crm[0]), 3);
	atomic_store(&w->crm[0].mode, 1);
	sink_release(w->crm[0].sink);
	WAIT_STATE(w, 0, DELIVERY_DELIVERED, 20);
	check_order(&w->crm[0]);
}

static void
conflict_after_cut(struct crm *crm, int lead, int nth, struct sink_reply *reply)
{
	(void)crm;
	(void)lead;
	if (nth == 1)
		reply->act = SINK_CLOSE;
	else
		reply->status = 409;
}

static void
test_conflict_after_unknown(void **state)
{
	struct world *w = *state;

	w->crm[0].script = conflict_after_cut;
	start(w);
	feed(w, w->outbox, 1);
	WAIT_STATE(w, 0, DELIVERY_DELIVERED, 1);
	assert_int_equal(seen_count(&w->crm[0]), 2);
	assert_string_equal(w->crm[0].seen[0].key, w->crm[0].seen[1].key);
}

/* The first lead leaves a connection open, on which the second gets no answer. */
static void
conflict_after_kept_cut(struct crm *crm, int lead, int nth, struct sink_reply *reply)
{
	if (lead == 2)
		conflict_after_cut(crm, lead, nth, reply);
}

static void
test_conflict_after_libcurls_own_repeat(void **state)
{
	struct world *w = *state;

	w->crm[0].script = conflict_after_kept_cut;
	start(w);
	feed(w, w->outbox, 1);
	WAIT_STATE(w, 0, DELIVERY_DELIVERED, 1);
	feed(w, w->outbox, 2);
	WAIT_STATE(w, 0, DELIVERY_DELIVERED, 2);
	assert_int_equal(seen_count(&w->crm[0]), 3);
	assert_string_equal(w->crm[0].seen[1].key, w->crm[0].seen[2].key);
}

static void
refuse(struct crm *crm, int lead, int nth, struct sink_reply *reply)
{
	(void)nth;
	if (atomic_load(&crm->mode) == 0 && lead < 3)
		reply->status = 422;
	else if (atomic_load(&crm->mode) == 0)
		reply->status = 409;
}

static void
test_three_refused_pause(void **state)
{
	struct world *w = *state;
	struct tally tally;

	w->crm[0].script = refuse;
	w->destinations[0].max_concurrent = 1;
	start(w);
	feed_many(w, 6, 1);
	WAIT_UNTIL(look(w).paused[0]);
	tally = look(w);
	assert_int_equal(tally.count[0][DELIVERY_DEAD], 3);
	assert_int_equal(tally.count[0][DELIVERY_WAITING] +
	    tally.count[0][DELIVERY_SENDING], 3);
	assert_non_null(strstr(tally.reason, "refuses everything"));
	/* The mapping is put right: the next probe ends the pause. */
	atomic_store(&w->crm[0].mode, 1);
	WAIT_STATE(w, 0, DELIVERY_DELIVERED, 3);
	assert_false(look(w).paused[0]);
	assert_int_equal(look(w).count[0][DELIVERY_DEAD], 3);
}

/* The first requests of all leads are answered together, when every one is under way. */
static void
hang_then_fail(struct crm *crm, int lead, int nth, struct sink_reply *reply)
{
	static const int statuses[] = { 422, 401, 500, 200 };

	(void)lead;
	if (nth == 1 && atomic_load(&crm->mode) != 3)
		reply->act = SINK_HANG;
	reply->status = statuses[atomic_load(&crm->mode)];
}

/* ${concurrent} requests are under way when the answers come that pause the destination. */
static void
pause_in_flight(struct world *w, int concurrent, int mode, int dead)
{
	static int64_t quick[] = { 20 }, never[] = { 3600 * 1000 };
	struct tally tally;

	w->crm[0].script = hang_then_fail;
	atomic_store(&w->crm[0].mode, mode);
	w->destinations[0].max_concurrent = concurrent;
	w->destinations[0].probe_ms = w->destinations[0].retry_ms = never;
	w->destinations[0].probe_count = w->destinations[0].retry_count = 1;
	start(w);
	feed_many(w, concurrent, 2);
	WAIT_UNTIL(seen_count(&w->crm[0]) == concurrent);
	sink_release(w->crm[0].sink);
	WAIT_UNTIL(look(w).paused[0]);
	WAIT_UNTIL(look(w).count[0][DELIVERY_SENDING] == 0);
	tally = look(w);
	assert_int_equal(tally.count[0][DELIVERY_DEAD], dead);
	assert_int_equal(tally.count[0][DELIVERY_HELD], 0);
	stop(w, 0);
	/* Mended: what was under way goes again, before what came after it. */
	atomic_store(&w->crm[0].mode, 3);
	w->destinations[0].probe_ms = quick;
	start(w);
	WAIT_STATE(w, 0, DELIVERY_DELIVERED, 2 * concurrent - dead);
	assert_int_equal(look(w).count[0][DELIVERY_DEAD], dead);
	if (dead == 0)
		check_order(&w->crm[0]);
}

static void test_refusals_in_flight_8(void **state) { pause_in_flight(*state, 8, 0, 3); }
static void test_refusals_in_flight_64(void **state) { pause_in_flight(*state, 64, 0, 3); }
static void test_fault_in_flight_8(void **state) { pause_in_flight(*state, 8, 1, 0); }
static void test_fault_in_flight_64(void **state) { pause_in_flight(*state, 64, 1, 0); }
static void test_failures_in_flight_8(void **state) { pause_in_flight(*state, 8, 2, 0); }
static void test_failures_in_flight_64(void **state) { pause_in_flight(*state, 64, 2, 0); }

/* Leads 0 to 2 are refused; the others' yes comes when that has paused the destination. */
static void
refuse_three_first(struct crm *crm, int lead, int nth, struct sink_reply *reply)
{
	if (nth != 1)
		return;
	if (lead < 3)
		reply->status = 422;
	else if (atomic_load(&crm->mode) == 0)
		reply->act = SINK_HANG;
}

static void
test_success_in_flight(void **state)
{
	static int64_t never[] = { 3600 * 1000 };
	struct world *w = *state;

	w->crm[0].script = refuse_three_first;
	w->destinations[0].max_concurrent = 64;
	w->destinations[0].probe_ms = never;
	w->destinations[0].probe_count = 1;
	w->outbox = open_outbox(w);
	feed_many(w, 64, 1);
	start(w);
	WAIT_UNTIL(seen_count(&w->crm[0]) == 64);
	WAIT_UNTIL(look(w).paused[0]);
	sink_release(w->crm[0].sink);
	WAIT_STATE(w, 0, DELIVERY_DELIVERED, 61);
	assert_int_equal(look(w).count[0][DELIVERY_DEAD], 3);
	assert_false(look(w).paused[0]);
	assert_int_equal(seen_count(&w->crm[0]), 64);
}

static void
test_outage_and_recovery(void **state)
{
	static int64_t never[] = { 3600 * 1000 };
	static char down[] = "down";
	struct world *w = *state;

	/* Two destinations: the first is well, nobody listens at the second. */
	add_destination(w, 1, down, false);
	w->destinations[1].retry_ms = never;
	w->destinations[1].retry_count = 1;
	start(w);
	feed_many(w, 20, 3);
	WAIT_STATE(w, 0, DELIVERY_DELIVERED, 60);
	check_order(&w->crm[0]);
	assert_true(look(w).paused[1]);
	assert_int_equal(look(w).count[1][DELIVERY_DELIVERED], 0);
	assert_int_equal(sink_listen(w->crm[1].sink), 0);
	WAIT_STATE(w, 1, DELIVERY_DELIVERED, 60);
	assert_false(look(w).paused[1]);
	check_order(&w->crm[1]);
	assert_int_equal(seen_count(&w->crm[1]), 60);
}

static void
down_at_first(struct crm *crm, int lead, int nth, struct sink_reply *reply)
{
	(void)lead;
	(void)nth;
	if (atomic_load(&crm->mode) == 0)
		reply->status = 503;
}

/* A run of failures ends: what would have waited for an hour need not. */
static void
test_success_makes_due(void **state)
{
	static int64_t never[] = { 3600 * 1000 };
	struct world *w = *state;

	if (clocks_now != 0)
		return;			/* one that is put back makes them due as well */
	w->crm[0].script = down_at_first;
	w->destinations[0].retry_ms = never;
	start(w);
	feed_many(w, 4, 2);
	WAIT_UNTIL(seen_count(&w->crm[0]) == 4);
	WAIT_UNTIL(look(w).count[0][DELIVERY_SENDING] == 0);
	assert_false(look(w).paused[0]);
	atomic_store(&w->crm[0].mode, 1);
	feed(w, w->outbox, 50);
	WAIT_STATE(w, 0, DELIVERY_DELIVERED, 9);
}

static void
ask_to_wait(struct crm *crm, int lead, int nth, struct sink_reply *reply)
{
	(void)lead;
	(void)nth;
	if (crm->count == 0) {
		reply->status = 429;
		reply->headers = "retry-after:  1\r\n";
	}
}

static void
test_retry_after(void **state)
{
	struct world *w = *state;
	size_t i;

	w->crm[0].script = ask_to_wait;
	w->destinations[0].max_concurrent = 1;
	start(w);
	feed_many(w, 5, 1);
	WAIT_STATE(w, 0, DELIVERY_DELIVERED, 5);
	assert_int_equal(seen_count(&w->crm[0]), 6);
	for (i = 1; i < 6; i++)
		assert_true(w->crm[0].seen[i].at_ms >= w->crm[0].seen[0].at_ms + 990);
}

static void
odd_answers(struct crm *crm, int lead, int nth, struct sink_reply *reply)
{
	(void)crm;
	reply->body = NULL;
	reply->body_len = lead == 0 ? 1 << 20 : 100;
	if (lead == 1 && nth == 1)
		reply->act = SINK_CUT;
	if (lead == 2 && nth == 1) {
		reply->act = SINK_CUT;
		reply->status = 422;
	}
}

/* Of an answer without end enough is read; one that breaks off is none, yes or no. */
static void
test_endless_and_cut_answers(void **state)
{
	struct world *w = *state;

	w->crm[0].script = odd_answers;
	start(w);
	feed_many(w, 3, 1);
	WAIT_STATE(w, 0, DELIVERY_DELIVERED, 3);
	assert_int_equal(seen_count(&w->crm[0]), 5);
	assert_int_equal(delivered(&w->crm[0]), 3);
	check_order(&w->crm[0]);
}

/* The last attempt's answer, as stored. */
struct last_attempt {
	char id[UUID7_SIZE];
	char answer[ATTEMPT_ANSWER_MAX + 1];
	size_t len;
	int attempts;
};

static void
note_row(void *arg, const struct store_row *row)
{
	struct last_attempt *last = arg;

	snprintf(last->id, sizeof(last->id), "%s", row->id);
}

static void
note_attempt(void *arg, const struct store_attempt *attempt)
{
	struct last_attempt *last = arg;

	last->len = attempt->answer_len;
	assert_true(last->len <= ATTEMPT_ANSWER_MAX);
	memcpy(last->answer, attempt->answer, last->len);
	last->answer[last->len] = '\0';
	last->attempts++;
}

static void ignore_event(void *arg, const struct store_event *e) { (void)arg; (void)e; }
static void ignore_row(void *arg, const struct store_row *r) { (void)arg; (void)r; }

static int
read_attempt(struct store *store, void *arg)
{
	struct store_filter filter = { .state = -1 };
	struct store_visitor visitor = { ignore_event, ignore_row, note_attempt, arg };
	struct last_attempt *last = arg;
	bool found;

	memset(last, 0, sizeof(*last));
	if (store_list(store, &filter, note_row, last) == -1)
		return -1;
	return store_show(store, last->id, &visitor, &found);
}

static void
echo_secret(struct crm *crm, int lead, int nth, struct sink_reply *reply)
{
	(void)crm;
	(void)lead;
	(void)nth;
	reply->status = 422;
	reply->body = "bad key s3cr3t-token!";
}

static void
test_stored_answer_is_scrubbed(void **state)
{
	struct world *w = *state;
	struct last_attempt last;
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "%s/bearer", w->folder);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, "s3cr3t-token\n", 13), 13);
	close(fd);
	w->destinations[0].bearer_file = path;
	w->crm[0].script = echo_secret;
	start(w);
	feed(w, w->outbox, 1);
	WAIT_STATE(w, 0, DELIVERY_DEAD, 1);
	assert_non_null(strstr(w->crm[0].head, "Authorization: Bearer s3cr3t-token\r\n"));
	assert_int_equal(outbox_run(w->outbox, read_attempt, &last, NULL), 0);
	assert_int_equal(last.attempts, 1);
	assert_string_equal(last.answer, "bad key ************!");
}

/* Without its credential a destination gets nothing; with it, all. */
static void
test_missing_credential(void **state)
{
	static char well[] = "well";
	struct world *w = *state;
	char path[96];
	int fd;

	add_destination(w, 1, well, true);
	snprintf(path, sizeof(path), "%s/bearer", w->folder);
	w->destinations[0].bearer_file = path;
	start(w);
	feed_many(w, 3, 1);
	WAIT_STATE(w, 1, DELIVERY_DELIVERED, 3);
	assert_int_equal(seen_count(&w->crm[0]), 0);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, "token\n", 6), 6);
	close(fd);
	WAIT_STATE(w, 0, DELIVERY_DELIVERED, 3);
}

static void
test_stop_and_recover(void **state)
{
	struct world *w = *state;
	struct tally tally;

	w->crm[0].script = hang_all;
	w->destinations[0].max_concurrent = 2;
	start(w);
	feed_many(w, 6, 2);
	WAIT_UNTIL(seen_count(&w->crm[0]) == 2);
	stop(w, 0);
	/* Those under way stay so; what was only taken waits. */
	tally = look(w);
	assert_int_equal(tally.count[0][DELIVERY_SENDING], 2);
	assert_int_equal(tally.count[0][DELIVERY_WAITING], 10);
	atomic_store(&w->crm[0].mode, 1);
	start(w);
	WAIT_STATE(w, 0, DELIVERY_DELIVERED, 12);
	assert_int_equal(delivered(&w->crm[0]), 12);
	assert_int_equal(seen_count(&w->crm[0]), 14);
}

static void
test_stop_grace(void **state)
{
	struct world *w = *state;

	w->crm[0].script = hang_all;
	start(w);
	feed_many(w, 3, 1);
	WAIT_UNTIL(seen_count(&w->crm[0]) == 3);
	relay_stop(w->relay, PATIENCE_MS);
	sink_release(w->crm[0].sink);
	relay_free(w->relay);
	w->relay = NULL;
	assert_int_equal(look(w).count[0][DELIVERY_DELIVERED], 3);
}

/* Waiting for the end of the grace is waiting, not spinning. */
static void
test_grace_is_idle(void **state)
{
	struct world *w = *state;
	struct timespec before, after;

	w->crm[0].script = hang_all;
	start(w);
	feed_many(w, 3, 2);
	WAIT_UNTIL(seen_count(&w->crm[0]) == 3);
	assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before), 0);
	stop(w, 500);
	assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after), 0);
	assert_true((after.tv_sec - before.tv_sec) * 1000 +
	    (after.tv_nsec - before.tv_nsec) / 1000000 < 250);
	assert_int_equal(look(w).count[0][DELIVERY_SENDING], 3);
}

static void
test_takeover(void **state)
{
	struct world *w = *state;
	struct outbox *second;
	struct relay *relay;

	start(w);
	second = open_outbox(w);
	relay = new_relay(w, second);
	assert_int_equal(relay_start(relay), 0);
	/* What the second accepts, the first one sends. */
	feed(w, second, 1);
	relay_wake(relay);
	WAIT_STATE(w, 0, DELIVERY_DELIVERED, 1);
	stop(w, 0);
	feed(w, second, 2);
	relay_wake(relay);
	WAIT_STATE(w, 0, DELIVERY_DELIVERED, 2);
	relay_free(relay);
	outbox_close(second);
}

static void
test_once(void **state)
{
	static char down[] = "down";
	struct world *w = *state;
	int64_t before;

	add_destination(w, 1, down, false);
	w->outbox = open_outbox(w);
	feed_many(w, 10, 4);
	w->relay = new_relay(w, w->outbox);
	before = clock_mono_ms();
	relay_run(w->relay, true, 15000);
	assert_true(clock_mono_ms() - before < 12000);
	assert_int_equal(look(w).count[0][DELIVERY_DELIVERED], 40);
	assert_int_equal(look(w).count[1][DELIVERY_SENDING], 0);
	assert_int_equal(look(w).count[1][DELIVERY_WAITING], 40);
	check_order(&w->crm[0]);
}

static void
test_once_yields(void **state)
{
	struct world *w = *state;
	struct outbox *second;
	struct relay *relay;
	int64_t before;

	start(w);
	feed(w, w->outbox, 1);
	WAIT_STATE(w, 0, DELIVERY_DELIVERED, 1);
	second = open_outbox(w);
	relay = new_relay(w, second);
	before = clock_mono_ms();
	relay_run(relay, true, 10000);
	assert_true(clock_mono_ms() - before < 5000);
	relay_free(relay);
	outbox_close(second);
}

static void
test_once_limit(void **state)
{
	struct world *w = *state;
	int64_t limit_ms = 500;

	w->crm[0].script = hang_all;
	w->destinations[0].timeout_ms = 3600 * 1000;
	w->outbox = open_outbox(w);
	feed_many(w, 2, 1);
	alarm(60);			/* not for ever */
	/* On a busy machine nothing may be under way so soon. */
	do {
		relay_free(w->relay);
		w->relay = new_relay(w, w->outbox);
		relay_run(w->relay, true, limit_ms);
		limit_ms *= 2;
	} while (look(w).count[0][DELIVERY_SENDING] != 2);
	alarm(0);
}

static void
test_try_destination(void **state)
{
	static char down[] = "down", plain[] = "http://crm.example/leads",
	    unresolved[] = "https://no-such-host.invalid/";
	struct world *w = *state;
	struct buf why = { 0 };
	const char *phrase = "";

	add_destination(w, 1, down, false);
	assert_int_equal(preflight_destination(&w->config, 0, &why, &phrase), 0);
	assert_null(phrase);
	assert_int_equal(seen_count(&w->crm[0]), 0);
	assert_int_equal(preflight_destination(&w->config, 1, &why, &phrase), -1);
	assert_non_null(strstr(why.data, "nobody takes the connection"));
	assert_non_null(strstr(phrase, "nobody takes the connection"));
	buf_reset(&why);
	w->destinations[1].url = plain;
	assert_int_equal(preflight_destination(&w->config, 1, &why, &phrase), -1);
	assert_non_null(strstr(why.data, "allow_http"));
	assert_non_null(strstr(phrase, "leadrelay check"));
	buf_reset(&why);
	w->destinations[1].url = unresolved;
	assert_int_equal(preflight_destination(&w->config, 1, &why, &phrase), -1);
	/* Without any network it can take longer than that to find out. */
	assert_true(strstr(why.data, "cannot be resolved") != NULL ||
	    strstr(why.data, "no answer within connect_timeout") != NULL);
	buf_free(&why);
	assert_non_null(strstr(curl_api_version(), "libcurl/"));
}

static void
reload(struct world *w, struct config *config)
{
	struct store_fault fault;
	struct buf why = { 0 };

	if (outbox_configure(w->outbox, config, &fault) == -1)
		fail_msg("%s", fault.text);
	if (relay_reload(w->relay, config, &why) == -1)
		fail_msg("%s", why.data);
	buf_free(&why);
}

/* A destination comes and goes while leads do: each goes out once, in order. */
static void
test_reloads(void **state)
{
	struct world *w = *state;
	static char other[] = "other";
	struct config one = w->config, two;
	int i;

	start(w);
	add_destination(w, 1, other, true);
	two = w->config;
	atomic_store(&two.shares, 0);
	w->config.destination_count = 1;
	for (i = 0; i < 60; i++) {
		feed(w, w->outbox, i % 7);
		reload(w, i % 2 == 0 ? &two : &one);
		if (i % 10 == 0)
			WAIT_UNTIL(seen_count(&w->crm[0]) == i + 1);
	}
	reload(w, &two);
	WAIT_STATE(w, 0, DELIVERY_DELIVERED, 60);
	WAIT_STATE(w, 1, DELIVERY_DELIVERED, 30);
	assert_int_equal(seen_count(&w->crm[0]), 60);
	assert_int_equal(seen_count(&w->crm[1]), 30);
	check_order(&w->crm[0]);
	stop(w, 0);			/* while the configurations are there */
	assert_int_equal(atomic_load(&one.shares), 0);
	assert_int_equal(atomic_load(&two.shares), 0);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_delivers_in_order),
		T(test_at_once),
		T(test_order_under_failures),
		T(test_stuck_lead_delays_nobody),
		T(test_max_concurrent),
		T(test_conflict_after_unknown),
		T(test_conflict_after_libcurls_own_repeat),
		T(test_three_refused_pause),
		T(test_refusals_in_flight_8),
		T(test_refusals_in_flight_64),
		T(test_fault_in_flight_8),
		T(test_fault_in_flight_64),
		T(test_failures_in_flight_8),
		T(test_failures_in_flight_64),
		T(test_success_in_flight),
		T(test_outage_and_recovery),
		T(test_success_makes_due),
		T(test_retry_after),
		T(test_endless_and_cut_answers),
		T(test_stored_answer_is_scrubbed),
		T(test_missing_credential),
		T(test_stop_and_recover),
		T(test_stop_grace),
		T(test_grace_is_idle),
		T(test_takeover),
		T(test_once),
		T(test_once_yields),
		T(test_once_limit),
		T(test_try_destination),
		T(test_reloads),
	};
	int failed = 0;

	while (clocks_next())
		failed += cmocka_run_group_tests(tests, NULL, NULL);
	return failed;
}
