/*
 * judge_delivered ends a pause and every run; judge_refused makes the lead dead, and
 * pauses at the third in a row; judge_passing lets it wait, and pauses after a run;
 * judge_fault pauses at once, or holds a lead that alone is refused; judge_nothing, for
 * probes and what a pause overtook, decides nothing about the lead.  retry_or_dead says
 * whether a lead still has time.  The pause itself is pause_destination, its end recover.
 */
#include "relay/destination.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/text.h"
#include "config/config.h"
#include "relay/retry.h"

void
destination_init(struct destination *d, const struct config_destination *config,
    int64_t number)
{
	memset(d, 0, sizeof(*d));
	d->config = config;
	d->state.number = number;
	d->state.window = config->max_concurrent;
}

void
destination_free(struct destination *d)
{
	free(d->state.pause_reason);
	d->state.pause_reason = NULL;
}

void
destination_loaded(struct destination *d)
{
	struct destination_state *state = &d->state;

	/* Refused by a version that did not note whom: lead 0 differs from all that come. */
	if (state->refused_leads > DESTINATION_REFUSED_KEPT)
		state->refused_leads = DESTINATION_REFUSED_KEPT;
	if (state->paused_ms != 0)
		state->window = 1;
	else if (state->window <= 0 || state->window > d->config->max_concurrent)
		state->window = d->config->max_concurrent;
	d->changed = false;
}

void
destination_refit(struct destination *d, const struct config_destination *config)
{
	if (d->state.window == d->config->max_concurrent ||
	    d->state.window > config->max_concurrent)
		d->state.window = config->max_concurrent;
	d->config = config;
	d->era++;
}

/* Over both names, their NULs included. */
uint64_t
destination_lead(const char *source, const char *lead)
{
	uint64_t hash = digest_fnv1a(DIGEST_FNV1A, source, strlen(source) + 1);

	hash = digest_fnv1a(hash, lead, strlen(lead) + 1);
	return hash != 0 ? hash : 1;
}

/*
 * Is the moment ${at} yet to come?  One further off than it can have been set
 * was set by a clock that has been put back since: it counts as past.
 */
static bool
ahead(int64_t at, int64_t now, int64_t max)
{
	return at > now && at - now <= max;
}

static bool
throttled(const struct destination *d, int64_t now)
{
	return ahead(d->state.not_before_ms, now, CONFIG_RETRY_AFTER_MAX_MS);
}

static int64_t
probe_pause(const struct destination *d)
{
	return retry_pause(d->config->probe_ms, d->config->probe_count,
	    d->state.probes + 1);
}

static bool
probe_ahead(const struct destination *d, int64_t now)
{
	return ahead(d->state.next_probe_ms, now, probe_pause(d));
}

bool
destination_open(const struct destination *d, int64_t now_ms)
{
	return d->state.paused_ms == 0 && !throttled(d, now_ms);
}

bool
destination_probe_due(const struct destination *d, int64_t now_ms)
{
	return d->state.paused_ms != 0 && !throttled(d, now_ms) &&
	    !probe_ahead(d, now_ms);
}

int64_t
destination_wake_ms(const struct destination *d, int64_t now_ms)
{
	int64_t wake = INT64_MAX;

	if (d->state.paused_ms != 0 && probe_ahead(d, now_ms))
		wake = d->state.next_probe_ms;
	if (throttled(d, now_ms) &&
	    (wake == INT64_MAX || d->state.not_before_ms > wake))
		wake = d->state.not_before_ms;
	return wake;
}

void
destination_probed(struct destination *d, int64_t event_seq)
{
	d->state.probe_cursor = event_seq;
	d->changed = true;
}

/* Was it under way when a pause began, or when the settings changed? */
static bool
overtaken(const struct destination *d, const struct destination_attempt *a)
{
	return d->state.paused_ms != 0 || a->era != d->era;
}

bool
destination_asks_others(const struct destination *d,
    const struct destination_attempt *a)
{
	return a->class == CLASSIFY_DESTINATION && a->status != 0 && !a->probe &&
	    !overtaken(d, a) && a->first_failure_ms != 0 &&
	    d->state.last_success_ms >= a->first_failure_ms;
}

/* "status 503", or what went wrong instead of an answer. */
static void
describe(const struct destination_attempt *a, char *out, size_t size)
{
	if (a->status != 0)
		(void)snprintf(out, size, "status %d", a->status);
	else
		(void)snprintf(out, size, "%s", a->error != NULL ? a->error : "no answer");
}

