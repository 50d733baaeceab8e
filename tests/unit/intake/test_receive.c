/*
 * The rows of "HTTP answers", with stand-ins for the stages round the
 * pipeline: each case says what they answer, and what must come of it.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/counters.h"
#include "base/log.h"
#include "config/config.h"
#include "intake/admin.h"
#include "intake/receive.h"
#include "lead/lead.h"
#include "outbox/outbox.h"
#include "outbox/store_ops.h"
#include "token/token.h"

#define ID "0190a7b0-0000-7000-8000-000000000001"

/* What the stand-ins answer, and what they were asked. */
static struct {
	enum token_verdict verdict;
	const char *unreadable;		/* lead_read's phrase */
	enum lead_time time;
	size_t violations;
	bool has_iat;
	int store_rc;
	enum store_fault_kind fault;
	struct event_out out;
	const char *out_violations;
	const char *served_by;
	bool outbox_closed;

	int token_calls, lead_calls, submits, answers, wakes, served_calls, shares;
	size_t token_len;
	struct event_in in;
	bool had_token_digest;
	char violations_in[64];
} fake;

/* --- stand-ins ----------------------------------------------------------- */

const struct config_source *
config_source_for(const struct config *config, const char *path)
{
	return strcmp(path, "/hook") == 0 ? &config->sources[0] : NULL;
}

struct config *
config_share(struct config *config)
{
	if (config != NULL)
		fake.shares++;
	return config;
}

void
config_free(struct config *config)
{
	if (config != NULL)
		fake.shares--;
}

const char *
config_served_by(const struct config *config, const char *document_root)
{
	(void)config;
	(void)document_root;
	fake.served_calls++;
	return fake.served_by;
}

const char *
token_from_header(const char *value, size_t value_len, size_t *len)
{
	*len = value_len;
	return value;
}

enum token_verdict
token_verify(const char *text, size_t len, const struct secret_list *secrets,
    struct token *out)
{
	(void)text;
	(void)secrets;
	fake.token_calls++;
	fake.token_len = len;
	out->why = "because";
	if (fake.verdict == TOKEN_OK || fake.verdict == TOKEN_UNREADABLE) {
		out->payload = strdup("{}");
		out->payload_len = 2;
	}
	return fake.verdict;
}

void
token_free(struct token *token)
{
	free(token->payload);
}

const char *
lead_read(const char *payload, size_t len, struct lead *lead)
{
	(void)payload;
	(void)len;
	fake.lead_calls++;
	strcpy(lead->key, "17");
	strcpy(lead->event, "lead.created");
	lead->iat.kind = fake.has_iat ? LEAD_CLAIM_NUMBER : LEAD_CLAIM_ABSENT;
	return fake.unreadable;
}

void
lead_free(struct lead *lead)
{
	memset(lead, 0, sizeof(*lead));
}

enum lead_time
lead_check_time(const struct lead *lead, int64_t now_ms, int64_t leeway_ms,
    int64_t max_age_ms, const char **why)
{
	(void)lead;
	(void)now_ms;
	assert_int_equal(leeway_ms, 60000);
	(void)max_age_ms;
	*why = "expired";
	return fake.time;
}

size_t
lead_check(const struct lead *lead, const int64_t *offices,
    size_t office_count, struct buf *errors)
{
	(void)lead;
	assert_null(offices);
	assert_int_equal(office_count, 0);
	buf_puts(errors, fake.violations > 0 ? "[{\"rule\":\"new\"}]" : "[]");
	return fake.violations;
}

static int
fake_accept(struct store *store, const struct event_in *in,
    struct event_out *out,
    size_t count)
{
	(void)store;
	assert_int_equal(count, 1);
	fake.in = *in;
	fake.had_token_digest = in->token_digest != NULL;
	if (in->violations != NULL)
		strcpy(fake.violations_in, in->violations);
	assert_string_equal(in->source, "main");
	assert_string_equal(in->lead, "17");
	assert_string_equal(in->name, "lead.created");
	*out = fake.out;
	if (fake.out_violations != NULL)
		out->violations = strdup(fake.out_violations);
	return fake.store_rc;
}

