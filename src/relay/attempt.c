/*
 * An attempt goes through its programs (prepared), over the network (ended), through
 * the programs of the answer (answer_done), and is judged (judge); then it rests in its
 * profile's pool.  In each of these places it can be given back or broken off.  It is in
 * the dispatcher's list from begin to rest; it has a place in in_flight (or, sent with a
 * former profile, in left) until it is answered.  A request is begun on record
 * (outbox_start) before a byte of it is sent.
 */
#include "relay/attempt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "config/config.h"
#include "http/credentials.h"
#include "http/oauth.h"
#include "relay/classify.h"
#include "relay/dispatcher.h"
#include "relay/engine.h"
#include "relay/profile.h"
#include "relay/retry.h"

#define LACK_PAUSE_MS 1000	/* after we could open no socket */

/* How many leads got through since an attempt's lead first failed? */
struct others_job {
	struct mailbox_job job;
	struct dispatcher *dispatcher;
	struct attempt *sent;
	struct destination_attempt attempt;
	int count;
};

/* xorshift64*: jitter needs no better. */
static uint32_t
next_random(struct engine *engine)
{
	uint64_t x = engine->random;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	engine->random = x;
	return (uint32_t)((x * UINT64_C(0x2545f4914f6cdd1d)) >> 32);
}

/* It is done with: put it to rest. */
static void
rest(struct dispatcher *d, struct attempt *at)
{
	struct attempt **p;

	for (p = &d->sending; *p != at; p = &(*p)->next)
		continue;
	*p = at->next;
	if (at->probe && at->profile == d->profile)
		d->probing = false;
	delivery_claim_free(&at->claim);
	pipeline_destroy(&at->pipeline);
	transfer_reset(&at->http);
	at->next = at->profile->pool;
	at->profile->pool = at;
	at->profile->in_use--;
}

/* It is answered, or never will be. */
static void
leave_place(struct dispatcher *d, const struct attempt *at)
{
	if (at->profile == d->profile)
		d->in_flight--;
	else
		d->left--;
}

/* Not begun after all: it waits as before. */
static void
let_go(struct dispatcher *d, struct attempt *at)
{
	claims_let_go(&d->claims, &at->claim);
	rest(d, at);
}

/*
 * Nothing was sent, nor will it be: skipped, or held.  ${reason} may quote the
 * lead; the log gets ${said}.
 */
static void
settle_unsent(struct dispatcher *d, struct attempt *at, enum delivery_state state,
    const char *reason, const char *said)
{
	const struct delivery_claim *claim = &at->claim;
	struct delivery_outcome outcome = {
		.ticket = claim->ticket,
		.state = state,
		.free_of_charge = true,
		.unknown = claim->unknown,
		.reason = reason,
	};
	bool held = state == DELIVERY_HELD;

	log_kv(held ? LOG_LV_ERROR : LOG_LV_INFO, delivery_state_name(state),
	    "s:destination", d->config->name, "s:id", claim->id, "s:lead", claim->lead,
	    held ? "s:error" : "s:reason", said, NULL);
	(void)settlements_add(&d->settlements, &outcome);
	rest(d, at);
}

static void
log_turn(const struct dispatcher *d, const struct destination_verdict *v)
{
	const struct destination_state *state = &d->destination.state;

	if (v->turn == DESTINATION_PAUSED)
		log_kv(LOG_LV_ERROR, "paused", "s:destination", d->config->name, "s:error",
		    state->pause_reason, NULL);
	else if (v->turn == DESTINATION_RECOVERED)
		log_kv(LOG_LV_INFO, "recovered", "s:destination", d->config->name, "d:ms",
		    (long long)v->paused_for_ms, NULL);
}

void
dispatcher_blame(struct dispatcher *d, const char *error, int64_t now_ms)
{
	struct destination_verdict v;

	log_kv(LOG_LV_WARN, "failed", "s:destination", d->config->name, "s:error",
	    error, NULL);
	destination_blame(&d->destination, error, now_ms, &v);
	log_turn(d, &v);
}

