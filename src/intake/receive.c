/*
 * A webhook goes through a table of stages on the thread that read it.  Each
 * answers, stores, or leaves it to the next; what is stored is answered by job_done,
 * on the committing thread.  Either way finish() is the end.
 */
#include "intake/receive.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/counters.h"
#include "base/log.h"
#include "base/text.h"
#include "config/config.h"
#include "intake/admin.h"
#include "intake/front_probe.h"
#include "intake/problem.h"
#include "lead/lead.h"
#include "outbox/outbox.h"
#include "token/token.h"

/* A webhook in flight: allocated once, freed when it has been answered. */
struct flight {
	struct outbox_job job;		/* first: a job is its flight */
	struct receiver *rx;
	struct snapshot *snapshot;
	struct request *rq;
	const struct config_source *source;	/* NULL until routed */
	struct token token;
	struct front_probe_in probe;		/* how the token came, should it be one */
	const char *payload;		/* the token's, or the request's body */
	size_t payload_len;
	struct lead lead;
	char key[LEAD_KEY_SIZE];	/* what is left of the lead once it is judged */
	char event[LEAD_EVENT_SIZE];
	struct buf errors;		/* violations, a JSON array */
	struct event_in in;
	struct event_out out;
	enum problem problem;
	const char *reason;		/* for the log; NULL: the problem's name */
	const char *hint;		/* what a person may look at, or NULL */
	size_t bytes;			/* of the payload, or of what was refused */
};

/* What follows a stage. */
enum next { NEXT_STAGE, NEXT_STORE, NEXT_ANSWER, NEXT_PROBE };

static enum next
refuse(struct flight *fl, enum problem problem, const char *reason)
{
	fl->problem = problem;
	fl->reason = reason;
	return NEXT_ANSWER;
}

static enum next
hold(struct flight *fl, enum event_hold why, const char *reason)
{
	fl->in.hold = why;
	fl->reason = reason;
	return NEXT_STORE;
}

/* --- the end ------------------------------------------------------------- */

/* What became of a request: its log line and its counter. */
enum outcome {
	OUTCOME_ACCEPTED,
	OUTCOME_DUPLICATE,
	OUTCOME_HELD,
	OUTCOME_REFUSED_TOKEN,
	OUTCOME_REFUSED_REQUEST,
	OUTCOME_UNAVAILABLE
};

static const struct {
	const char *what;
	enum log_level level;
	size_t counter;			/* its offset in struct counters */
} outcomes[] = {
	[OUTCOME_ACCEPTED] = { "accepted", LOG_LV_INFO,
	    offsetof(struct counters, accepted) },
	[OUTCOME_DUPLICATE] = { "duplicate", LOG_LV_INFO,
	    offsetof(struct counters, duplicate) },
	[OUTCOME_HELD] = { "held", LOG_LV_WARN, offsetof(struct counters, held) },
	[OUTCOME_REFUSED_TOKEN] = { "refused", LOG_LV_WARN,
	    offsetof(struct counters, refused_token) },
	[OUTCOME_REFUSED_REQUEST] = { "refused", LOG_LV_WARN,
	    offsetof(struct counters, refused_request) },
	[OUTCOME_UNAVAILABLE] = { "unavailable", LOG_LV_ERROR,
	    offsetof(struct counters, unavailable) },
};

static enum outcome
outcome_of(const struct flight *fl)
{
	int status = problem_status(fl->problem);

	if (status >= 500)
		return OUTCOME_UNAVAILABLE;
	if (fl->out.id[0] == '\0')
		return status == 401 ? OUTCOME_REFUSED_TOKEN : OUTCOME_REFUSED_REQUEST;
	if (fl->out.fate == EVENT_DUPLICATE)
		return OUTCOME_DUPLICATE;
	return fl->problem == PROBLEM_NONE ? OUTCOME_ACCEPTED : OUTCOME_HELD;
}

