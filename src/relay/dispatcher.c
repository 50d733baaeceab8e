#include "relay/dispatcher.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "config/config.h"
#include "http/oauth.h"
#include "outbox/event.h"
#include "relay/attempt.h"
#include "relay/dispatcher_state.h"
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
wear(struct dispatcher *l, struct profile *profile)
{
	profile->former = l->profile;
	l->profile = profile;
	l->config = profile->config;
	l->claims.name = l->settlements.destination = l->rotation.name = l->config->name;
	if (profile->oauth != NULL)
		oauth_attach(profile->oauth, &l->rotation);
}

struct dispatcher *
dispatcher_new(struct engine *engine, struct config *config, size_t index,
    int64_t number, struct buf *why)
{
	const char *name = config->destinations[index].name;
	struct profile *profile;
	struct dispatcher *l;

	if ((profile = profile_new(engine, config, index, why)) == NULL)
		return NULL;
	if ((l = calloc(1, sizeof(*l))) == NULL) {
		buf_puts(why, "out of memory");
		profile_free(profile);
		return NULL;
	}
	l->engine = engine;
	destination_init(&l->destination, profile->config, number);
	limit_init(&l->limit, profile->config);
	claims_init(&l->claims, &engine->mailbox, number, name);
	settlements_init(&l->settlements, &engine->mailbox, name);
	rotation_init(&l->rotation, &engine->mailbox, number, name);
	wear(l, profile);
	return l;
}

void
dispatcher_free(struct dispatcher *l)
{
	struct profile *profile;

	if (l == NULL)
		return;
	dispatcher_cancel(l);
	while ((profile = l->profile) != NULL) {
		l->profile = profile->former;
		profile_free(profile);
	}
	claims_destroy(&l->claims);
	settlements_destroy(&l->settlements);
	destination_free(&l->destination);
	rotation_destroy(&l->rotation);
	free(l);
}

