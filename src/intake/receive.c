/*
 * A webhook goes through the stages on the thread that read it.  What they store is
 * answered by job_done, on the committing thread; all else at once, and all but a
 * probe by finish().
 */
#include "intake/receive.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/counters.h"
#include "base/log.h"
#include "config/config.h"
#include "intake/admin.h"
#include "intake/stages.h"
#include "outbox/outbox.h"

/* --- the end ------------------------------------------------------------- */

/* What became of a request: its log line, and the offset of its counter. */
static const struct outcome {
	const char *what;
	enum log_level level;
	size_t counter;
}
	accepted = { "accepted", LOG_LV_INFO, offsetof(struct counters, accepted) },
	duplicate = { "duplicate", LOG_LV_INFO, offsetof(struct counters, duplicate) },
	held = { "held", LOG_LV_WARN, offsetof(struct counters, held) },
	refused_token = { "refused", LOG_LV_WARN,
	    offsetof(struct counters, refused_token) },
	refused_request = { "refused", LOG_LV_WARN,
	    offsetof(struct counters, refused_request) },
	unavailable = { "unavailable", LOG_LV_ERROR,
	    offsetof(struct counters, unavailable) };

static const struct outcome *
outcome_of(const struct flight *fl)
{
	int status = problem_status(fl->problem);

	if (status >= 500)
		return &unavailable;
	if (fl->out.id[0] == '\0')
		return status == 401 ? &refused_token : &refused_request;
	if (fl->out.fate == EVENT_DUPLICATE)
		return &duplicate;
	return fl->problem == PROBLEM_NONE ? &accepted : &held;
}

/* Count it and log it. */
static void
tell(const struct flight *fl)
{
	const struct outcome *outcome = outcome_of(fl);
	_Atomic uint64_t *counter = (void *)((char *)fl->rx->counters + outcome->counter);
	int64_t took_ms = clock_mono_ms() - fl->rq->arrived_mono_ms;
	const char *reason = fl->reason;

	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
	if (fl->out.fate == EVENT_DUPLICATE && fl->out.revived)
		reason = "dead deliveries are due again";
	log_kv(outcome->level, outcome->what,
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

	tell(fl);
	flight_free(fl);
	rq->respond(rq);
}

static void
finish_problem(struct flight *fl)
{
	problem_answer(&fl->rq->answer, fl->problem, NULL, NULL);
	finish(fl);
}

/* --- the outbox ---------------------------------------------------------- */

static int
job_run(struct store *store, struct outbox_job *job)
{
	struct flight *fl = (struct flight *)job;

	free(fl->out.violations);	/* of an earlier try that was rolled back */
	fl->out = (struct event_out){ 0 };
	return store_accept(store, &fl->in, &fl->out, 1);
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
	bool again = fl->out.fate == EVENT_DUPLICATE;
	const char *errors = NULL;

	fl->problem = problems[fl->out.hold];
	if (fl->problem == PROBLEM_NONE) {
		problem_success(&fl->rq->answer, again, fl->out.id);
		return;
	}
	if (fl->problem == PROBLEM_RULES)
		errors = again ? fl->out.violations : fl->errors.data;
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
		fl->problem = PROBLEM_UNAVAILABLE;
		fl->reason = "the outbox is not open";
		finish_problem(fl);
	}
}

/* --- a probe -------------------------------------------------------------- */

static void
finish_probe(struct flight *fl, const char *store)
{
	struct request *rq = fl->rq;

	front_probe_answer(fl->rx, fl->snapshot->config, &fl->probe, store,
	    &rq->answer);
	flight_free(fl);
	rq->respond(rq);
}

static int
probe_run(struct store *store, struct outbox_job *job)
{
	(void)job;
	return store_try_write(store);
}

static void
probe_done(struct outbox_job *job, const struct store_fault *fault)
{
	finish_probe((struct flight *)job, front_probe_word(fault));
}

static void
probe(struct flight *fl)
{
	struct receiver *rx = fl->rx;
	struct outbox *outbox;

	if (!fl->probe.store) {
		finish_probe(fl, NULL);
	} else if ((outbox = rx->outbox(rx->owner)) == NULL) {
		finish_probe(fl, "not open");
	} else {
		fl->job.run = probe_run;
		fl->job.done = probe_done;
		outbox_submit(outbox, &fl->job);
	}
}

/* --- the whole way ------------------------------------------------------- */

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
	switch (stages_run(fl)) {
	case NEXT_STORE:
		store(fl);
		break;
	case NEXT_PROBE:
		probe(fl);
		break;
	default:
		finish_problem(fl);
	}
}
