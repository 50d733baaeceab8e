#include "relay/lane_send.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "config/config.h"
#include "outbox/event.h"
#include "relay/classify.h"
#include "relay/credentials.h"
#include "relay/engine.h"
#include "relay/lane_state.h"
#include "relay/oauth.h"
#include "relay/schedule.h"
#include "relay/transfer.h"

/* How many leads got through since a transfer's lead first failed? */
struct others_job {
	struct mailbox_job job;
	struct lane *lane;
	struct transfer *transfer;
	struct transfer_end end;
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

/* This lead cannot be put into the destination's form. */
static void
hold_unsent(struct lane *l, struct delivery_claim *claim, const char *reason)
{
	struct delivery_outcome outcome = {
		.delivery = claim->delivery,
		.state = DELIVERY_HELD,
		.free_of_charge = true,
		.unknown = claim->unknown,
		.reason = reason,
	};

	log_kv(LOG_LV_ERROR, "held", "s:destination", l->config->name, "s:id", claim->id,
	    "s:lead", claim->lead, "s:error", reason, NULL);
	(void)settler_add(&l->settler, &outcome);
	delivery_claim_free(claim);
}

static void
log_turn(const struct lane *l, const struct destination_verdict *v)
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
lane_blame(struct lane *l, const char *error, int64_t now_ms)
{
	struct destination_verdict v;

	log_kv(LOG_LV_WARN, "failed", "s:destination", l->config->name, "s:error",
	    error, NULL);
	destination_blame(&l->destination, error, now_ms, &v);
	log_turn(l, &v);
}

/* One line and one count for each outcome. */
static void
tell(struct lane *l, const struct transfer *tr,
    const struct destination_verdict *v, const struct delivery_outcome *outcome)
{
	struct counters *counters = l->engine->counters;
	enum log_level level = LOG_LV_ERROR;
	const char *what = delivery_state_name(v->state);

	switch (v->state) {
	case DELIVERY_DELIVERED:
		counters_add(counters, delivered);
		level = LOG_LV_INFO;
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
	    "d:status", (long long)outcome->status, "s:error",
	    outcome->reason != NULL ? outcome->reason : outcome->error, "s:probe",
	    tr->probe ? "yes" : NULL, "d:ms", (long long)outcome->took_ms, NULL);
	log_turn(l, v);
}

/* The transfer's delivery is settled. */
static void
put_to_rest(struct lane *l, struct transfer *tr)
{
	struct transfer **p;

	if (tr->probe)
		l->probing = false;
	delivery_claim_free(&tr->claim);
	for (p = &l->sending; *p != tr; p = &(*p)->next)
		continue;
	*p = tr->next;
	tr->next = l->pool;
	l->pool = tr;
}

/* The access token was refused: the lead goes again, with the next one. */
static void
send_again(struct lane *l, struct transfer *tr, const struct transfer_end *end)
{
	struct delivery_outcome outcome = {
		.delivery = tr->claim.delivery,
		.state = DELIVERY_WAITING,
		.due_ms = tr->claim.received_ms,	/* long due, in its order */
		.free_of_charge = true,
		.unknown = tr->claim.unknown,
		.attempted = true,
		.started_ms = tr->started_ms,
		.took_ms = end->took_ms,
		.status = end->status,
		.error = "the access token was refused: fetching a new one",
	};

	log_kv(LOG_LV_WARN, "failed", "s:destination", l->config->name, "s:id",
	    tr->claim.id, "s:lead", tr->claim.lead, "d:status",
	    (long long)end->status, "s:error", outcome.error, NULL);
	(void)settler_add(&l->settler, &outcome);
	put_to_rest(l, tr);
}

/* The transfer's lead is judged: settle it and put the transfer to rest. */
static void
judge(struct lane *l, struct transfer *tr, const struct transfer_end *end,
    const struct destination_attempt *attempt)
{
	static const char echo[] =
	    "already there: an attempt of unknown outcome had arrived";
	struct destination_verdict v;
	struct delivery_outcome outcome;

	destination_judge(&l->destination, attempt, clock_wall_ms(),
	    next_random(l->engine), &v);
	if (tr->answer.len != 0)
		credentials_scrub(l->credentials, tr->answer.data, tr->answer.len);
	outcome = (struct delivery_outcome){
		.delivery = tr->claim.delivery,
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
		.reason = v.reason[0] != '\0' ? v.reason : NULL,
	};
	if (v.state == DELIVERY_DELIVERED && classify_status(l->config->success,
	    l->config->success_count, end->status, false) != CLASSIFY_DELIVERED)
		outcome.error = echo;
	tell(l, tr, &v, &outcome);
	(void)settler_add(&l->settler, &outcome);
	put_to_rest(l, tr);
}

static int
others_run(struct store *store, struct mailbox_job *base)
{
	struct others_job *job = (struct others_job *)base;

	return store->ops->delivered_since(store, job->lane->destination.state.number,
	    job->attempt.first_failure_ms, DESTINATION_OTHERS_MIN, &job->count);
}

static void
others_finish(struct mailbox_job *base, const struct store_fault *fault)
{
	struct others_job *job = (struct others_job *)base;

	if (fault == NULL)
		job->attempt.others = job->count;
	job->lane->asking--;
	judge(job->lane, job->transfer, &job->end, &job->attempt);
	free(job);
}

/* The verdict needs a number from the store.  False: it cannot be asked. */
static bool
ask_others(struct lane *l, struct transfer *tr, const struct transfer_end *end,
    const struct destination_attempt *attempt)
{
	struct others_job *job;

	if ((job = calloc(1, sizeof(*job))) == NULL)
		return false;
	job->job.run = others_run;
	job->job.finish = others_finish;
	job->lane = l;
	job->transfer = tr;
	job->end = *end;
	job->attempt = *attempt;
	l->asking++;
	mailbox_submit(&l->engine->mailbox, &job->job);
	return true;
}

static void
ended(struct engine_task *task, CURLcode code)
{
	struct transfer *tr = (struct transfer *)task;
	struct lane *l = tr->owner;
	const struct delivery_claim *claim = &tr->claim;
	struct transfer_end end;
	struct destination_attempt attempt;

	transfer_finish(tr, l->engine->multi, code, &end);
	l->in_flight--;
	l->finished++;
	if (l->oauth != NULL && oauth_answered(l->oauth, tr->token, end.status)) {
		send_again(l, tr, &end);
		return;
	}
	attempt = (struct destination_attempt){
		.lead = destination_lead(claim->source, claim->lead),
		.probe = tr->probe,
		.attempts = claim->attempts,
		.first_attempt_ms = claim->first_attempt_ms != 0 ?
		    claim->first_attempt_ms : tr->started_ms,
		.first_failure_ms = claim->first_failure_ms,
		.class = end.status != 0 ?
		    classify_status(l->config->success, l->config->success_count,
		    end.status, claim->unknown) :
		    classify_error(end.code, end.sending),
		.status = end.status,
		.error = end.error,
		.retry_after_ms = schedule_retry_after(tr->retry_after, clock_wall_ms()),
	};
	if (destination_asks_others(&l->destination, &attempt) &&
	    ask_others(l, tr, &end, &attempt))
		return;
	judge(l, tr, &end, &attempt);
}

/* --- sending -------------------------------------------------------------- */

static struct transfer *
take_transfer(struct lane *l)
{
	struct transfer *tr = l->pool;

	if (tr != NULL) {
		l->pool = tr->next;
		return tr;
	}
	tr = transfer_new(&l->engine->curl, l->config, l->engine->ca_file, l);
	if (tr != NULL)
		tr->task.ended = ended;
	return tr;
}

void
lane_send(struct lane *l, struct delivery_claim *claim, bool probe)
{
	struct transfer *tr;
	struct buf why = { 0 };
	CURLcode rc;

	if ((tr = take_transfer(l)) == NULL) {
		lane_give_back(l, claim);
		return;
	}
	if (outgoing_build(&tr->request, l->config, l->credentials, claim, &why) == -1) {
		hold_unsent(l, claim, why.data);
		tr->next = l->pool;
		l->pool = tr;
		buf_free(&why);
		return;
	}
	tr->claim = *claim;
	tr->probe = probe;
	tr->token = l->oauth != NULL ? oauth_serial(l->oauth) : 0;
	l->probing |= probe;
	tr->next = l->sending;
	l->sending = tr;
	l->in_flight++;
	limit_spend(&l->limit, clock_wall_ms());
	counters_add(l->engine->counters, attempts);
	if ((rc = transfer_start(tr, l->engine->multi)) != CURLE_OK)
		ended(&tr->task, rc);
}

void
lane_send_cancel(struct lane *l)
{
	struct transfer *tr, **p = &l->sending;

	while ((tr = *p) != NULL) {
		if (!tr->under_way) {		/* its verdict is being looked for */
			p = &tr->next;
			continue;
		}
		transfer_cancel(tr, l->engine->multi);
		l->in_flight--;
		delivery_claim_free(&tr->claim);
		*p = tr->next;
		tr->next = l->pool;
		l->pool = tr;
	}
}