/* One line and one count for each outcome; ${error} quotes no lead. */
static void
tell(struct dispatcher *d, const struct attempt *at,
    const struct destination_verdict *v, const struct delivery_outcome *outcome,
    const char *error)
{
	struct counters *counters = d->engine->counters;
	enum log_level level = LOG_LV_ERROR;
	const char *what = delivery_state_name(v->state);

	switch (v->state) {
	case DELIVERY_DELIVERED:
		counters_add(counters, delivered);
		level = at->pipeline.uncaptured ? LOG_LV_WARN : LOG_LV_INFO;
		break;
	case DELIVERY_WAITING:
		counters_add(counters, failed);
		level = LOG_LV_WARN;
		what = "failed";
		break;
	case DELIVERY_DEAD:
		counters_add(counters, failed);
		counters_add(counters, dead);
		break;
	default:
		counters_add(counters, failed);
		break;
	}
	log_kv(level, what, "s:destination", d->config->name, "s:id", at->claim.id,
	    "s:lead", at->claim.lead, "d:attempt", (long long)at->claim.attempts,
	    "d:status", (long long)outcome->status, "s:error", error, "s:probe",
	    at->probe ? "yes" : NULL, "d:ms", (long long)outcome->took_ms, NULL);
	log_turn(d, v);
}

/*
 * The request came to nothing that says anything of lead or destination: the lead
 * goes again, at ${due_ms}, and it costs it nothing.
 */
static void
send_again(struct dispatcher *d, struct attempt *at, int64_t due_ms, bool attempted,
    const char *error)
{
	const struct transfer_end *end = &at->http.end;
	struct delivery_outcome outcome = {
		.ticket = at->claim.ticket,
		.state = DELIVERY_WAITING,
		.due_ms = due_ms,
		.free_of_charge = true,
		.unknown = at->claim.unknown,
		.attempted = attempted,
		.started_ms = at->http.started_ms,
		.took_ms = end->took_ms,
		.status = end->status,
		.body = attempted ? at->request.digest : 0,
		.key_number = at->request.key_number,
		.error = error,
	};

	log_kv(LOG_LV_WARN, "failed", "s:destination", d->config->name, "s:id",
	    at->claim.id, "s:lead", at->claim.lead, "d:status",
	    (long long)end->status, "s:error", error, NULL);
	d->destination.changed |= attempted;
	(void)settlements_add(&d->settlements, &outcome);
	rest(d, at);
}

/* Did it come to nothing in such a way?  Then it has been seen to. */
static bool
is_nobodys(struct dispatcher *d, struct attempt *at)
{
	const struct transfer_end *end = &at->http.end;
	struct oauth *oauth = at->profile->oauth;
	char words[96];

	if (oauth != NULL && oauth_answered(oauth, at->token, end->status)) {
		send_again(d, at, dispatcher_due_in_order(&at->claim), true,
		    "the access token was refused: fetching a new one");
	} else if (end->stale) {
		at->claim.unknown = true;
		send_again(d, at, dispatcher_due_in_order(&at->claim), true,
		    "the kept connection ended: sending it again");
	} else if (end->lack != 0) {
		(void)snprintf(words, sizeof(words), "no socket can be opened here: %s",
		    strerror(end->lack));
		send_again(d, at, clock_steady_ms() + LACK_PAUSE_MS, false, words);
	} else {
		return false;
	}
	return true;
}

/*
 * What the outcome is called: for the log, returned, and for a person, as the
 * outcome's reason, which may quote the lead.
 */
static const char *
explain(const struct attempt *at,
    struct delivery_outcome *outcome)
{
	static const char echo[] =
	    "already there: an attempt of unknown outcome had arrived";
	static const char refused[] = "refused: success_when says no";
	static const char doubtful[] = "409: it may have arrived before the last "
	    "restart, of which nothing is known; look at the receiver, then "
	    "release or discard it";
	const struct config_destination *config = at->profile->config;
	const struct transfer_end *end = &at->http.end;