static void
count(struct counters *c, size_t offset)
{
	_Atomic uint64_t *counter = (void *)((char *)c + offset);

	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static void
say(const struct flight *fl, enum outcome outcome)
{
	int64_t took_ms = clock_mono_ms() - fl->rq->arrived_mono_ms;
	const char *reason = fl->reason;

	if (fl->out.fate == EVENT_DUPLICATE && fl->out.revived)
		reason = "dead deliveries are due again";
	log_kv(outcomes[outcome].level, outcomes[outcome].what,
	    "s:source", fl->source != NULL ? fl->source->name : NULL,
	    "s:id", fl->out.id[0] != '\0' ? fl->out.id : NULL,
	    "s:lead", fl->key[0] != '\0' ? fl->key : NULL,
	    "s:event", fl->event[0] != '\0' ? fl->event : NULL,
	    "d:status", (long long)fl->rq->answer.status,
	    "s:problem", fl->problem != PROBLEM_NONE ? problem_name(fl->problem) : NULL,
	    "s:reason", reason, "s:hint", fl->hint, "d:bytes", (long long)fl->bytes,
	    "d:ms", (long long)(took_ms > 0 ? took_ms : 0), NULL);
}

static void
flight_free(struct flight *fl)
{
	snapshot_release(fl->snapshot);
	token_free(&fl->token);
	lead_free(&fl->lead);
	buf_free(&fl->errors);
	free(fl->out.violations);
	free(fl);
}

/* Count, log, answer.  The request is gone when this returns. */
static void
finish(struct flight *fl)
{
	struct request *rq = fl->rq;
	enum outcome outcome = outcome_of(fl);

	count(fl->rx->counters, outcomes[outcome].counter);
	say(fl, outcome);
	flight_free(fl);
	rq->respond(rq);
}

static void
finish_problem(struct flight *fl)
{
	problem_answer(&fl->rq->answer, fl->problem, NULL, NULL);
	finish(fl);
}

/* --- the stages, in the order a webhook takes them ----------------------- */

/* The front server refused the request itself and asks us to answer for it. */
static enum next
stage_front_error(struct flight *fl)
{
	const char *status;

	if (fl->rq->params_too_large)
		return refuse(fl, PROBLEM_TOKEN_TOO_LARGE,
		    "more parameters than are read");
	status = request_param(fl->rq, "LEADRELAY_STATUS");
	if (status == NULL || *status == '\0')
		return NEXT_STAGE;
	return refuse(fl, strcmp(status, "413") == 0 ? PROBLEM_BODY_TOO_LARGE :
	    PROBLEM_TOKEN_TOO_LARGE, "refused by the front server");
}

static enum next
stage_route(struct flight *fl)
{
	size_t len;
	const char *path = request_path(fl->rq, &len);
	char *copy;

	if (admin_names_page(path, len))
		return refuse(fl, PROBLEM_NOT_FOUND, "not for this front door");
	if ((copy = strndup(path, len)) == NULL)
		return refuse(fl, PROBLEM_UNAVAILABLE, "out of memory");
	fl->source = config_source_for(fl->snapshot->config, copy);
	free(copy);
	if (fl->source == NULL)
		return refuse(fl, PROBLEM_NOT_FOUND, NULL);
	return NEXT_STAGE;
}

static enum next
stage_method(struct flight *fl)
{
	const char *method = request_param(fl->rq, "REQUEST_METHOD");

	if (method == NULL || strcmp(method, "POST") != 0)
		return refuse(fl, PROBLEM_METHOD, NULL);
	return NEXT_STAGE;
}

/* A secret that the front server would hand out is none. */
static enum next
stage_served(struct flight *fl)
{
	const char *root = request_param(fl->rq, "DOCUMENT_ROOT");
	const char *setting;

	if (root == NULL || *root == '\0')
		return NEXT_STAGE;
	setting = served_setting(&fl->snapshot->served, fl->snapshot->config, root);
	if (setting == NULL)
		return NEXT_STAGE;
	fl->hint = "lies inside the request's DOCUMENT_ROOT: move it out";
	return refuse(fl, PROBLEM_CONFIGURATION, setting);
}

/* The length the client announced, if it is one. */
static bool
announced_length(const struct request *rq, uint64_t *len)
{
	const char *text = request_param(rq, "CONTENT_LENGTH");
	int64_t value;

	if (text == NULL || text_parse_int(text, 0, INT64_MAX, &value) == -1)
		return false;
	*len = (uint64_t)value;
	return true;
}

static enum next
stage_body_size(struct flight *fl)
{
	uint64_t announced = 0;

	(void)announced_length(fl->rq, &announced);
	if (announced < fl->rq->body_total)
		announced = fl->rq->body_total;
	fl->bytes = (size_t)announced;
	if (announced > fl->source->max_body)
		return refuse(fl, PROBLEM_BODY_TOO_LARGE, NULL);
	return NEXT_STAGE;
}

/*
 * Does a token look cut on its way?  Two front servers shorten or split what is
 * too long for them without a word, at these lengths of the header.
 */
static const char *
hint_for(const char *token, size_t token_len, size_t header_len)
{
	size_t i;
	int dots = 0;

	for (i = 0; i < token_len; i++)
		dots += token[i] == '.';
	if (dots < 2 || (header_len > 65474 - 16 && header_len < 65474 + 16))
		return "looks cut: is a header limit of the front server too low?";
	return NULL;
}

/* Read the payload; remember whose lead it is. */
static const char *
read_lead(struct flight *fl)
{
	const char *why = lead_read(fl->payload, fl->payload_len, &fl->lead);

	memcpy(fl->key, fl->lead.key, sizeof(fl->key));
	memcpy(fl->event, fl->lead.event, sizeof(fl->event));
	return why;
}

/* What a verdict means for the request. */
static enum next
judge(struct flight *fl, enum token_verdict verdict)
{
	static const enum problem problems[] = {
		[TOKEN_MISSING] = PROBLEM_TOKEN_MISSING,
		[TOKEN_MALFORMED] = PROBLEM_TOKEN_MALFORMED,
		[TOKEN_ALGORITHM] = PROBLEM_TOKEN_ALGORITHM,
		[TOKEN_SIGNATURE] = PROBLEM_TOKEN_SIGNATURE,
		[TOKEN_FAULT] = PROBLEM_UNAVAILABLE,
	};

	if (verdict == TOKEN_OK)
		return NEXT_STAGE;
	if (verdict != TOKEN_UNREADABLE)
		return refuse(fl, problems[verdict], fl->token.why);
	/* Signed so, but no object to our reader or libjwt's: kept as bytes. */
	(void)read_lead(fl);
	return hold(fl, EVENT_HOLD_UNREADABLE, fl->token.why);
}

static enum next
stage_token(struct flight *fl)
{
	struct buf joined = { 0 };
	const char *value, *text;
	enum token_verdict verdict;
	enum next next;
	size_t value_len, len;

	fl->bytes = 0;
	fl->probe.variable = request_authorization(fl->rq, &joined, &value,
	    &value_len);
	if (fl->probe.variable == NULL) {
		fl->hint = "no Authorization header arrived: does the front server pass it on?";
		next = refuse(fl, PROBLEM_TOKEN_MISSING, NULL);
		goto out;
	}
	fl->bytes = value_len;
	text = token_from_header(value, value_len, &len);
	fl->probe.token_len = len;
	if (len > fl->source->max_token) {
		next = refuse(fl, PROBLEM_TOKEN_TOO_LARGE, "over max_token");
		goto out;
	}
	verdict = token_verify(text, len, &fl->source->secrets, &fl->token);
	if (verdict == TOKEN_MALFORMED || verdict == TOKEN_SIGNATURE)
		fl->hint = hint_for(text, len, value_len);
	fl->payload = fl->token.payload;
	fl->payload_len = fl->token.payload_len;
	next = judge(fl, verdict);
out:
	buf_free(&joined);
	return next;
}

/* verify = none: the body is the payload, and must be said to be JSON. */
static enum next
stage_body(struct flight *fl)
{
	static const char json[] = "application/json";
	const struct request *rq = fl->rq;
	const char *type;
	uint64_t announced;

	type = request_param(rq, "CONTENT_TYPE");
	if (type == NULL || strncasecmp(type, json, sizeof(json) - 1) != 0)
		return refuse(fl, PROBLEM_CONTENT_TYPE, NULL);
	type += sizeof(json) - 1;
	type += strspn(type, " \t");
	if (*type != '\0' && *type != ';')
		return refuse(fl, PROBLEM_CONTENT_TYPE, NULL);
	if (rq->body_len != rq->body_total ||
	    (announced_length(rq, &announced) && announced != rq->body_total))
		return refuse(fl, PROBLEM_BODY_UNREADABLE,
		    "the body is not as long as announced");
	fl->payload = rq->body != NULL ? rq->body : "";
	fl->payload_len = rq->body_len;
	return NEXT_STAGE;
}

static enum next
stage_read(struct flight *fl)
{
	const char *why;

	fl->bytes = fl->payload_len;
	if ((why = read_lead(fl)) == NULL)
		return NEXT_STAGE;
	if (fl->source->verify == CONFIG_VERIFY_JWT)
		return hold(fl, EVENT_HOLD_UNREADABLE, why);
	return refuse(fl, PROBLEM_BODY_UNREADABLE, why);
}

/* A question by who holds the secret; before the claims, as it is about the clock too. */
static enum next
stage_probe(struct flight *fl)
{
	return front_probe_read(&fl->lead, &fl->probe) ? NEXT_PROBE : NEXT_STAGE;
}

/* The claims are part of what was signed. */
static enum next
stage_claims(struct flight *fl)
{
	const char *why = NULL;
	enum lead_time time = lead_check_time(&fl->lead, fl->rq->arrived_ms,
	    TOKEN_LEEWAY_MS, fl->source->max_age_ms, &why);

	if (time == LEAD_TIME_OK)
		return NEXT_STAGE;
	if (time == LEAD_TIME_MALFORMED)
		return refuse(fl, PROBLEM_TOKEN_MALFORMED, why);
	if (fl->source->stale == CONFIG_STALE_REFUSE)
		return refuse(fl, PROBLEM_TOKEN_STALE, why);
	return hold(fl, EVENT_HOLD_STALE, why);
}

static enum next
stage_rules(struct flight *fl)
{
	const struct config_source *source = fl->source;

	if (lead_check(&fl->lead, source->office_count != 0 ?
	    source->office_ids : NULL, source->office_count, &fl->errors) == 0)
		return NEXT_STORE;
	if (!buf_ok(&fl->errors))
		return refuse(fl, PROBLEM_UNAVAILABLE, "out of memory");
	fl->in.violations = fl->errors.data;
	if (source->invalid == CONFIG_INVALID_HOLD)
		return hold(fl, EVENT_HOLD_RULES, "breaks rules");
	fl->reason = "breaks rules, relayed nevertheless";
	return NEXT_STORE;
}

/* --- the outbox ---------------------------------------------------------- */

static int
job_run(struct store *store, struct outbox_job *job)
{
	struct flight *fl = (struct flight *)job;

	free(fl->out.violations);	/* of an earlier try that was rolled back */
	fl->out = (struct event_out){ 0 };
	return store->ops->accept(store, &fl->in, &fl->out);
}

/* The answer an event of this kind was given when it first came. */
static void
answer_stored(struct flight *fl)
{
	static const enum problem problems[] = {
		[EVENT_HOLD_NONE] = PROBLEM_NONE,
		[EVENT_HOLD_RULES] = PROBLEM_RULES,
		[EVENT_HOLD_UNREADABLE] = PROBLEM_PAYLOAD_UNREADABLE,
		[EVENT_HOLD_STALE] = PROBLEM_TOKEN_STALE,
	};
	bool duplicate = fl->out.fate == EVENT_DUPLICATE;
	const char *errors = NULL;

	fl->problem = problems[fl->out.hold];
	if (fl->problem == PROBLEM_NONE) {
		problem_success(&fl->rq->answer, duplicate, fl->out.id);
		return;
	}
	if (fl->problem == PROBLEM_RULES)
		errors = duplicate ? fl->out.violations : fl->errors.data;
	problem_answer(&fl->rq->answer, fl->problem, fl->out.id, errors);
}

static void
job_done(struct outbox_job *job, const struct store_fault *fault)
{
	struct flight *fl = (struct flight *)job;
	struct receiver *rx = fl->rx;

	if (fault != NULL || fl->out.fate == EVENT_FULL) {
		fl->out.id[0] = '\0';
		fl->reason = fault != NULL ? fault->text : fl->out.limit;
		fl->problem = fault != NULL && fault->kind != STORE_FAULT_FULL ?
		    PROBLEM_UNAVAILABLE : PROBLEM_FULL;
		finish_problem(fl);
		return;
	}
	/* Before the answer: with that the request, and who waits for it, may go. */
	if ((fl->out.deliveries > 0 || fl->out.revived) && rx->stored != NULL)
		rx->stored(rx->owner);
	answer_stored(fl);
	finish(fl);
}

static void
store(struct flight *fl)
{
	struct receiver *rx = fl->rx;
	struct outbox *outbox = rx->outbox(rx->owner);

	fl->in.source = fl->source->name;
	fl->in.lead = fl->key;
	fl->in.name = fl->event;
	fl->in.payload = fl->payload;
	fl->in.payload_len = fl->payload_len;
	memcpy(fl->in.data_digest, fl->lead.data_digest, DIGEST_SIZE);
	if (fl->source->verify == CONFIG_VERIFY_JWT &&
	    (fl->lead.iat.kind != LEAD_CLAIM_ABSENT || fl->lead.has_jti))
		fl->in.token_digest = fl->token.digest;
	fl->in.received_ms = fl->rq->arrived_ms;
	fl->in.duplicate_window_ms = fl->source->duplicate_window_ms;
	fl->in.max_held = fl->source->max_held;
	/* The tree goes now, on this thread: the committing one has enough to do. */
	lead_free(&fl->lead);
	fl->lead = (struct lead){ 0 };
	fl->job.run = job_run;
	fl->job.done = job_done;
	if (outbox != NULL) {
		outbox_submit(outbox, &fl->job);
	} else if (rx->wait == NULL || !rx->wait(rx->owner, &fl->job)) {
		(void)refuse(fl, PROBLEM_UNAVAILABLE, "the outbox is not open");
		finish_problem(fl);
	}
}

/* --- a probe -------------------------------------------------------------- */

static void
answer_probe(struct flight *fl)
{
	const struct lead_claim *iat = &fl->lead.iat;
	double age_ms = (double)fl->rq->arrived_ms - iat->seconds * 1000;
	struct receiver *rx = fl->rx;
	struct request *rq = fl->rq;
	struct front_probe_in in = fl->probe;

	in.snapshot = fl->snapshot;
	in.source = fl->source->name;
	in.fresh = iat->kind == LEAD_CLAIM_NUMBER &&
	    age_ms < TOKEN_LEEWAY_MS && age_ms > -TOKEN_LEEWAY_MS;
	fl->snapshot = NULL;		/* the probe's from here on */
	flight_free(fl);
	front_probe_start(rx, rq, &in);
}

/* --- the whole way ------------------------------------------------------- */

static void
fly(struct flight *fl)
{
	static const struct {
		enum next (*run)(struct flight *fl);
		enum { ALL, SIGNED, UNSIGNED } requests;
	} stages[] = {
		{ stage_front_error, ALL }, { stage_route, ALL },
		{ stage_method, ALL }, { stage_served, ALL },
		{ stage_body_size, ALL }, { stage_token, SIGNED },
		{ stage_body, UNSIGNED }, { stage_read, ALL },
		{ stage_probe, SIGNED }, { stage_claims, SIGNED },
		{ stage_rules, ALL },
	};
	enum next next = NEXT_STAGE;

	if (fl->snapshot == NULL || fl->snapshot->config == NULL)
		next = refuse(fl, PROBLEM_CONFIGURATION,
		    "the configuration cannot be loaded");
	for (size_t i = 0; next == NEXT_STAGE; i++)
		if (stages[i].requests == ALL || (stages[i].requests == SIGNED) ==
		    (fl->source->verify == CONFIG_VERIFY_JWT))
			next = stages[i].run(fl);
	if (next == NEXT_STORE)
		store(fl);
	else if (next == NEXT_PROBE)
		answer_probe(fl);
	else
		finish_problem(fl);
}

void
receive_start(struct receiver *rx, struct request *rq)
{
	struct snapshot *snapshot = snapshot_take(&rx->snapshot);
	struct flight *fl;
	size_t len;
	const char *path = request_path(rq, &len);

	if (admin_names_page(path, len) &&
	    admin_allowed(snapshot != NULL ? snapshot->config : NULL, rq)) {
		snapshot_release(snapshot);
		admin_start(rx, rq);
		return;
	}
	if ((fl = calloc(1, sizeof(*fl))) == NULL) {
		snapshot_release(snapshot);
		counters_add(rx->counters, unavailable);
		problem_respond(rq, PROBLEM_UNAVAILABLE);
		return;
	}
	fl->rx = rx;
	fl->snapshot = snapshot;
	fl->rq = rq;
	fly(fl);
}
