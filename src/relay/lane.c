#include "relay/lane.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "config/config.h"
#include "outbox/event.h"
#include "relay/claims.h"
#include "relay/classify.h"
#include "relay/credentials.h"
#include "relay/destination.h"
#include "relay/engine.h"
#include "relay/limit.h"
#include "relay/schedule.h"
#include "relay/settler.h"
#include "relay/transfer.h"
#include "relay/transport.h"

#define AHEAD_MAX 128		/* deliveries taken before there is a place for them */
#define UNSETTLED_MAX 512	/* outcomes not on disk: then no more is taken */
#define DUE_BATCH 500		/* made due by one job */
#define REFRESH_MS 1000		/* how often the credentials' files are looked at */
#define LIMIT_AHEAD_MS 50	/* deliveries are taken so long before a limit lets them go */
#define ONCE_PATIENCE_MS 5000	/* relay --once waits so long for a limit */

/* How many leads got through since a transfer's lead first failed? */
struct others_job {
	struct mailbox_job job;
	struct lane *lane;
	struct transfer *transfer;
	struct transfer_end end;
	struct destination_attempt attempt;
	int count;
};

/* After a recovery: what waits for later is made due. */
struct due_job {
	struct mailbox_job job;
	struct lane *lane;
	int64_t now_ms;
	size_t count;
	bool busy;
};

struct lane {
	struct engine *engine;
	const struct config_destination *config;
	struct credentials *credentials;
	struct destination destination;
	struct limit limit;
	struct claims claims;
	struct settler settler;
	struct due_job due;

	struct transfer *sending;	/* under way, or waiting for others_job */
	struct transfer *pool;		/* at rest */
	int64_t in_flight;
	size_t asking;			/* others_jobs under way */
	bool probing;			/* a probe is under way */

	/* How far to take ahead: what is finished while a claim is on its way. */
	bool claiming;
	int64_t finished;		/* since the claim went off */
	int64_t ahead;

	bool ready;			/* credentials complete, URL allowed */
	bool complained;
	int64_t refresh_ms;
};

struct lane *
lane_new(struct engine *engine, const struct config_destination *config,
    int64_t number)
{
	struct lane *l;

	if ((l = calloc(1, sizeof(*l))) == NULL)
		return NULL;
	l->engine = engine;
	l->config = config;
	destination_init(&l->destination, config, number);
	limit_init(&l->limit, config);
	claims_init(&l->claims, &engine->mailbox, number, config->name);
	settler_init(&l->settler, &engine->mailbox, config->name);
	if ((l->credentials = credentials_new(config)) == NULL) {
		lane_free(l);
		return NULL;
	}
	return l;
}

void
lane_free(struct lane *l)
{
	struct transfer *tr;

	if (l == NULL)
		return;
	lane_cancel(l);
	while ((tr = l->pool) != NULL) {
		l->pool = tr->next;
		transfer_free(tr);
	}
	claims_destroy(&l->claims);
	settler_destroy(&l->settler);
	destination_free(&l->destination);
	credentials_free(l->credentials);
	free(l);
}

static void
note_requests(void *arg, int64_t start_ms, int64_t count)
{
	limit_note(arg, start_ms, count);
}

int
lane_load(struct lane *l, struct store *store)
{
	limit_clear(&l->limit);
	if (store->ops->requests(store, l->destination.state.number,
	    clock_wall_ms() - LIMIT_DAY_MS - LIMIT_SPAN_MS, note_requests,
	    &l->limit) == -1)
		return -1;
	free(l->destination.state.pause_reason);
	l->destination.state.pause_reason = NULL;
	if (store->ops->load_state(store, &l->destination.state) == -1)
		return -1;
	destination_loaded(&l->destination);
	return 0;
}

void
lane_look(struct lane *l)
{
	claims_look(&l->claims);
}

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

/* Look at the credentials' files; what is wrong is said once. */
static void
refresh(struct lane *l, int64_t now)
{
	struct buf why = { 0 };
	const char *url;

	if (now >= l->refresh_ms - REFRESH_MS && now < l->refresh_ms)
		return;
	l->refresh_ms = now + REFRESH_MS;
	(void)credentials_refresh(l->credentials, &why);
	l->ready = credentials_complete(l->credentials) &&
	    (url = credentials_url(l->credentials)) != NULL &&
	    transport_check_url(&l->engine->curl, l->config, url, &why) == 0;
	if (why.len != 0 && !l->complained)
		log_err("destination %s: %s: %s", l->config->name,
		    l->ready ? "the former credential stays in use" : "its leads wait",
		    why.data);
	else if (why.len == 0 && l->complained)
		log_info("destination %s: its credentials are good again",
		    l->config->name);
	l->complained = why.len != 0;
	buf_free(&why);
}