static void
give_reason(struct destination *d, const char *reason, struct destination_verdict *v)
{
	free(d->state.pause_reason);
	d->state.pause_reason = strdup(reason);	/* NULL only costs the words */
	v->turn = DESTINATION_PAUSED;
}

static void
pause_destination(struct destination *d, const char *reason, int64_t now,
    struct destination_verdict *v)
{
	if (d->state.paused_ms != 0)
		return;
	d->state.paused_ms = now;
	give_reason(d, reason, v);
	d->state.probes = 0;
	d->state.next_probe_ms = now + probe_pause(d);
	d->state.make_due = 0;
	d->era++;
}

static void
recover(struct destination *d, int64_t now, struct destination_verdict *v)
{
	v->turn = DESTINATION_RECOVERED;
	v->paused_for_ms = now - d->state.paused_ms;
	d->state.paused_ms = 0;
	free(d->state.pause_reason);
	d->state.pause_reason = NULL;
	d->state.probes = 0;
	d->state.next_probe_ms = 0;
	d->state.recovered_ms = now;
	d->state.make_due = 1;
	d->state.window = 1;
}

/* What goes on over a success: nothing of a run, and no refusals in a row. */
static void
end_runs(struct destination_state *state)
{
	state->failures = state->failed_lead = 0;
	state->failed_several = state->failed_fresh = 0;
	state->refused_leads = 0;
	memset(state->refused, 0, sizeof(state->refused));
}

static void
judge_delivered(struct destination *d, const struct destination_attempt *a,
    int64_t now, struct destination_verdict *v)
{
	v->state = DELIVERY_DELIVERED;
	if (d->state.paused_ms != 0) {
		recover(d, now, v);
	} else if (d->state.failed_several) {
		d->state.recovered_ms = now;
		d->state.window = 1;
	} else if (d->state.window < d->config->max_concurrent && !overtaken(d, a)) {
		d->state.window++;		/* so it doubles with every round */
	}
	if (d->state.failed_fresh)
		d->state.make_due = 1;
	end_runs(&d->state);
	d->state.last_success_ms = now;
}

/* Was the lead refused in this row before? */
static bool
refused_before(const struct destination_state *state, uint64_t lead)
{
	int64_t i;

	for (i = 0; i < state->refused_leads && i < DESTINATION_REFUSED_KEPT; i++)
		if (state->refused[i] == (int64_t)lead)
			return true;
	return false;
}

static void
judge_refused(struct destination *d, const struct destination_attempt *a,
    int64_t now, struct destination_verdict *v)
{
	char reason[sizeof(v->reason)];
	struct destination_state *state = &d->state;

	v->state = DELIVERY_DEAD;
	(void)snprintf(v->reason, sizeof(v->reason), "refused with status %d", a->status);
	if (refused_before(state, a->lead))
		return;
	if (state->refused_leads < DESTINATION_REFUSED_KEPT)
		state->refused[state->refused_leads] = (int64_t)a->lead;
	if (state->refused_leads < DESTINATION_REFUSED_MAX)
		state->refused_leads++;
	if (state->refused_leads == DESTINATION_REFUSED_MAX) {
		(void)snprintf(reason, sizeof(reason),
		    "it refuses everything (status %d): mapping?", a->status);
		pause_destination(d, reason, now, v);
	}
}

static void
count_failure(struct destination_state *state, const struct destination_attempt *a)
{
	if (state->failed_lead == 0)
		state->failed_lead = (int64_t)a->lead;
	else if (state->failed_lead != (int64_t)a->lead)
		state->failed_several = 1;
	state->failures++;
}

static void
note_fresh(struct destination_state *state, const struct destination_attempt *a)
{
	if (a->first_failure_ms == 0 || a->first_failure_ms > state->last_success_ms)
		state->failed_fresh = 1;
}

/* The lead waits: for its next turn, or for ever when its time is up. */
static void
retry_or_dead(const struct destination *d, const struct destination_attempt *a,
    int64_t now, uint32_t random, struct destination_verdict *v)
{
	char last[96], age[TEXT_DURATION_SIZE];

	if (retry_given_up(a->first_attempt_ms, d->state.recovered_ms,
	    d->config->retry_for_ms, a->sure_ms)) {
		describe(a, last, sizeof(last));
		v->state = DELIVERY_DEAD;
		v->free_of_charge = false;
		(void)snprintf(v->reason, sizeof(v->reason), "given up after %s: %s",
		    text_format_duration(now - a->first_attempt_ms, age), last);
		return;
	}
	v->state = DELIVERY_WAITING;
	v->due_ms = a->retry_after_ms != 0 ? now + a->retry_after_ms :
	    now + retry_jitter(retry_pause(d->config->retry_ms,
	    d->config->retry_count, a->attempts), random);
}

