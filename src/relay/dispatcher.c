/*
 * A step sends what was taken, writes outcomes, then takes more: in this order, so that a
 * claim sees what the outcomes made due.  It never waits; what comes back (a claim, a
 * settlement, a transfer) is followed by the next step.  Invariant: in_flight never
 * exceeds the destination's window, and nothing is begun while stopping.
 */
#include "relay/dispatcher.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "config/config.h"
#include "http/oauth.h"
#include "outbox/event.h"
#include "relay/attempt.h"
#include "relay/engine.h"
#include "relay/moments.h"
#include "relay/profile.h"

#define AHEAD_MAX 256		/* deliveries taken before there is a place for them */
#define UNSETTLED_MAX 1024	/* outcomes not on disk: then no more is taken */
#define DUE_BATCH 500		/* made due by one job */
#define LOAD_MS 1000		/* between tries to read the destination's state */
#define SKEW_MS 1000		/* by which spans of requests are not moved */
#define LIMIT_AHEAD_MS 50	/* deliveries are taken so long before a limit lets them go */
#define UNSAVED_MS 100		/* when stopping with a refresh token in hand */
#define ONCE_PATIENCE_MS 5000	/* relay --once waits so long for a limit */

/* Work with ${profile} from now on; a former one is kept behind it. */
static void
use_profile(struct dispatcher *d, struct profile *profile)
{
	profile->former = d->profile;
	d->profile = profile;
	d->config = profile->config;
	d->claims.name = d->settlements.destination = d->rotation.name = d->config->name;
	if (profile->oauth != NULL)
		oauth_attach(profile->oauth, &d->rotation.kept);
}

struct dispatcher *
dispatcher_new(struct engine *engine, struct config *config, size_t index,
    int64_t number, struct buf *why)
{
	const char *name = config->destinations[index].name;
	struct profile *profile;
	struct dispatcher *d;

	if ((profile = profile_new(engine, config, index, why)) == NULL)
		return NULL;
	if ((d = calloc(1, sizeof(*d))) == NULL) {
		buf_puts(why, "out of memory");
		profile_free(profile);
		return NULL;
	}
	d->engine = engine;
	destination_init(&d->destination, profile->config, number);
	limit_init(&d->limit, profile->config);
	claims_init(&d->claims, &engine->mailbox, number, name);
	settlements_init(&d->settlements, &engine->mailbox, name);
	rotation_init(&d->rotation, &engine->mailbox, number, name);
	use_profile(d, profile);
	return d;
}

void
dispatcher_free(struct dispatcher *d)
{
	struct profile *profile;

	if (d == NULL)
		return;
	dispatcher_cancel(d);
	while ((profile = d->profile) != NULL) {
		d->profile = profile->former;
		profile_free(profile);
	}
	claims_destroy(&d->claims);
	settlements_destroy(&d->settlements);
	destination_free(&d->destination);
	rotation_destroy(&d->rotation);
	free(d);
}

void
dispatcher_succeed(struct dispatcher *d, struct dispatcher *fresh)
{
	struct profile *profile = fresh->profile;

	if (profile_fits(d->profile, profile)) {
		d->profile->refresh_ms = 0;	/* what is in its files may have changed */
		return;
	}
	attempts_leave(d);
	if (d->profile->oauth != NULL)
		oauth_leave(d->profile->oauth);
	fresh->profile = NULL;
	use_profile(d, profile);
	destination_refit(&d->destination, d->config);
	limit_refit(&d->limit, d->config);
	dispatcher_look(d);
}

/* Where the clock was set since the start, the span counts as long as it may have to. */
static void
note_requests(void *arg, int64_t start_ms, int64_t count)
{
	int64_t skew = clock_steady_of(start_ms) - start_ms;

	if (skew > SKEW_MS || skew < -SKEW_MS)
		start_ms += skew + LIMIT_SPAN_MS - 1;
	limit_note(arg, start_ms, count);
}