static int
fake_try_write(struct store *store)
{
	(void)store;
	return fake.store_rc;
}

static int
fake_stats(struct store *store, struct store_stats *stats,
    void (*destination)(void *arg, const struct store_destination_stats *stats),
    void *arg)
{
	struct store_destination_stats d = { .name = "c\"rm", .configured = true };

	(void)store;
	stats->events_held = 3;
	d.count[DELIVERY_WAITING] = 42;
	d.oldest_waiting_ms = 1;
	destination(arg, &d);
	return fake.store_rc;
}

const char *
delivery_state_name(enum delivery_state state)
{
	return state == DELIVERY_WAITING ? "waiting" : "other";
}

/* Each job twice, as after a group that failed. */
void
outbox_submit(struct outbox *ob, struct outbox_job *job)
{
	static const struct store_ops ops = { .accept = fake_accept,
	    .try_write = fake_try_write, .stats = fake_stats };
	struct store store = { .ops = &ops };
	struct store_fault fault = { .kind = fake.fault, .text = "broken" };

	(void)ob;
	fake.submits++;
	(void)job->run(&store, job);
	job->done(job, job->run(&store, job) == -1 ? &fault : NULL);
}

static struct outbox *
fake_outbox(void *owner)
{
	return fake.outbox_closed ? NULL : (struct outbox *)owner;
}

static void
fake_stored(void *owner)
{
	(void)owner;
	assert_int_equal(fake.answers, 0);
	fake.wakes++;
}

static void
fake_respond(struct request *rq)
{
	(void)rq;
	fake.answers++;
}

/* --- the bench ----------------------------------------------------------- */

static char source_name[] = "main";
static struct config_source source;
static struct config config;
static struct counters counters;
static struct receiver receiver;

static int
setup(void **state)
{
	(void)state;
	memset(&fake, 0, sizeof(fake));
	memset(&counters, 0, sizeof(counters));
	strcpy(fake.out.id, ID);
	fake.out.deliveries = 1;
	source = (struct config_source){ .name = source_name,
	    .verify = CONFIG_VERIFY_JWT, .max_body = 100, .max_token = 50 };
	config = (struct config){ .sources = &source, .source_count = 1 };
	receiver = (struct receiver){ .counters = &counters,
	    .outbox = fake_outbox, .stored = fake_stored, .owner = &fake };
	return snapshot_set(&receiver.snapshot, &config);
}

static int
teardown(void **state)
{
	(void)state;
	snapshot_end(&receiver.snapshot);
	assert_int_equal(fake.shares, 0);
	return 0;
}

/* Send a request; ${last} replaces or adds one parameter.  The answer is the caller's. */
static struct answer
post(const char *last, const char *body)
{
	const char *params[] = { last, "REQUEST_METHOD=POST", "REQUEST_URI=/hook?x",
	    "HTTP_AUTHORIZATION=a.b.c", "CONTENT_TYPE=application/json", NULL };
	struct request rq = { .params = (char **)params, .respond = fake_respond,
	    .body = body, .body_len = body != NULL ? strlen(body) : 0 };

	rq.body_total = rq.body_len;
	fake.answers = 0;
	receive_start(&receiver, &rq);
	assert_int_equal(fake.answers, 1);
	return rq.answer;
}

/* Send, and look at status and the end of the problem's type (or the status member). */
static void
expect(const char *last, const char *body, int status, const char *name)
{
	struct answer answer = post(last, body);
	char text[128];

	assert_int_equal(answer.status, status);
	(void)snprintf(text, sizeof(text), status < 300 ? "\"status\":\"%s\"" :
	    "urn:leadrelay:problem:%s\"", name);
	if (strstr(answer.body.data, text) == NULL)
		fail_msg("%s not in %s", name, answer.body.data);
	assert_int_equal(answer.challenge != NULL, status == 401);
	assert_int_equal(answer.retry_after_s > 0, status == 503);
	buf_free(&answer.body);
}