	if (outcome->state == DELIVERY_DEAD && at->answered == PIPELINE_REFUSED)
		return outcome->reason = refused;
	if (outcome->state == DELIVERY_DEAD && at->answered == PIPELINE_HOLD) {
		outcome->state = DELIVERY_HELD;
		outcome->reason = at->pipeline.reason.data;
		return "success_when failed";
	}
	if (outcome->state == DELIVERY_DEAD && end->status == 409 &&
	    at->claim.doubt) {
		outcome->state = DELIVERY_HELD;
		return outcome->reason = doubtful;
	}
	if (outcome->state == DELIVERY_DELIVERED && classify_status(
	    config->success, config->success_count, end->status, false) !=
	    CLASSIFY_DELIVERED)
		return outcome->error = echo;
	if (outcome->state == DELIVERY_DELIVERED && at->pipeline.uncaptured) {
		outcome->error = at->pipeline.reason.data;
		return "capture failed: no record";
	}
	return outcome->reason != NULL ? outcome->reason : outcome->error;
}

/* Its lead is judged: settle that, and put it to rest. */
static void
judge(struct dispatcher *d, struct attempt *at, const struct destination_attempt *attempt)
{
	const struct transfer_end *end = &at->http.end;
	struct destination_verdict v;
	struct delivery_outcome outcome;
	const char *error;

	destination_judge(&d->destination, attempt, clock_steady_ms(),
	    next_random(d->engine), &v);
	if (at->http.answer.len != 0)
		credentials_scrub(at->profile->credentials, at->http.answer.data, at->http.answer.len);
	outcome = (struct delivery_outcome){
		.ticket = at->claim.ticket,
		.state = v.state,
		.due_ms = v.due_ms,
		.free_of_charge = v.free_of_charge,
		.unknown = at->claim.unknown || (end->status == 0 && end->sending),
		.attempted = true,
		.started_ms = at->http.started_ms,
		.took_ms = end->took_ms,
		.status = end->status,
		.error = end->error,
		.answer = at->http.answer.data,
		.answer_len = at->http.answer.len < ATTEMPT_ANSWER_MAX ?
		    at->http.answer.len : ATTEMPT_ANSWER_MAX,
		.body = at->request.digest,
		.key_number = at->request.key_number,
		.record = v.state == DELIVERY_DELIVERED &&
		    at->pipeline.record[0] != '\0' ? at->pipeline.record : NULL,
		.reason = v.reason[0] != '\0' ? v.reason : NULL,
	};
	error = explain(at, &outcome);
	v.state = outcome.state;
	tell(d, at, &v, &outcome, error);
	(void)settlements_add(&d->settlements, &outcome);
	rest(d, at);
}

static int
others_run(struct store *store, struct mailbox_job *base)
{
	struct others_job *job = (struct others_job *)base;

	return store_delivered_since(store, job->dispatcher->destination.state.number,
	    job->sent->claim.first_failure_ms, clock_wall_ms(),
	    DESTINATION_OTHERS_MIN, &job->count);
}

static void
others_finish(struct mailbox_job *base, const struct store_fault *fault)
{
	struct others_job *job = (struct others_job *)base;

	if (fault == NULL)
		job->attempt.others = job->count;
	job->dispatcher->asking--;
	judge(job->dispatcher, job->sent, &job->attempt);
	free(job);
}

/* The verdict needs a number from the store.  False: it cannot be asked. */
static bool
ask_others(struct dispatcher *d, struct attempt *at,
    const struct destination_attempt *attempt)
{
	struct others_job *job;

	if ((job = calloc(1, sizeof(*job))) == NULL)
		return false;
	job->job.run = others_run;
	job->job.finish = others_finish;
	job->dispatcher = d;
	job->sent = at;
	job->attempt = *attempt;
	d->asking++;
	mailbox_submit(&d->engine->mailbox, &job->job);
	return true;
}

/* What the attempt came to is known: have it judged. */
static void
conclude(struct dispatcher *d, struct attempt *at, enum classify_class class)
{
	const struct delivery_claim *claim = &at->claim;
	const struct transfer_end *end = &at->http.end;
	int64_t sure = engine_sure_ms(d->engine, false), now = clock_steady_ms();
	int64_t skew = now - d->engine->read_ms;	/* one reading for all */
	struct destination_attempt attempt = {
		.lead = destination_lead(claim->source, claim->lead),
		.probe = at->probe,
		.era = at->era,
		.attempts = claim->attempts,
		.received_ms = claim->received_ms + skew,
		.first_attempt_ms = claim->first_attempt_ms != 0 ?
		    claim->first_attempt_ms + skew : now - end->took_ms,
		.first_failure_ms = claim->first_failure_ms != 0 ?
		    claim->first_failure_ms + skew : 0,
		.sure_ms = sure + skew,
		.class = class,
		.status = end->status,
		.error = end->error,
		.retry_after_ms = retry_after(at->http.retry_after, clock_wall_ms()),
	};

	if (destination_asks_others(&d->destination, &attempt) &&
	    ask_others(d, at, &attempt))
		return;
	judge(d, at, &attempt);
}

