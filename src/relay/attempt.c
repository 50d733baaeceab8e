#include "relay/attempt.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "config/config.h"
#include "http/credentials.h"
#include "http/oauth.h"
#include "http/transfer.h"
#include "outbox/event.h"
#include "relay/classify.h"
#include "relay/dispatcher_state.h"
#include "relay/engine.h"
#include "relay/profile.h"
#include "relay/schedule.h"

/* How many leads got through since a transfer's lead first failed? */
struct others_job {
	struct mailbox_job job;
	struct dispatcher *dispatcher;
	struct transfer *transfer;
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

/* The transfer is done with: put it to rest. */
static void
rest(struct dispatcher *l, struct transfer *tr)
{
	struct transfer **p;

	for (p = &l->sending; *p != tr; p = &(*p)->next)
		continue;
	*p = tr->next;
	if (tr->probe && tr->profile == l->profile)
		l->probing = false;
	transfer_reset(tr);
	tr->next = tr->profile->pool;
	tr->profile->pool = tr;
	tr->profile->in_use--;
}

/* It is answered, or never will be. */
static void
leave_place(struct dispatcher *l, const struct transfer *tr)
{
	if (tr->profile == l->profile)
		l->in_flight--;
	else
		l->left--;
}

/* Not begun after all: it waits as before. */
static void
let_go(struct dispatcher *l, struct transfer *tr)
{
	claims_let_go(&l->claims, &tr->claim);
	rest(l, tr);
}

/*
 * Nothing was sent, nor will it be: skipped, or held.  ${reason} may quote the
 * lead; the log gets ${said}.
 */
static void
settle_unsent(struct dispatcher *l, struct transfer *tr, enum delivery_state state,
    const char *reason, const char *said)
{
	const struct delivery_claim *claim = &tr->claim;
	struct delivery_outcome outcome = {
		.ticket = claim->ticket,
		.state = state,
		.free_of_charge = true,
		.unknown = claim->unknown,
		.reason = reason,
	};
	bool held = state == DELIVERY_HELD;

	log_kv(held ? LOG_LV_ERROR : LOG_LV_INFO, delivery_state_name(state),
	    "s:destination", l->config->name, "s:id", claim->id, "s:lead", claim->lead,
	    held ? "s:error" : "s:reason", said, NULL);
	(void)settlements_add(&l->settlements, &outcome);
	rest(l, tr);
}

static void
log_turn(const struct dispatcher *l, const struct destination_verdict *v)
{
	const struct destination_state *state = &l->destination.state;

	if (v->turn == DESTINATION_PAUSED)
		log_kv(LOG_LV_ERROR, "paused", "s:destination", l->config->name, "s:error",
		    state->pause_reason, NULL);
	else if (v->turn == DESTINATION_RECOVERED)
		log_kv(LOG_LV_INFO, "recovered", "s:destination", l->config->name, "d:ms",
		    (long long)v->paused_for_ms, NULL);
}

void
dispatcher_blame(struct dispatcher *l, const char *error, int64_t now_ms)
{
	struct destination_verdict v;

	log_kv(LOG_LV_WARN, "failed", "s:destination", l->config->name, "s:error",
	    error, NULL);
	destination_blame(&l->destination, error, now_ms, &v);
	log_turn(l, &v);
}

/* One line and one count for each outcome; ${error} quotes no lead. */
static void
tell(struct dispatcher *l, const struct transfer *tr,
    const struct destination_verdict *v, const struct delivery_outcome *outcome,
    const char *error)
{
	struct counters *counters = l->engine->counters;
	enum log_level level = LOG_LV_ERROR;
	const char *what = delivery_state_name(v->state);

	switch (v->state) {
	case DELIVERY_DELIVERED:
		counters_add(counters, delivered);
		level = tr->pipeline.uncaptured ? LOG_LV_WARN : LOG_LV_INFO;
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
	log_kv(level, what, "s:destination", l->config->name, "s:id", tr->claim.id,
	    "s:lead", tr->claim.lead, "d:attempt", (long long)tr->claim.attempts,
	    "d:status", (long long)outcome->status, "s:error", error, "s:probe",
	    tr->probe ? "yes" : NULL, "d:ms", (long long)outcome->took_ms, NULL);
	log_turn(l, v);
}

/* The access token was refused: the lead goes again, with the next one. */
static void
send_again(struct dispatcher *l, struct transfer *tr)
{
	const struct transfer_end *end = &tr->end;
	struct delivery_outcome outcome = {
		.ticket = tr->claim.ticket,
		.state = DELIVERY_WAITING,
		.due_ms = dispatcher_due_in_order(&tr->claim),
		.free_of_charge = true,
		.unknown = tr->claim.unknown,
		.attempted = true,
		.started_ms = tr->started_ms,
		.took_ms = end->took_ms,
		.status = end->status,
		.body = tr->request.digest,
		.key_number = tr->request.key_number,
		.error = "the access token was refused: fetching a new one",
	};

	log_kv(LOG_LV_WARN, "failed", "s:destination", l->config->name, "s:id",
	    tr->claim.id, "s:lead", tr->claim.lead, "d:status",
	    (long long)end->status, "s:error", outcome.error, NULL);
	l->destination.changed = true;		/* a request was made */
	(void)settlements_add(&l->settlements, &outcome);
	rest(l, tr);
}

/*
 * What the outcome is called: for the log, returned, and for a person, as the
 * outcome's reason, which may quote the lead.
 */
static const char *
explain(const struct transfer *tr,
    struct delivery_outcome *outcome)
{
	static const char echo[] =
	    "already there: an attempt of unknown outcome had arrived";
	static const char refused[] = "refused: success_when says no";
	static const char doubtful[] = "409: it may have arrived before the last "
	    "restart, of which nothing is known; look at the receiver, then "
	    "release or discard it";
	const struct config_destination *config = tr->profile->config;
	const struct transfer_end *end = &tr->end;

	if (outcome->state == DELIVERY_DEAD && tr->answered == PIPELINE_REFUSED)
		return outcome->reason = refused;
	if (outcome->state == DELIVERY_DEAD && tr->answered == PIPELINE_HOLD) {
		outcome->state = DELIVERY_HELD;
		outcome->reason = tr->pipeline.reason.data;
		return "success_when failed";
	}
	if (outcome->state == DELIVERY_DEAD && end->status == 409 &&
	    tr->claim.doubt) {
		outcome->state = DELIVERY_HELD;
		return outcome->reason = doubtful;
	}
	if (outcome->state == DELIVERY_DELIVERED && classify_status(
	    config->success, config->success_count, end->status, false) !=
	    CLASSIFY_DELIVERED)
		return outcome->error = echo;
	if (outcome->state == DELIVERY_DELIVERED && tr->pipeline.uncaptured) {
		outcome->error = tr->pipeline.reason.data;
		return "capture failed: no record";
	}
	return outcome->reason != NULL ? outcome->reason : outcome->error;
}

/* The transfer's lead is judged: settle it and put the transfer to rest. */
static void
judge(struct dispatcher *l, struct transfer *tr, const struct destination_attempt *attempt)
{
	const struct transfer_end *end = &tr->end;
	struct destination_verdict v;
	struct delivery_outcome outcome;
	const char *error;

	destination_judge(&l->destination, attempt, clock_steady_ms(),
	    next_random(l->engine), &v);
	if (tr->answer.len != 0)
		credentials_scrub(tr->profile->credentials, tr->answer.data, tr->answer.len);
	outcome = (struct delivery_outcome){
		.ticket = tr->claim.ticket,
		.state = v.state,
		.due_ms = v.due_ms,
		.free_of_charge = v.free_of_charge,
		.unknown = tr->claim.unknown || (end->status == 0 && end->sending),
		.attempted = true,
		.started_ms = tr->started_ms,
		.took_ms = end->took_ms,
		.status = end->status,
		.error = end->error,
		.answer = tr->answer.data,
		.answer_len = tr->answer.len < ATTEMPT_ANSWER_MAX ?
		    tr->answer.len : ATTEMPT_ANSWER_MAX,
		.body = tr->request.digest,
		.key_number = tr->request.key_number,
		.record = v.state == DELIVERY_DELIVERED &&
		    tr->pipeline.record[0] != '\0' ? tr->pipeline.record : NULL,
		.reason = v.reason[0] != '\0' ? v.reason : NULL,
	};
	error = explain(tr, &outcome);
	v.state = outcome.state;
	tell(l, tr, &v, &outcome, error);
	(void)settlements_add(&l->settlements, &outcome);
	rest(l, tr);
}

static int
others_run(struct store *store, struct mailbox_job *base)
{
	struct others_job *job = (struct others_job *)base;

	return store->ops->delivered_since(store, job->dispatcher->destination.state.number,
	    job->transfer->claim.first_failure_ms, clock_wall_ms(),
	    DESTINATION_OTHERS_MIN, &job->count);
}

static void
others_finish(struct mailbox_job *base, const struct store_fault *fault)
{
	struct others_job *job = (struct others_job *)base;

	if (fault == NULL)
		job->attempt.others = job->count;
	job->dispatcher->asking--;
	judge(job->dispatcher, job->transfer, &job->attempt);
	free(job);
}

/* The verdict needs a number from the store.  False: it cannot be asked. */
static bool
ask_others(struct dispatcher *l, struct transfer *tr,
    const struct destination_attempt *attempt)
{
	struct others_job *job;

	if ((job = calloc(1, sizeof(*job))) == NULL)
		return false;
	job->job.run = others_run;
	job->job.finish = others_finish;
	job->dispatcher = l;
	job->transfer = tr;
	job->attempt = *attempt;
	l->asking++;
	mailbox_submit(&l->engine->mailbox, &job->job);
	return true;
}

/* What the attempt came to is known: have it judged. */
static void
conclude(struct dispatcher *l, struct transfer *tr, enum classify_class class)
{
	const struct delivery_claim *claim = &tr->claim;
	const struct transfer_end *end = &tr->end;
	int64_t sure = engine_sure_ms(l->engine, false), now = clock_steady_ms();
	int64_t skew = now - l->engine->read_ms;	/* one reading for all */
	struct destination_attempt attempt = {
		.lead = destination_lead(claim->source, claim->lead),
		.probe = tr->probe,
		.era = tr->era,
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
		.retry_after_ms = schedule_retry_after(tr->retry_after, clock_wall_ms()),
	};

	if (destination_asks_others(&l->destination, &attempt) &&
	    ask_others(l, tr, &attempt))
		return;
	judge(l, tr, &attempt);
}

/* success_when and capture are through. */
static void
answer_done(struct pipeline *p, enum pipeline_end end)
{
	struct transfer *tr = p->owner;

	tr->answered = end;
	if (end == PIPELINE_TROUBLE) {
		/* An answer that cannot be judged is as good as none. */
		tr->end.status = 0;
		tr->end.sending = true;
		tr->end.error = p->reason.data;
	}
	conclude(tr->owner, tr, end == PIPELINE_ON ? CLASSIFY_DELIVERED :
	    end == PIPELINE_TROUBLE ? CLASSIFY_DESTINATION : CLASSIFY_LEAD);
}

static void
ended(struct engine_task *task, CURLcode code)
{
	struct transfer *tr = (struct transfer *)task;
	struct dispatcher *l = tr->owner;
	const struct config_destination *config = tr->profile->config;
	struct oauth *oauth = tr->profile->oauth;
	struct transfer_end *end = &tr->end;
	bool yes;

	transfer_finish(tr, l->engine->multi, code);
	leave_place(l, tr);
	l->finished++;
	tr->answered = PIPELINE_ON;
	/* Of several sendings only the last one's answer came: any may have arrived. */
	tr->claim.unknown |= end->repeated;
	yes = end->status != 0 && classify_status(config->success,
	    config->success_count, end->status, false) == CLASSIFY_DELIVERED;
	if (oauth != NULL && oauth_answered(oauth, tr->token, end->status))
		send_again(l, tr);
	else if (end->status == 0)
		conclude(l, tr, classify_error(end->code, end->sending));
	else if (yes)
		pipeline_back(&tr->pipeline, tr->answer.data, tr->answer.len,
		    answer_done);
	else
		conclude(l, tr, classify_status(config->success,
		    config->success_count, end->status, tr->claim.unknown));
}

/* --- sending -------------------------------------------------------------- */

static struct transfer *
take_transfer(struct dispatcher *l)
{
	struct profile *profile = l->profile;
	struct transfer *tr = profile->pool;

	if (tr != NULL) {
		profile->pool = tr->next;
	} else {
		tr = transfer_new(&l->engine->curl, l->config, l->engine->ca_file, l);
		if (tr == NULL)
			return NULL;
		tr->task.ended = ended;
		tr->profile = profile;
	}
	profile->in_use++;
	return tr;
}

/* Programs take their time: can it still be sent? */
static bool
may_send(struct dispatcher *l, const struct transfer *tr)
{
	struct oauth *oauth = l->profile->oauth;
	int64_t now = clock_steady_ms();
	enum oauth_state token = OAUTH_READY;

	if (!l->profile->ready || l->stopping ||
	    (!tr->probe && !destination_open(&l->destination, now)))
		return false;
	if (oauth != NULL)
		token = oauth_token(oauth, clock_mono_ms());
	if (token == OAUTH_FAILED)
		dispatcher_blame(l, oauth_error(oauth), now);
	return token == OAUTH_READY;
}

static void
send_request(struct dispatcher *l, struct transfer *tr)
{
	const struct profile *profile = l->profile;
	const struct http_request_source from = {
		.config = l->config,
		.credentials = profile->credentials,
		.signing = &profile->signing.secrets,
		.claim = &tr->claim,
		.transformed = tr->pipeline.body.data,
		.transformed_len = tr->pipeline.body.len,
		.now_ms = clock_wall_ms(),
	};
	struct buf why = { 0 };
	CURLcode rc;

	if (http_request_build(&tr->request, &from, &why) == -1) {
		l->in_flight--;
		settle_unsent(l, tr, DELIVERY_HELD, why.data, why.data);
		buf_free(&why);
		return;
	}
	if (!outbox_start(l->engine->mailbox.outbox, &tr->claim.ticket,
	    from.now_ms)) {
		l->in_flight--;
		let_go(l, tr);
		return;
	}
	tr->token = profile->oauth != NULL ? oauth_serial(profile->oauth) : 0;
	tr->era = l->destination.era;
	limit_spend(&l->limit, clock_steady_ms());
	counters_add(l->engine->counters, attempts);
	if ((rc = transfer_start(tr, l->engine->multi)) != CURLE_OK)
		ended(&tr->task, rc);
}

/* No lead of this destination can be prepared.  Of many at once, one tells it. */
static void
in_trouble(struct dispatcher *l, const struct transfer *tr)
{
	struct destination_verdict v;

	if (!tr->probe && l->destination.state.paused_ms != 0)
		return;
	destination_blame(&l->destination, tr->pipeline.reason.data,
	    clock_steady_ms(), &v);
	log_turn(l, &v);
}

/* when and transform are through. */
static void
prepared(struct pipeline *p, enum pipeline_end end)
{
	struct transfer *tr = p->owner;
	struct dispatcher *l = tr->owner;
	char said[32];

	l->preparing--;
	if (end == PIPELINE_ON && may_send(l, tr)) {
		send_request(l, tr);
		return;
	}
	l->in_flight--;
	switch (end) {
	case PIPELINE_SKIP:
		settle_unsent(l, tr, DELIVERY_SKIPPED, p->reason.data,
		    programs_name(p->which));
		break;
	case PIPELINE_HOLD:
		(void)snprintf(said, sizeof(said), "%s failed",
		    programs_name(p->which));
		settle_unsent(l, tr, DELIVERY_HELD, p->reason.data, said);
		break;
	case PIPELINE_TROUBLE:
		in_trouble(l, tr);
		/* FALLTHROUGH */
	default:
		let_go(l, tr);
		break;
	}
}

void
attempt_begin(struct dispatcher *l, struct delivery_claim *claim, bool probe)
{
	struct transfer *tr;

	if ((tr = take_transfer(l)) == NULL) {
		claims_let_go(&l->claims, claim);
		return;
	}
	tr->claim = *claim;
	tr->probe = probe;
	l->probing |= probe;
	tr->next = l->sending;
	l->sending = tr;
	l->in_flight++;
	l->preparing++;
	tr->pipeline.owner = tr;
	pipeline_out(&tr->pipeline, l->profile->programs, &tr->claim, prepared);
}

/* Is it with the programs before it is sent? */
static bool
is_preparing(const struct transfer *tr)
{
	return tr->pipeline.busy && tr->pipeline.out;
}

void
attempts_give_back(struct dispatcher *l)
{
	struct transfer *tr, *next;

	for (tr = l->sending; tr != NULL; tr = next) {
		next = tr->next;
		if (!is_preparing(tr))
			continue;
		pipeline_cancel(&tr->pipeline);
		l->preparing--;
		l->in_flight--;
		let_go(l, tr);
	}
}

void
attempts_leave(struct dispatcher *l)
{
	attempts_give_back(l);
	l->left += l->in_flight;
	l->in_flight = 0;
	l->probing = false;
}

void
attempts_cancel(struct dispatcher *l)
{
	struct transfer *tr, *next;

	for (tr = l->sending; tr != NULL; tr = next) {
		next = tr->next;
		if (!tr->under_way && !tr->pipeline.busy)
			continue;		/* its verdict is being looked for */
		if (tr->under_way || is_preparing(tr))
			leave_place(l, tr);
		l->preparing -= is_preparing(tr);
		pipeline_cancel(&tr->pipeline);
		transfer_cancel(tr, l->engine->multi);
		rest(l, tr);
	}
}