/* --- outcomes ------------------------------------------------------------- */

/* Not begun after all: it waits as before. */
static void
give_back(struct lane *l, struct delivery_claim *claim)
{
	struct delivery_outcome outcome = {
		.delivery = claim->delivery,
		.state = DELIVERY_WAITING,
		.due_ms = claim->received_ms,	/* long due, in its order */
		.free_of_charge = true,
		.unknown = claim->unknown,
	};

	(void)settler_add(&l->settler, &outcome);
	delivery_claim_free(claim);
}

static void
give_back_ready(struct lane *l)
{
	struct delivery_claim claim;

	while (claims_next(&l->claims, &claim))
		give_back(l, &claim);
	if (l->claims.probe_ready) {
		l->claims.probe_ready = false;
		give_back(l, &l->claims.probe);
	}
}

/* What a failed claim had in hand may be marked as sending on disk. */
static void
give_back_lost(struct lane *l)
{
	while (l->claims.lost_count != 0)
		give_back(l, &l->claims.lost[--l->claims.lost_count]);
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

/* The transfer's lead is judged: settle it and put the transfer to rest. */
static void
judge(struct lane *l, struct transfer *tr, const struct transfer_end *end,
    const struct destination_attempt *attempt)
{
	static const char echo[] =
	    "already there: an attempt of unknown outcome had arrived";
	struct destination_verdict v;
	struct delivery_outcome outcome;
	struct transfer **p;

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

	if (tr->probe)
		l->probing = false;
	delivery_claim_free(&tr->claim);
	for (p = &l->sending; *p != tr; p = &(*p)->next)
		continue;
	*p = tr->next;
	tr->next = l->pool;
	l->pool = tr;
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

void
lane_ended(struct transfer *tr, CURLcode code)
{
	struct lane *l = tr->owner;
	const struct delivery_claim *claim = &tr->claim;
	struct transfer_end end;
	struct destination_attempt attempt;

	transfer_finish(tr, l->engine->multi, code, &end);
	l->in_flight--;
	l->finished++;
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

	if (tr == NULL)
		return transfer_new(&l->engine->curl, l->config, l->engine->ca_file, l);
	l->pool = tr->next;
	return tr;
}

/* Send ${claim}, which is taken over. */
static void
send_claim(struct lane *l, struct delivery_claim *claim, bool probe)
{
	struct transfer *tr;
	struct buf why = { 0 };
	CURLcode rc;

	if ((tr = take_transfer(l)) == NULL) {
		give_back(l, claim);
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
	l->probing |= probe;
	tr->next = l->sending;
	l->sending = tr;
	l->in_flight++;
	limit_spend(&l->limit, clock_wall_ms());
	counters_add(l->engine->counters, attempts);
	if ((rc = transfer_start(tr, l->engine->multi)) != CURLE_OK)
		lane_ended(tr, rc);
}

static void
send_ready(struct lane *l, int64_t now)
{
	struct delivery_claim claim;

	if (l->claims.probe_ready && limit_room(&l->limit, now, 1) != 0) {
		l->claims.probe_ready = false;
		destination_probed(&l->destination, l->claims.probe.event_seq);
		send_claim(l, &l->claims.probe, true);
	}
	while (destination_open(&l->destination, now) &&
	    l->in_flight < l->destination.window &&
	    limit_room(&l->limit, now, 1) != 0 && claims_next(&l->claims, &claim))
		send_claim(l, &claim, false);
}

/* --- taking --------------------------------------------------------------- */

/* How many more to take now, of those that may go out by ${by_ms}. */
static int64_t
wanted(const struct lane *l, int64_t by_ms)
{
	int64_t window = l->destination.window;
	int64_t ahead = window == l->config->max_concurrent ? l->ahead : 0;
	int64_t have = l->in_flight + (int64_t)l->claims.ready_count;

	int64_t room = limit_room(&l->limit, by_ms,
	    (int64_t)l->claims.ready_count + window + ahead) -
	    (int64_t)l->claims.ready_count;
	int64_t want = window + ahead - have;

	/* When ahead, take in gulps. */
	if (have >= window + (ahead + 1) / 2)
		return 0;
	return room < want ? room : want;
}

/* The same as lane_has_room, with what the limits will let go by ${by_ms}. */
static bool
has_room_by(const struct lane *l, int64_t now_ms, int64_t by_ms)
{
	if (!l->ready || l->claims.busy || l->settler.failing ||
	    settler_pending(&l->settler) > UNSETTLED_MAX)
		return false;
	if (destination_probe_due(&l->destination, now_ms))
		return !l->probing && limit_room(&l->limit, by_ms, 1) != 0;
	return destination_open(&l->destination, now_ms) && wanted(l, by_ms) > 0;
}

bool
lane_has_room(const struct lane *l, int64_t now_ms)
{
	return has_room_by(l, now_ms, now_ms + LIMIT_AHEAD_MS);
}

static void
take(struct lane *l, int64_t now)
{
	if (l->claims.look_ms > now || !lane_has_room(l, now))
		return;
	if (l->destination.state.paused_ms != 0) {
		claims_take_probe(&l->claims, l->destination.state.probe_cursor, now);
		return;
	}
	l->claiming = true;
	l->finished = 0;
	claims_take(&l->claims, (size_t)wanted(l, now + LIMIT_AHEAD_MS), now);
}

/* A claim came back: what was finished meanwhile would have been wanted already. */
static void
adjust_ahead(struct lane *l)
{
	int64_t want = l->finished * 2;

	if (!l->claiming || l->claims.busy)
		return;
	l->claiming = false;
	l->ahead = want > l->ahead / 2 ? want : l->ahead / 2;
	if (l->ahead > AHEAD_MAX)
		l->ahead = AHEAD_MAX;
}

static int
due_run(struct store *store, struct mailbox_job *job)
{
	struct due_job *due = (struct due_job *)job;

	due->count = 0;
	return store->ops->make_due(store, due->lane->destination.state.number,
	    due->now_ms, DUE_BATCH, &due->count);
}

static void
due_finish(struct mailbox_job *job, const struct store_fault *fault)
{
	struct due_job *due = (struct due_job *)job;

	due->busy = false;
	if (fault == NULL && due->count < DUE_BATCH)
		due->lane->destination.make_due = false;
	lane_look(due->lane);
}

static void
make_due(struct lane *l, int64_t now)
{
	if (!l->destination.make_due || l->due.busy || l->settler.failing)
		return;
	l->due.lane = l;
	l->due.now_ms = now;
	l->due.busy = true;
	l->due.job.run = due_run;
	l->due.job.finish = due_finish;
	mailbox_submit(&l->engine->mailbox, &l->due.job);
}

/* When to go on by time alone. */
static int64_t
wake_ms(const struct lane *l, int64_t now_ms)
{
	int64_t wake = destination_wake_ms(&l->destination, now_ms);
	int64_t settle = settler_wake_ms(&l->settler), limit, take;

	if (settle < wake)
		wake = settle;
	limit = limit_next_ms(&l->limit, now_ms);
	if (limit > now_ms && limit < wake &&
	    (l->claims.ready_count != 0 || l->claims.probe_ready))
		wake = limit;
	take = l->claims.look_ms;
	if (take < limit - LIMIT_AHEAD_MS)
		take = limit - LIMIT_AHEAD_MS;
	if (take < wake && has_room_by(l, now_ms, limit))
		wake = take;
	return wake;
}

int64_t
lane_step(struct lane *l, int64_t now_ms, bool stopping)
{
	struct destination *d = &l->destination;

	give_back_lost(l);
	adjust_ahead(l);
	refresh(l, now_ms);
	if (stopping || !l->ready) {
		give_back_ready(l);
	} else {
		send_ready(l, now_ms);
		if (!destination_open(d, now_ms))
			give_back_ready(l);
	}
	/* Settled first, so that a claim right behind sees the leads' next events. */
	if (settler_step(&l->settler, &d->state, &d->changed, now_ms))
		lane_look(l);
	if (!stopping && l->ready) {
		make_due(l, now_ms);
		take(l, now_ms);
	}
	return wake_ms(l, now_ms);
}

void
lane_cancel(struct lane *l)
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

bool
lane_sending(const struct lane *l)
{
	return l->in_flight != 0;
}

bool
lane_unsettled(const struct lane *l)
{
	return l->sending != NULL || l->claims.ready_count != 0 ||
	    l->claims.probe_ready || l->claims.lost_count != 0 ||
	    settler_pending(&l->settler) != 0;
}

bool
lane_due(const struct lane *l, int64_t now_ms)
{
	return l->ready && (lane_unsettled(l) || l->destination.make_due ||
	    (l->claims.look_ms <= now_ms &&
	    has_room_by(l, now_ms, now_ms + ONCE_PATIENCE_MS)));
}