/* Retry-After speaks for the whole destination; the latest moment holds. */
static void
obey_retry_after(struct destination *d, const struct destination_attempt *a,
    int64_t now)
{
	if (a->retry_after_ms == 0)
		return;
	if (!throttled(d, now) || d->state.not_before_ms < now + a->retry_after_ms)
		d->state.not_before_ms = now + a->retry_after_ms;
}

static void
judge_passing(struct destination *d, const struct destination_attempt *a,
    int64_t now, uint32_t random, struct destination_verdict *v)
{
	char reason[sizeof(v->reason)], last[96];

	v->free_of_charge = a->retry_after_ms != 0;
	retry_or_dead(d, a, now, random, v);
	note_fresh(&d->state, a);
	if (a->retry_after_ms != 0) {
		/* It says itself when to come again: no sign of being down. */
		obey_retry_after(d, a, now);
		d->state.window = 1;
		return;
	}
	count_failure(&d->state, a);
	if (d->state.failures >= DESTINATION_RUN_MAX && d->state.failed_several) {
		describe(a, last, sizeof(last));
		(void)snprintf(reason, sizeof(reason), "%lld failures in a row, the last: %s",
		    (long long)d->state.failures, last);
		pause_destination(d, reason, now, v);
	}
}

static void
judge_fault(struct destination *d, const struct destination_attempt *a,
    int64_t now, uint32_t random, struct destination_verdict *v)
{
	char reason[sizeof(v->reason)];

	if (destination_asks_others(d, a) && a->others >= DESTINATION_OTHERS_MIN) {
		v->state = DELIVERY_HELD;
		(void)snprintf(v->reason, sizeof(v->reason),
		    "status %d for this lead, while others are delivered", a->status);
		return;
	}
	retry_or_dead(d, a, now, random, v);
	obey_retry_after(d, a, now);
	note_fresh(&d->state, a);
	count_failure(&d->state, a);
	describe(a, reason, sizeof(reason));
	pause_destination(d, reason, now, v);
}

/* A try to end the pause failed: the next one, later. */
static void
count_probe(struct destination *d, int64_t now)
{
	if (d->state.paused_ms == 0)
		return;			/* something else got through meanwhile */
	d->state.probes++;
	d->state.next_probe_ms = now + probe_pause(d);
}

/* No verdict on the lead: it waits in its order, and nothing was spent. */
static void
judge_nothing(struct destination *d, const struct destination_attempt *a,
    int64_t now, struct destination_verdict *v)
{
	v->state = DELIVERY_WAITING;
	v->due_ms = a->received_ms < now ? a->received_ms : now;
	v->free_of_charge = true;
	obey_retry_after(d, a, now);
}

void
destination_judge(struct destination *d, const struct destination_attempt *a,
    int64_t now_ms, uint32_t random, struct destination_verdict *v)
{
	memset(v, 0, sizeof(*v));
	d->changed = true;
	if (a->class == CLASSIFY_DELIVERED) {
		judge_delivered(d, a, now_ms, v);
		return;
	}
	if (a->probe || overtaken(d, a)) {
		judge_nothing(d, a, now_ms, v);
		if (a->probe && a->era == d->era)
			count_probe(d, now_ms);
		return;
	}
	switch (a->class) {
	case CLASSIFY_LEAD:
		judge_refused(d, a, now_ms, v);
		break;
	case CLASSIFY_DESTINATION:
		judge_fault(d, a, now_ms, random, v);
		break;
	case CLASSIFY_PASSING:
	default:
		judge_passing(d, a, now_ms, random, v);
		break;
	}
}

void
destination_blame(struct destination *d, const char *reason, int64_t now_ms,
    struct destination_verdict *v)
{
	memset(v, 0, sizeof(*v));
	d->changed = true;
	if (d->state.paused_ms == 0) {
		pause_destination(d, reason, now_ms, v);
		return;
	}
	count_probe(d, now_ms);
	if (d->state.pause_reason == NULL ||
	    strcmp(d->state.pause_reason, reason) != 0)
		give_reason(d, reason, v);
}