int
dispatcher_load(struct dispatcher *d, struct store *store)
{
	int64_t now = clock_wall_ms();
	struct trust trust;

	limit_clear(&d->limit);
	if (store_requests(store, d->destination.state.number,
	    now - LIMIT_DAY_MS - LIMIT_SPAN_MS, now, note_requests,
	    &d->limit) == -1)
		return -1;
	if (rotation_load(&d->rotation, store) == -1)
		return -1;
	free(d->destination.state.pause_reason);
	d->destination.state.pause_reason = NULL;
	if (store_load_state(store, &d->destination.state) == -1 ||
	    store_load_trust(store, &trust) == -1)
		return -1;
	moments_come_in(&d->destination.state, trust.wall_ms);
	destination_loaded(&d->destination);
	d->limit.last_us = d->destination.state.last_request_us;
	d->begun = true;
	return 0;
}

static int
load_run(struct store *store, struct mailbox_job *base)
{
	return dispatcher_load(((struct load_job *)base)->dispatcher, store);
}

static void
load_finish(struct mailbox_job *base, const struct store_fault *fault)
{
	struct load_job *job = (struct load_job *)base;

	job->busy = false;
	job->dispatcher->begun = fault == NULL;
}

void
dispatcher_begin(struct dispatcher *d, int64_t now_ms)
{
	if (d->load.busy || now_ms < d->load_ms)
		return;
	d->load_ms = now_ms + LOAD_MS;
	d->load.dispatcher = d;
	d->load.busy = true;
	d->load.job.run = load_run;
	d->load.job.finish = load_finish;
	mailbox_submit(&d->engine->mailbox, &d->load.job);
}

bool
dispatcher_begun(const struct dispatcher *d)
{
	/* In this order: while it is loaded, the other belongs to that job. */
	return !d->load.busy && d->begun;
}

int64_t
dispatcher_number(const struct dispatcher *d)
{
	return d->claims.destination;
}

void
dispatcher_look(struct dispatcher *d)
{
	claims_look(&d->claims);
}

void
dispatcher_make_due(struct dispatcher *d)
{
	d->destination.state.make_due = d->destination.changed = true;
}

/* --- giving back ---------------------------------------------------------- */

int64_t
dispatcher_due_in_order(const struct delivery_claim *claim)
{
	int64_t now = clock_steady_ms();
	int64_t received = clock_steady_of(claim->received_ms);

	/* Unless the clock was put back since it came, it is long due. */
	return received < now ? received : now;
}

/* What was taken to be sent with others. */
static void
give_back_ring(struct dispatcher *d)
{
	struct delivery_claim claim;

	while (claims_next(&d->claims, &claim))
		claims_let_go(&d->claims, &claim);
}

/* Whatever was taken. */
static void
give_back_ready(struct dispatcher *d)
{
	give_back_ring(d);
	if (d->claims.probe_ready) {
		d->claims.probe_ready = false;
		claims_let_go(&d->claims, &d->claims.probe);
	}
}

/* --- sending -------------------------------------------------------------- */

/*
 * May what was taken be sent, as far as access tokens go?  If not, it waits for
 * one, or goes back: a token that cannot be had is no lead's fault.
 */
static bool
authorized(struct dispatcher *d, int64_t now)
{
	struct oauth *oauth = d->profile->oauth;
	enum oauth_state state;

	if (oauth == NULL)
		return true;
	state = oauth_token(oauth, clock_mono_ms());
	if (state == OAUTH_FAILED) {
		dispatcher_blame(d, oauth_error(oauth), now);
		give_back_ready(d);
	}
	return state == OAUTH_READY;
}

/* Do the limits let another one go, beyond those that are being prepared? */
static bool
is_within_limits(const struct dispatcher *d, int64_t now)
{
	return limit_room(&d->limit, now, d->preparing + 1) > d->preparing;
}

/* How many may be under way at once. */
static int64_t
window(const struct dispatcher *d)
{
	return d->destination.state.window < d->engine->share ?
	    d->destination.state.window : d->engine->share;
}

static void
send_ready(struct dispatcher *d, int64_t now)
{
	struct delivery_claim claim;

	if ((d->claims.ready_count == 0 && !d->claims.probe_ready) ||
	    !authorized(d, now))
		return;
	if (d->claims.probe_ready && is_within_limits(d, now)) {
		d->claims.probe_ready = false;
		destination_probed(&d->destination, d->claims.probe.event_seq);
		attempt_begin(d, &d->claims.probe, true);
	}
	while (destination_open(&d->destination, now) &&
	    d->in_flight < window(d) &&
	    is_within_limits(d, now) && claims_next(&d->claims, &claim))
		attempt_begin(d, &claim, false);
}