/* success_when and capture are through. */
static void
answer_done(struct pipeline *p, enum pipeline_end end)
{
	struct attempt *at = p->owner;

	at->answered = end;
	if (end == PIPELINE_TROUBLE) {
		/* An answer that cannot be judged is as good as none. */
		at->http.end.status = 0;
		at->http.end.sending = true;
		at->http.end.error = p->reason.data;
	}
	conclude(at->dispatcher, at, end == PIPELINE_ON ? CLASSIFY_DELIVERED :
	    end == PIPELINE_TROUBLE ? CLASSIFY_DESTINATION : CLASSIFY_LEAD);
}

static void
ended(struct http_task *task, CURLcode code)
{
	struct attempt *at = (struct attempt *)task;
	struct dispatcher *d = at->dispatcher;
	const struct config_destination *config = at->profile->config;
	const struct transfer_end *end = &at->http.end;
	bool yes;

	transfer_finish(&at->http, d->engine->http.multi, code);
	leave_place(d, at);
	d->finished++;
	at->answered = PIPELINE_ON;
	yes = end->status != 0 && classify_status(config->success,
	    config->success_count, end->status, false) == CLASSIFY_DELIVERED;
	if (is_nobodys(d, at))
		return;
	if (end->status == 0)
		conclude(d, at, classify_error(end->code, end->sending));
	else if (yes)
		pipeline_back(&at->pipeline, at->http.answer.data, at->http.answer.len,
		    answer_done);
	else
		conclude(d, at, classify_status(config->success,
		    config->success_count, end->status, at->claim.unknown));
}

/* --- sending -------------------------------------------------------------- */

/* One at rest, or a new one.  NULL: none can be made, which is said or out of memory. */
static struct attempt *
take(struct dispatcher *d)
{
	struct profile *profile = d->profile;
	struct attempt *at = profile->pool;

	if (at != NULL) {
		profile->pool = at->next;
	} else {
		if ((at = calloc(1, sizeof(*at))) == NULL)
			return NULL;
		if (transfer_init(&at->http, &d->engine->http, d->config,
		    d->config->success_when != NULL || d->config->capture != NULL ?
		    PIPELINE_ANSWER_MAX : TRANSFER_ANSWER_MAX) == -1) {
			attempt_free(at);
			return NULL;
		}
		at->http.task.ended = ended;
		at->http.once = true;
		at->dispatcher = d;
		at->profile = profile;
	}
	profile->in_use++;
	return at;
}

void
attempt_free(struct attempt *at)
{
	transfer_destroy(&at->http);
	http_request_free(&at->request);
	delivery_claim_free(&at->claim);
	pipeline_destroy(&at->pipeline);
	free(at);
}

/* Programs take their time: can it still be sent? */
static bool
may_send(struct dispatcher *d, const struct attempt *at)
{
	struct oauth *oauth = d->profile->oauth;
	int64_t now = clock_steady_ms();
	enum oauth_state token = OAUTH_READY;

	if (!d->profile->ready || d->stopping ||
	    (!at->probe && !destination_open(&d->destination, now)))
		return false;
	if (oauth != NULL)
		token = oauth_token(oauth, clock_mono_ms());
	if (token == OAUTH_FAILED)
		dispatcher_blame(d, oauth_error(oauth), now);
	return token == OAUTH_READY;
}