static bool
has_id(const struct answer *answer)
{
	return strstr(answer->body.data, "\"id\":\"" ID "\"") != NULL;
}

/* --- refusals ------------------------------------------------------------ */

static void
test_routing(void **state)
{
	(void)state;
	expect("REQUEST_URI=/other", NULL, 404, "not-found");
	expect("REQUEST_URI=", NULL, 404, "not-found");
	expect("REQUEST_METHOD=GET", NULL, 405, "method");
	expect("REQUEST_METHOD=HEAD", NULL, 405, "method");
	expect("REQUEST_METHOD=post", NULL, 405, "method");
	expect("LEADRELAY_STATUS=431", NULL, 431, "token-too-large");
	expect("LEADRELAY_STATUS=494", NULL, 431, "token-too-large");
	expect("LEADRELAY_STATUS=413", NULL, 413, "body-too-large");
	expect("CONTENT_LENGTH=101", NULL, 413, "body-too-large");
	expect("CONTENT_LENGTH=99999999999", NULL, 413, "body-too-large");
	assert_int_equal(fake.token_calls, 0);
	assert_int_equal(fake.submits, 0);
	assert_int_equal(counters.refused_request, 10);
}

static void
test_tokens(void **state)
{
	static const struct {
		enum token_verdict verdict;
		int status;
		const char *name;
	} cases[] = {
		{ TOKEN_MISSING, 401, "token-missing" },
		{ TOKEN_MALFORMED, 401, "token-malformed" },
		{ TOKEN_ALGORITHM, 401, "token-algorithm" },
		{ TOKEN_SIGNATURE, 401, "token-signature" },
		{ TOKEN_FAULT, 503, "unavailable" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		fake.verdict = cases[i].verdict;
		expect("A=b", "{}", cases[i].status, cases[i].name);
	}
	assert_int_equal(counters.refused_token, 4);
	expect("HTTP_AUTHORIZATION=", NULL, 401, "token-missing");
	assert_int_equal(fake.token_calls, 5);
	expect("HTTP_AUTHORIZATION=012345678901234567890123456789012345678901234567890",
	    NULL, 431, "token-too-large");
	assert_int_equal(fake.token_calls, 5);
	assert_int_equal(fake.submits, 0);
}

static void
test_claims(void **state)
{
	struct answer answer;

	(void)state;
	fake.time = LEAD_TIME_MALFORMED;
	expect("A=b", NULL, 401, "token-malformed");
	fake.time = LEAD_TIME_STALE;
	source.stale = CONFIG_STALE_REFUSE;
	expect("A=b", NULL, 401, "token-stale");
	assert_int_equal(fake.submits, 0);
	assert_int_equal(counters.refused_token, 2);
	source.stale = CONFIG_STALE_HOLD;
	fake.violations = 1;		/* not asked: staleness comes first */
	fake.out.hold = EVENT_HOLD_STALE;
	fake.out.deliveries = 0;
	answer = post("A=b", NULL);
	assert_int_equal(answer.status, 401);
	assert_non_null(answer.challenge);
	assert_true(has_id(&answer));
	assert_int_equal(fake.in.hold, EVENT_HOLD_STALE);
	assert_null(fake.in.violations);
	assert_int_equal(counters.held, 1);
	assert_int_equal(fake.wakes, 0);
	buf_free(&answer.body);
}

static void
test_served(void **state)
{
	(void)state;
	expect("DOCUMENT_ROOT=", NULL, 202, "accepted");
	expect("DOCUMENT_ROOT=/srv/www", NULL, 202, "accepted");
	expect("DOCUMENT_ROOT=/srv/www", NULL, 202, "accepted");
	assert_int_equal(fake.served_calls, 1);
	fake.served_by = "secret_file";
	expect("DOCUMENT_ROOT=/etc", NULL, 503, "configuration");
	expect("DOCUMENT_ROOT=/etc", NULL, 503, "configuration");
	assert_int_equal(fake.served_calls, 2);
	assert_int_equal(snapshot_set(&receiver.snapshot, NULL), 0);
	expect("A=b", NULL, 503, "configuration");
}

static void
test_store_faults(void **state)
{
	(void)state;
	fake.out_violations = "[]";
	fake.store_rc = -1;
	fake.fault = STORE_FAULT_BUSY;
	expect("A=b", NULL, 503, "unavailable");
	fake.fault = STORE_FAULT_FULL;
	expect("A=b", NULL, 503, "full");
	fake.store_rc = 0;
	fake.out.fate = EVENT_FULL;
	fake.out.limit = "max_waiting";
	expect("A=b", NULL, 503, "full");
	fake.outbox_closed = true;
	expect("A=b", NULL, 503, "unavailable");
	assert_int_equal(counters.unavailable, 4);
	assert_int_equal(fake.wakes, 0);
}

/* --- what is kept -------------------------------------------------------- */

static void
test_accepted(void **state)
{
	struct answer answer;

	(void)state;
	answer = post("A=b", "not even JSON");
	assert_int_equal(answer.status, 202);
	assert_true(has_id(&answer));
	buf_free(&answer.body);
	assert_int_equal(fake.in.hold, EVENT_HOLD_NONE);
	assert_int_equal(fake.in.payload_len, 2);
	assert_false(fake.had_token_digest);
	assert_int_equal(fake.wakes, 1);
	fake.has_iat = true;
	expect("A=b", NULL, 202, "accepted");
	assert_true(fake.had_token_digest);
	fake.out.fate = EVENT_DUPLICATE;
	fake.out.deliveries = 0;
	expect("A=b", NULL, 200, "duplicate");
	assert_int_equal(fake.wakes, 2);
	fake.out.revived = true;
	expect("A=b", NULL, 200, "duplicate");
	assert_int_equal(fake.wakes, 3);
	assert_int_equal(counters.accepted, 2);
	assert_int_equal(counters.duplicate, 2);
}

static void
test_rules(void **state)
{
	struct answer answer;

	(void)state;
	fake.violations = 1;
	fake.out.hold = EVENT_HOLD_RULES;
	fake.out.deliveries = 0;
	answer = post("A=b", NULL);
	assert_int_equal(answer.status, 422);
	assert_true(has_id(&answer));
	assert_non_null(strstr(answer.body.data, "\"errors\":[{\"rule\":\"new\"}]"));
	buf_free(&answer.body);
	assert_int_equal(fake.in.hold, EVENT_HOLD_RULES);
	assert_string_equal(fake.violations_in, "[{\"rule\":\"new\"}]");
	assert_int_equal(counters.held, 1);

	/* Again: the first answer, with the first's violations. */
	fake.out.fate = EVENT_DUPLICATE;
	fake.out_violations = "[{\"rule\":\"first\"}]";
	answer = post("A=b", NULL);
	assert_int_equal(answer.status, 422);
	assert_true(has_id(&answer));
	assert_non_null(strstr(answer.body.data, "\"errors\":[{\"rule\":\"first\"}]"));
	buf_free(&answer.body);
	assert_int_equal(counters.duplicate, 1);
}

static void
test_relayed_nevertheless(void **state)
{
	(void)state;
	source.invalid = CONFIG_INVALID_RELAY;
	fake.violations = 1;
	expect("A=b", NULL, 202, "accepted");
	assert_int_equal(fake.in.hold, EVENT_HOLD_NONE);
	assert_string_equal(fake.violations_in, "[{\"rule\":\"new\"}]");
}

static void
test_unreadable(void **state)
{
	struct answer answer;

	(void)state;
	fake.out.hold = EVENT_HOLD_UNREADABLE;
	fake.unreadable = "duplicate member name";
	answer = post("A=b", NULL);
	assert_int_equal(answer.status, 400);
	assert_true(has_id(&answer));
	buf_free(&answer.body);
	assert_int_equal(fake.in.hold, EVENT_HOLD_UNREADABLE);
	fake.unreadable = NULL;
	fake.verdict = TOKEN_UNREADABLE;
	fake.time = LEAD_TIME_STALE;	/* not asked: unreadable comes first */
	expect("A=b", NULL, 400, "payload-unreadable");
	assert_int_equal(fake.in.hold, EVENT_HOLD_UNREADABLE);
	assert_int_equal(fake.lead_calls, 2);
}

static void
test_unverified(void **state)
{
	static const struct {
		const char *type;
		int status;
		const char *name;
	} types[] = {
		{ "CONTENT_TYPE=", 415, "content-type" },
		{ "CONTENT_TYPE=text/plain", 415, "content-type" },
		{ "CONTENT_TYPE=application/jsonp", 415, "content-type" },
		{ "CONTENT_TYPE=application/json", 202, "accepted" },
		{ "CONTENT_TYPE=Application/JSON", 202, "accepted" },
		{ "CONTENT_TYPE=application/json;charset=utf-8", 202, "accepted" },
		{ "CONTENT_TYPE=application/json ; charset=utf-8", 202, "accepted" },
	};
	size_t i;

	(void)state;
	source.verify = CONFIG_VERIFY_NONE;
	fake.has_iat = true;
	fake.time = LEAD_TIME_STALE;	/* not asked: nothing was signed */
	for (i = 0; i < COUNT(types); i++)
		expect(types[i].type, "{}", types[i].status, types[i].name);
	assert_false(fake.had_token_digest);
	assert_int_equal(fake.token_calls, 0);
	expect("CONTENT_LENGTH=2", "{}", 202, "accepted");
	fake.submits = 0;
	expect("CONTENT_LENGTH=3", "{}", 400, "body-unreadable");
	fake.unreadable = "no JSON object";
	expect("A=b", "{]", 400, "body-unreadable");
	assert_int_equal(fake.submits, 0);
}

/* --- admin pages --------------------------------------------------------- */

static struct answer
get(const char *path, const char *method, bool admin, bool tcp)
{
	const char *params[] = { path, method,
	    admin ? "LEADRELAY_ROLE=admin" : "LEADRELAY_ROLE=", NULL };
	struct request rq = { .params = (char **)params, .tcp = tcp,
	    .respond = fake_respond };

	fake.answers = 0;
	receive_start(&receiver, &rq);
	assert_int_equal(fake.answers, 1);
	return rq.answer;
}

static void
test_admin_guard(void **state)
{
	static const struct {
		const char *path;
		const char *method;
		bool admin, tcp, tcp_allowed;
		int status;
	} cases[] = {
		{ "REQUEST_URI=/healthz", "REQUEST_METHOD=GET", false, false, false, 404 },
		{ "REQUEST_URI=/x/metrics", "REQUEST_METHOD=GET", false, false, true, 404 },
		{ "REQUEST_URI=/status?x", "REQUEST_METHOD=POST", false, false, false, 404 },
		{ "REQUEST_URI=/healthz", "REQUEST_METHOD=GET", true, true, false, 404 },
		{ "REQUEST_URI=/healthz", "REQUEST_METHOD=GET", true, true, true, 200 },
		{ "REQUEST_URI=/healthz", "REQUEST_METHOD=GET", true, false, false, 200 },
		{ "REQUEST_URI=/x/status?y", "REQUEST_METHOD=HEAD", true, false, false, 200 },
		{ "REQUEST_URI=/metrics", "REQUEST_METHOD=POST", true, false, false, 405 },
		{ "REQUEST_URI=/xmetrics", "REQUEST_METHOD=GET", true, false, false, 404 },
		{ "REQUEST_URI=/metrics/", "REQUEST_METHOD=GET", true, false, false, 404 },
	};
	struct answer answer;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		config.admin_tcp = cases[i].tcp_allowed;
		answer = get(cases[i].path, cases[i].method, cases[i].admin,
		    cases[i].tcp);
		if (answer.status != cases[i].status)
			fail_msg("case %zu: %d", i, answer.status);
		buf_free(&answer.body);
	}
}