/* --- taking --------------------------------------------------------------- */

/* How many more to take now, of those that may go out by ${by_ms}. */
static int64_t
wanted(const struct dispatcher *d, int64_t by_ms)
{
	int64_t places = window(d);
	int64_t ahead = places == d->config->max_concurrent ? d->ahead : 0;
	int64_t ready = (int64_t)d->claims.ready_count;
	int64_t have = d->in_flight + ready, want = places + ahead - have, room;

	/* When ahead, take in gulps. */
	if (have >= places + (ahead + 1) / 2)
		return 0;
	room = limit_room(&d->limit, by_ms, ready + want) - ready;
	return room < want ? room : want;
}

/* The same as dispatcher_has_room, with what the limits will let go by ${by_ms}. */
static bool
has_room_by(const struct dispatcher *d, int64_t now_ms, int64_t by_ms)
{
	if (!dispatcher_begun(d) || !d->profile->ready || d->claims.busy || d->settlements.failing ||
	    settlements_pending(&d->settlements) > UNSETTLED_MAX)
		return false;
	if (destination_probe_due(&d->destination, now_ms))
		return !d->probing && !d->claims.probe_ready &&
		    limit_room(&d->limit, by_ms, 1) != 0;
	return destination_open(&d->destination, now_ms) && wanted(d, by_ms) > 0;
}

bool
dispatcher_has_room(const struct dispatcher *d, int64_t now_ms)
{
	return has_room_by(d, now_ms, now_ms + LIMIT_AHEAD_MS);
}

static bool
may_take(const struct dispatcher *d, int64_t now)
{
	return d->claims.look_ms <= now && dispatcher_has_room(d, now);
}

static void
take(struct dispatcher *d, int64_t now)
{
	if (!may_take(d, now))
		return;
	if (d->destination.state.paused_ms != 0) {
		claims_take_probe(&d->claims, d->destination.state.probe_cursor);
		return;
	}
	d->claiming = true;
	d->finished = 0;
	claims_take(&d->claims, (size_t)wanted(d, now + LIMIT_AHEAD_MS));
}

/* A claim came back: what was finished meanwhile would have been wanted already. */
static void
adjust_ahead(struct dispatcher *d)
{
	int64_t want = d->finished * 2;

	if (!d->claiming || d->claims.busy)
		return;
	d->claiming = false;
	d->ahead = want > d->ahead / 2 ? want : d->ahead / 2;
	if (d->ahead > AHEAD_MAX)
		d->ahead = AHEAD_MAX;
}

static int
due_run(struct store *store, struct mailbox_job *job)
{
	struct due_job *due = (struct due_job *)job;

	due->count = 0;
	return store_make_due(store, due->dispatcher->destination.state.number,
	    due->now_ms, DUE_BATCH, &due->count);
}

static void
due_finish(struct mailbox_job *job, const struct store_fault *fault)
{
	struct due_job *due = (struct due_job *)job;

	due->busy = false;
	if (fault == NULL && due->count < DUE_BATCH) {
		due->dispatcher->destination.state.make_due = 0;
		due->dispatcher->destination.changed = true;
	}
	dispatcher_look(due->dispatcher);
}

static void
make_due(struct dispatcher *d)
{
	if (!d->destination.state.make_due || d->due.busy || d->settlements.failing)
		return;
	d->due.dispatcher = d;
	d->due.now_ms = clock_wall_ms();
	d->due.busy = true;
	d->due.job.run = due_run;
	d->due.job.finish = due_finish;
	mailbox_submit(&d->engine->mailbox, &d->due.job);
}