static void
send_request(struct dispatcher *d, struct attempt *at)
{
	const struct profile *profile = d->profile;
	const struct http_request_source from = {
		.config = d->config,
		.credentials = profile->credentials,
		.signing = &profile->signing.secrets,
		.claim = &at->claim,
		.transformed = at->pipeline.body.data,
		.transformed_len = at->pipeline.body.len,
		.now_ms = clock_wall_ms(),
	};
	struct buf why = { 0 };
	CURLcode rc;

	if (http_request_build(&at->request, &from, &why) == -1) {
		d->in_flight--;
		settle_unsent(d, at, DELIVERY_HELD, why.data, why.data);
		buf_free(&why);
		return;
	}
	if (!outbox_start(d->engine->mailbox.outbox, &at->claim.ticket,
	    from.now_ms)) {
		d->in_flight--;
		let_go(d, at);
		return;
	}
	at->token = profile->oauth != NULL ? oauth_serial(profile->oauth) : 0;
	at->era = d->destination.era;
	limit_spend(&d->limit, clock_steady_ms());
	counters_add(d->engine->counters, attempts);
	rc = transfer_start(&at->http, d->engine->http.multi,
	    &(struct transfer_request){ at->request.method, at->request.url,
	    at->request.headers, at->request.header_count,
	    at->request.body, at->request.body_len });
	if (rc != CURLE_OK)
		ended(&at->http.task, rc);
}

/* No lead of this destination can be prepared.  Of many at once, one tells it. */
static void
in_trouble(struct dispatcher *d, const struct attempt *at)
{
	struct destination_verdict v;

	if (!at->probe && d->destination.state.paused_ms != 0)
		return;
	destination_blame(&d->destination, at->pipeline.reason.data,
	    clock_steady_ms(), &v);
	log_turn(d, &v);
}

/* when and transform are through. */
static void
prepared(struct pipeline *p, enum pipeline_end end)
{
	struct attempt *at = p->owner;
	struct dispatcher *d = at->dispatcher;
	char said[32];

	d->preparing--;
	if (end == PIPELINE_ON && may_send(d, at)) {
		send_request(d, at);
		return;
	}
	d->in_flight--;
	switch (end) {
	case PIPELINE_SKIP:
		settle_unsent(d, at, DELIVERY_SKIPPED, p->reason.data,
		    programs_name(p->which));
		break;
	case PIPELINE_HOLD:
		(void)snprintf(said, sizeof(said), "%s failed",
		    programs_name(p->which));
		settle_unsent(d, at, DELIVERY_HELD, p->reason.data, said);
		break;
	case PIPELINE_TROUBLE:
		in_trouble(d, at);
		/* FALLTHROUGH */
	default:
		let_go(d, at);
		break;
	}
}

void
attempt_begin(struct dispatcher *d, struct delivery_claim *claim, bool probe)
{
	struct attempt *at;

	if ((at = take(d)) == NULL) {
		claims_let_go(&d->claims, claim);
		return;
	}
	at->claim = *claim;
	at->probe = probe;
	d->probing |= probe;
	at->next = d->sending;
	d->sending = at;
	d->in_flight++;
	d->preparing++;
	at->pipeline.owner = at;
	pipeline_out(&at->pipeline, d->profile->programs, &at->claim, prepared);
}

/* Is it with the programs before it is sent? */
static bool
is_preparing(const struct attempt *at)
{
	return at->pipeline.busy && at->pipeline.out;
}

void
attempts_give_back(struct dispatcher *d)
{
	struct attempt *at, *next;

	for (at = d->sending; at != NULL; at = next) {
		next = at->next;
		if (!is_preparing(at))
			continue;
		pipeline_cancel(&at->pipeline);
		d->preparing--;
		d->in_flight--;
		let_go(d, at);
	}
}

void
attempts_leave(struct dispatcher *d)
{
	attempts_give_back(d);
	d->left += d->in_flight;
	d->in_flight = 0;
	d->probing = false;
}

void
attempts_cancel(struct dispatcher *d)
{
	struct attempt *at, *next;

	for (at = d->sending; at != NULL; at = next) {
		next = at->next;
		if (!at->http.under_way && !at->pipeline.busy)
			continue;		/* its verdict is being looked for */
		if (at->http.under_way || is_preparing(at))
			leave_place(d, at);
		d->preparing -= is_preparing(at);
		pipeline_cancel(&at->pipeline);
		transfer_cancel(&at->http, d->engine->http.multi);
		rest(d, at);
	}
}