static void
test_admin_pages(void **state)
{
	struct answer answer;

	(void)state;
	counters_add(&counters, accepted);
	answer = get("REQUEST_URI=/metrics", "REQUEST_METHOD=GET", true, false);
	assert_int_equal(answer.status, 200);
	assert_non_null(strstr(answer.body.data, "\nleadrelay_accepted_total 1\n"));
	assert_non_null(strstr(answer.body.data,
	    "\nleadrelay_deliveries{destination=\"c\\\"rm\",state=\"waiting\"} 42\n"));
	assert_null(strstr(strstr(answer.body.data, "state=\"waiting\"") + 1,
	    "state=\"waiting\""));
	assert_non_null(strstr(answer.body.data, "\nleadrelay_events_held 3\n"));
	buf_free(&answer.body);
	answer = get("REQUEST_URI=/status", "REQUEST_METHOD=GET", true, false);
	assert_non_null(strstr(answer.body.data, "\"name\":\"c\\\"rm\""));
	assert_non_null(strstr(answer.body.data, "\"waiting\":42"));
	buf_free(&answer.body);
}

/* healthz is about the process, healthz?ready about the next lead. */
static void
test_health(void **state)
{
	static const char *const ready[] = { "REQUEST_URI=/healthz?ready",
	    "REQUEST_URI=/x/healthz?ready=1&x" };
	static const char *const plain[] = { "REQUEST_URI=/healthz",
	    "REQUEST_URI=/healthz?readyx", "REQUEST_URI=/healthz?x" };
	static const struct {
		bool configured, outbox;
		int store_rc;
		const char *body;
	} cases[] = {
		{ true, true, 0, "{\"status\":\"ok\",\"reasons\":[]}" },
		{ true, true, -1, "{\"status\":\"unavailable\",\"reasons\":[\"store\"]}" },
		{ true, false, 0, "{\"status\":\"unavailable\",\"reasons\":[\"store\"]}" },
		{ false, false, 0,
		    "{\"status\":\"unavailable\",\"reasons\":[\"configuration\"]}" },
	};
	struct answer answer;
	size_t i, j;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		fake.store_rc = cases[i].store_rc;
		fake.outbox_closed = !cases[i].outbox;
		assert_int_equal(snapshot_set(&receiver.snapshot,
		    cases[i].configured ? &config : NULL), 0);
		for (j = 0; j < COUNT(ready); j++) {
			answer = get(ready[j], "REQUEST_METHOD=GET", true, false);
			assert_int_equal(answer.status, i == 0 ? 200 : 503);
			assert_int_equal(answer.retry_after_s != 0, i != 0);
			assert_string_equal(answer.content_type, "application/json");
			assert_string_equal(answer.body.data, cases[i].body);
			buf_free(&answer.body);
		}
		for (j = 0; j < COUNT(plain); j++) {
			answer = get(plain[j], "REQUEST_METHOD=GET", true, false);
			assert_int_equal(answer.status, 200);
			assert_string_equal(answer.body.data, "{\"status\":\"ok\"}");
			buf_free(&answer.body);
		}
	}
}

int
main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_routing),
		CASE(test_tokens),
		CASE(test_claims),
		CASE(test_served),
		CASE(test_store_faults),
		CASE(test_accepted),
		CASE(test_rules),
		CASE(test_relayed_nevertheless),
		CASE(test_unreadable),
		CASE(test_unverified),
		CASE(test_admin_guard),
		CASE(test_admin_pages),
		CASE(test_health),
	};

	/* The lines of refused requests would drown the results. */
	if (log_open("file:/dev/null", false) == -1)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