/* When to go on by time alone. */
static int64_t
wake_ms(const struct dispatcher *d, int64_t now_ms)
{
	int64_t wake = destination_wake_ms(&d->destination, now_ms);
	int64_t settle = settlements_wake_ms(&d->settlements), limit, take;

	if (settle < wake)
		wake = settle;
	limit = limit_next_ms(&d->limit, now_ms);
	if (limit > now_ms && limit < wake &&
	    (d->claims.ready_count != 0 || d->claims.probe_ready))
		wake = limit;
	take = d->claims.look_ms;
	if (take < limit - LIMIT_AHEAD_MS)
		take = limit - LIMIT_AHEAD_MS;
	if (take < wake && has_room_by(d, now_ms, limit))
		wake = take;
	return wake;
}

/* Put away the former profiles that are done with. */
static void
free_former(struct dispatcher *d)
{
	struct profile **place = &d->profile->former, *former;

	while ((former = *place) != NULL) {
		if (!profile_idle(former)) {
			place = &former->former;
			continue;
		}
		*place = former->former;
		profile_free(former);
	}
}

/* When to come again for what dispatchers alone do not wake for. */
static int64_t
step_wake_ms(const struct dispatcher *d, int64_t now_ms, bool stopping)
{
	int64_t wake = stopping ? settlements_wake_ms(&d->settlements) : wake_ms(d, now_ms);

	if (stopping && !rotation_saved(&d->rotation) && wake > now_ms + UNSAVED_MS)
		wake = now_ms + UNSAVED_MS;
	return wake;
}

int64_t
dispatcher_step(struct dispatcher *d, int64_t now_ms, bool stopping)
{
	struct destination *dest = &d->destination;
	bool hurry;

	if (!dispatcher_begun(d))
		return INT64_MAX;
	d->stopping = stopping;
	if (d->settlements.due)
		dispatcher_look(d);
	d->settlements.due = false;
	adjust_ahead(d);
	profile_refresh(d->profile, now_ms);
	rotation_step(&d->rotation, stopping);
	free_former(d);
	if (stopping || !d->profile->ready) {
		attempts_give_back(d);
		give_back_ready(d);
	} else {
		send_ready(d, now_ms);
		if (!destination_open(dest, now_ms))
			give_back_ring(d);
	}
	/*
	 * While there is enough to send, outcomes wait a moment for the next
	 * claim, to be written by the same commit.  They go first, so that the
	 * claim sees the leads' next events.
	 */
	hurry = stopping || d->claims.ready_count == 0 || may_take(d, now_ms);
	dest->state.last_request_us = d->limit.last_us;
	if ((settlements_pending(&d->settlements) != 0 || dest->changed) &&
	    settlements_step(&d->settlements, &dest->state, &dest->changed, hurry, now_ms,
	    engine_wall_ms(d->engine)))
		dispatcher_look(d);
	if (!stopping && d->profile->ready) {
		make_due(d);
		take(d, now_ms);
	}
	return step_wake_ms(d, now_ms, stopping);
}

void
dispatcher_cancel(struct dispatcher *d)
{
	struct profile *profile;

	attempts_cancel(d);
	for (profile = d->profile; profile != NULL; profile = profile->former)
		if (profile->oauth != NULL)
			oauth_cancel(profile->oauth);
}

bool
dispatcher_sending(const struct dispatcher *d)
{
	const struct profile *profile;

	for (profile = d->profile; profile != NULL; profile = profile->former)
		if (profile->oauth != NULL && oauth_busy(profile->oauth))
			return true;
	return d->in_flight != 0 || d->left != 0;
}

bool
dispatcher_unsettled(const struct dispatcher *d)
{
	return d->sending != NULL || d->claims.ready_count != 0 ||
	    d->claims.probe_ready || settlements_pending(&d->settlements) != 0 ||
	    !rotation_saved(&d->rotation);
}

bool
dispatcher_finished(const struct dispatcher *d)
{
	return !dispatcher_sending(d) && !dispatcher_unsettled(d) && !d->claims.busy &&
	    !d->settlements.busy && !d->due.busy && !d->load.busy &&
	    d->asking == 0 && !d->destination.changed;
}

bool
dispatcher_due(const struct dispatcher *d, int64_t now_ms)
{
	return dispatcher_begun(d) && d->profile->ready &&
	    (dispatcher_unsettled(d) || d->destination.state.make_due ||
	    (d->claims.look_ms <= now_ms &&
	    has_room_by(d, now_ms, now_ms + ONCE_PATIENCE_MS)));
}