void
dispatcher_succeed(struct dispatcher *l, struct dispatcher *fresh)
{
	struct profile *profile = fresh->profile;

	if (profile_fits(l->profile, profile)) {
		l->profile->refresh_ms = 0;	/* what is in its files may have changed */
		return;
	}
	attempts_leave(l);
	if (l->profile->oauth != NULL)
		oauth_leave(l->profile->oauth);
	fresh->profile = NULL;
	wear(l, profile);
	destination_refit(&l->destination, l->config);
	limit_refit(&l->limit, l->config);
	dispatcher_look(l);
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
dispatcher_load(struct dispatcher *l, struct store *store)
{
	int64_t now = clock_wall_ms();
	struct trust trust;

	limit_clear(&l->limit);
	if (store->ops->requests(store, l->destination.state.number,
	    now - LIMIT_DAY_MS - LIMIT_SPAN_MS, now, note_requests,
	    &l->limit) == -1)
		return -1;
	if (rotation_load(&l->rotation, store) == -1)
		return -1;
	free(l->destination.state.pause_reason);
	l->destination.state.pause_reason = NULL;
	if (store->ops->load_state(store, &l->destination.state) == -1 ||
	    store->ops->load_trust(store, &trust) == -1)
		return -1;
	moments_come_in(&l->destination.state, trust.wall_ms);
	destination_loaded(&l->destination);
	l->limit.last_us = l->destination.state.last_request_us;
	l->begun = true;
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
dispatcher_begin(struct dispatcher *l, int64_t now_ms)
{
	if (l->load.busy || now_ms < l->load_ms)
		return;
	l->load_ms = now_ms + LOAD_MS;
	l->load.dispatcher = l;
	l->load.busy = true;
	l->load.job.run = load_run;
	l->load.job.finish = load_finish;
	mailbox_submit(&l->engine->mailbox, &l->load.job);
}

bool
dispatcher_begun(const struct dispatcher *l)
{
	/* In this order: while it is loaded, the other belongs to that job. */
	return !l->load.busy && l->begun;
}

int64_t
dispatcher_number(const struct dispatcher *l)
{
	return l->claims.destination;
}

void
dispatcher_look(struct dispatcher *l)
{
	claims_look(&l->claims);
}

void
dispatcher_make_due(struct dispatcher *l)
{
	l->destination.state.make_due = l->destination.changed = true;
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
give_back_ring(struct dispatcher *l)
{
	struct delivery_claim claim;

	while (claims_next(&l->claims, &claim))
		claims_let_go(&l->claims, &claim);
}

/* Whatever was taken. */
static void
give_back_ready(struct dispatcher *l)
{
	give_back_ring(l);
	if (l->claims.probe_ready) {
		l->claims.probe_ready = false;
		claims_let_go(&l->claims, &l->claims.probe);
	}
}

/* --- sending -------------------------------------------------------------- */

/*
 * May what was taken be sent, as far as access tokens go?  If not, it waits for
 * one, or goes back: a token that cannot be had is no lead's fault.
 */
static bool
authorized(struct dispatcher *l, int64_t now)
{
	struct oauth *oauth = l->profile->oauth;
	enum oauth_state state;

	if (oauth == NULL)
		return true;
	state = oauth_token(oauth, clock_mono_ms());
	if (state == OAUTH_FAILED) {
		dispatcher_blame(l, oauth_error(oauth), now);
		give_back_ready(l);
	}
	return state == OAUTH_READY;
}

/* Do the limits let another one go, beyond those that are being prepared? */
static bool
is_within_limits(const struct dispatcher *l, int64_t now)
{
	return limit_room(&l->limit, now, l->preparing + 1) > l->preparing;
}

static void
send_ready(struct dispatcher *l, int64_t now)
{
	struct delivery_claim claim;

	if ((l->claims.ready_count == 0 && !l->claims.probe_ready) ||
	    !authorized(l, now))
		return;
	if (l->claims.probe_ready && is_within_limits(l, now)) {
		l->claims.probe_ready = false;
		destination_probed(&l->destination, l->claims.probe.event_seq);
		attempt_begin(l, &l->claims.probe, true);
	}
	while (destination_open(&l->destination, now) &&
	    l->in_flight < l->destination.state.window &&
	    is_within_limits(l, now) && claims_next(&l->claims, &claim))
		attempt_begin(l, &claim, false);
}

/* --- taking --------------------------------------------------------------- */

/* How many more to take now, of those that may go out by ${by_ms}. */
static int64_t
wanted(const struct dispatcher *l, int64_t by_ms)
{
	int64_t window = l->destination.state.window;
	int64_t ahead = window == l->config->max_concurrent ? l->ahead : 0;
	int64_t ready = (int64_t)l->claims.ready_count;
	int64_t have = l->in_flight + ready, want = window + ahead - have, room;

	/* When ahead, take in gulps. */
	if (have >= window + (ahead + 1) / 2)
		return 0;
	room = limit_room(&l->limit, by_ms, ready + want) - ready;
	return room < want ? room : want;
}

/* The same as dispatcher_has_room, with what the limits will let go by ${by_ms}. */
static bool
has_room_by(const struct dispatcher *l, int64_t now_ms, int64_t by_ms)
{
	if (!dispatcher_begun(l) || !l->profile->ready || l->claims.busy || l->settlements.failing ||
	    settlements_pending(&l->settlements) > UNSETTLED_MAX)
		return false;
	if (destination_probe_due(&l->destination, now_ms))
		return !l->probing && !l->claims.probe_ready &&
		    limit_room(&l->limit, by_ms, 1) != 0;
	return destination_open(&l->destination, now_ms) && wanted(l, by_ms) > 0;
}

bool
dispatcher_has_room(const struct dispatcher *l, int64_t now_ms)
{
	return has_room_by(l, now_ms, now_ms + LIMIT_AHEAD_MS);
}

static bool
may_take(const struct dispatcher *l, int64_t now)
{
	return l->claims.look_ms <= now && dispatcher_has_room(l, now);
}

static void
take(struct dispatcher *l, int64_t now)
{
	if (!may_take(l, now))
		return;
	if (l->destination.state.paused_ms != 0) {
		claims_take_probe(&l->claims, l->destination.state.probe_cursor);
		return;
	}
	l->claiming = true;
	l->finished = 0;
	claims_take(&l->claims, (size_t)wanted(l, now + LIMIT_AHEAD_MS));
}

/* A claim came back: what was finished meanwhile would have been wanted already. */
static void
adjust_ahead(struct dispatcher *l)
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
	return store->ops->make_due(store, due->dispatcher->destination.state.number,
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
make_due(struct dispatcher *l)
{
	if (!l->destination.state.make_due || l->due.busy || l->settlements.failing)
		return;
	l->due.dispatcher = l;
	l->due.now_ms = clock_wall_ms();
	l->due.busy = true;
	l->due.job.run = due_run;
	l->due.job.finish = due_finish;
	mailbox_submit(&l->engine->mailbox, &l->due.job);
}

/* When to go on by time alone. */
static int64_t
wake_ms(const struct dispatcher *l, int64_t now_ms)
{
	int64_t wake = destination_wake_ms(&l->destination, now_ms);
	int64_t settle = settlements_wake_ms(&l->settlements), limit, take;

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

/* Put away the former profiles that are done with. */
static void
free_former(struct dispatcher *l)
{
	struct profile **place = &l->profile->former, *former;

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
step_wake_ms(const struct dispatcher *l, int64_t now_ms, bool stopping)
{
	int64_t wake = stopping ? settlements_wake_ms(&l->settlements) : wake_ms(l, now_ms);

	if (stopping && !rotation_saved(&l->rotation) && wake > now_ms + UNSAVED_MS)
		wake = now_ms + UNSAVED_MS;
	return wake;
}

int64_t
dispatcher_step(struct dispatcher *l, int64_t now_ms, bool stopping)
{
	struct destination *d = &l->destination;
	bool hurry;

	if (!dispatcher_begun(l))
		return INT64_MAX;
	l->stopping = stopping;
	if (l->settlements.due)
		dispatcher_look(l);
	l->settlements.due = false;
	adjust_ahead(l);
	profile_refresh(l->profile, now_ms);
	rotation_step(&l->rotation, stopping);
	free_former(l);
	if (stopping || !l->profile->ready) {
		attempts_give_back(l);
		give_back_ready(l);
	} else {
		send_ready(l, now_ms);
		if (!destination_open(d, now_ms))
			give_back_ring(l);
	}
	/*
	 * While there is enough to send, outcomes wait a moment for the next
	 * claim, to be written by the same commit.  They go first, so that the
	 * claim sees the leads' next events.
	 */
	hurry = stopping || l->claims.ready_count == 0 || may_take(l, now_ms);
	d->state.last_request_us = l->limit.last_us;
	if ((settlements_pending(&l->settlements) != 0 || d->changed) &&
	    settlements_step(&l->settlements, &d->state, &d->changed, hurry, now_ms,
	    engine_wall_ms(l->engine)))
		dispatcher_look(l);
	if (!stopping && l->profile->ready) {
		make_due(l);
		take(l, now_ms);
	}
	return step_wake_ms(l, now_ms, stopping);
}

void
dispatcher_cancel(struct dispatcher *l)
{
	struct profile *profile;

	attempts_cancel(l);
	for (profile = l->profile; profile != NULL; profile = profile->former)
		if (profile->oauth != NULL)
			oauth_cancel(profile->oauth);
}

bool
dispatcher_sending(const struct dispatcher *l)
{
	const struct profile *profile;

	for (profile = l->profile; profile != NULL; profile = profile->former)
		if (profile->oauth != NULL && oauth_busy(profile->oauth))
			return true;
	return l->in_flight != 0 || l->left != 0;
}

bool
dispatcher_unsettled(const struct dispatcher *l)
{
	return l->sending != NULL || l->claims.ready_count != 0 ||
	    l->claims.probe_ready || settlements_pending(&l->settlements) != 0 ||
	    !rotation_saved(&l->rotation);
}

bool
dispatcher_finished(const struct dispatcher *l)
{
	return !dispatcher_sending(l) && !dispatcher_unsettled(l) && !l->claims.busy &&
	    !l->settlements.busy && !l->due.busy && !l->load.busy &&
	    l->asking == 0 && !l->destination.changed;
}

bool
dispatcher_due(const struct dispatcher *l, int64_t now_ms)
{
	return dispatcher_begun(l) && l->profile->ready &&
	    (dispatcher_unsettled(l) || l->destination.state.make_due ||
	    (l->claims.look_ms <= now_ms &&
	    has_room_by(l, now_ms, now_ms + ONCE_PATIENCE_MS)));
}
