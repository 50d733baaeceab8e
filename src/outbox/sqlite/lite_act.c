/*
 * lite_act: what a person does to an event: retry, release, discard.
 *
 * An event that is held has no deliveries yet; releasing it makes them.  Of an
 * accepted one each delivery is judged by itself, and the answer is about the
 * first that could not be changed when none could.
 */
#include "outbox/sqlite/lite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct act {
	struct lite *lt;
	enum store_action action;
	unsigned how;
	int64_t now_ms;
	struct store_act_out *out;
};

unsigned
lite_act_states(enum store_action action)
{
	static const unsigned states[] = {
		[STORE_RETRY] = 1u << DELIVERY_WAITING | 1u << DELIVERY_DEAD |
		    1u << DELIVERY_HELD,
		[STORE_RELEASE] = 1u << DELIVERY_HELD,
		[STORE_DISCARD] = 1u << DELIVERY_WAITING |
		    1u << DELIVERY_DEAD | 1u << DELIVERY_HELD
	};

	return states[action];
}

/* Note why a delivery stays as it is; the first reason stands, or what supersedes. */
static int
refuse(struct act *a, enum store_act_result result, const char *detail)
{
	struct store_act_out *out = a->out;

	if (out->result != STORE_ACT_DONE &&
	    (result != STORE_ACT_SUPERSEDED ||
	    out->result == STORE_ACT_SUPERSEDED))
		return 0;
	out->result = result;
	free(out->detail);
	out->detail = NULL;
	if (detail != NULL && (out->detail = strdup(detail)) == NULL)
		return lite_fault_memory(a->lt);
	return 0;
}

/*
 * May an event of ${lead} older than others go to ${destination} (again)?
 * 1 yes; 0 no, which has been noted.
 */
static int
may_go(struct act *a, int64_t lead, int64_t event, int64_t destination)
{
	struct lite *lt = a->lt;
	sqlite3_stmt *s;
	int rc;

	if (lite_taken_stop_newer(lt, lead, LITE_DELIVERY(event, destination)))
		return refuse(a, STORE_ACT_SENDING,
		    "a newer one is being sent");
	if (a->how & STORE_FORCE)
		return 1;
	s = LITE_GET(lt, LITE_NEWER_DELIVERED, lead, destination, event);
	if ((rc = lite_sql_step(lt, s)) != 1)
		return rc == -1 ? -1 : 1;
	if (a->out->result != STORE_ACT_SUPERSEDED)
		snprintf(a->out->other, sizeof(a->out->other), "%s",
		    lite_sql_column(s, 0));
	sqlite3_reset(s);
	return refuse(a, STORE_ACT_SUPERSEDED, NULL);
}

/* A held event is none any more; ${closed}: since when it is over, or 0. */
static int
set_event(struct lite *lt, int64_t event, int state, int64_t closed,
    const char *note)
{
	sqlite3_stmt *s = LITE_GET(lt, LITE_EVENT_SET, event, state, closed,
	    closed != 0);

	lite_sql_bind(s, 5, note);
	return lite_sql_step(lt, s);
}

/* Release a held event: accepted from now on, with a delivery everywhere. */
static int
release_event(struct act *a, int64_t event, int64_t lead)
{
	struct lite *lt = a->lt;
	int rc;

	if (lt->destination_count == 0)
		return refuse(a, STORE_ACT_NOTHING,
		    "no destination is configured");
	for (size_t i = 0; i < lt->destination_count; i++)
		if ((rc = may_go(a, lead, event,
		    lt->destinations[i].number)) != 1)
			return rc;
	a->out->changed = (int)lt->destination_count;
	if (a->how & STORE_DRY_RUN)
		return 0;
	if (lite_room_held(lt, lead, -1) == -1 ||
	    set_event(lt, event, LITE_EVENT_ACCEPTED, 0, "released") == -1)
		return -1;
	lt->head.open++;		/* loaded and changed by the former */
	return lite_delivery_make(lt, event, lead, a->now_ms, false);
}

int
lite_act_discard(struct lite *lt, int64_t event, int64_t lead, const char *note,
    int64_t now_ms)
{
	if (lite_room_held(lt, lead, -1) == -1 || lite_clock_floor(lt, &now_ms) == -1)
		return -1;
	return set_event(lt, event, LITE_EVENT_DISCARDED, now_ms, note);
}

static int
act_on_held(struct act *a, int64_t event, int64_t lead)
{
	if (a->action == STORE_RELEASE)
		return release_event(a, event, lead);
	if (a->action != STORE_DISCARD)
		return refuse(a, STORE_ACT_NOTHING, "held: release or discard it");
	a->out->changed = 1;
	return a->how & STORE_DRY_RUN ? 0 : lite_act_discard(a->lt, event, lead,
	    "discarded", a->now_ms);
}

static int
act_on_delivery(struct act *a, struct lite_delivery *d)
{
	int rc;

	if (d->sending)
		return refuse(a, STORE_ACT_SENDING, "being sent");
	if ((lite_act_states(a->action) & 1u << d->state) == 0)
		return refuse(a, STORE_ACT_NOTHING,
		    delivery_state_name(d->state));
	if (a->action != STORE_DISCARD && d->state != DELIVERY_WAITING &&
	    (rc = may_go(a, d->lead, LITE_EVENT_OF(d->number),
	    LITE_DESTINATION_OF(d->number))) != 1)
		return rc;
	a->out->changed++;
	if (a->how & STORE_DRY_RUN)
		return 0;
	if (a->action == STORE_DISCARD)
		return lite_delivery_move(a->lt, d, DELIVERY_DISCARDED, false,
		    a->now_ms);
	if (d->state != DELIVERY_WAITING)
		return lite_delivery_revive(a->lt, d, a->now_ms);
	if (d->due > a->now_ms)
		d->due = a->now_ms;
	d->retried = true;
	return lite_delivery_move(a->lt, d, DELIVERY_WAITING, false, a->now_ms);
}

int
lite_act_destination(struct lite *lt, const char *name, int64_t *number)
{
	sqlite3_stmt *s = LITE_GET(lt, LITE_DESTINATION_GET);

	lite_sql_bind(s, 1, name);
	return LITE_READ(lt, s, number) == -1 ? -1 : 0;
}

/* Every delivery of ${event}, or only the one at ${destination}. */
static int
act_on_deliveries(struct act *a, int64_t event, const char *destination)
{
	struct lite_delivery d = { 0 };
	int64_t wanted;
	bool seen = false;
	int rc;

	if (destination == NULL) {
		for (; (rc = lite_delivery_next(a->lt, event, &d)) == 1; seen = true)
			if (act_on_delivery(a, &d) == -1)
				return -1;
	} else if ((rc = lite_act_destination(a->lt, destination, &wanted)) == 0) {
		rc = lite_delivery_get(a->lt, LITE_DELIVERY(event, wanted), &d);
		seen = rc == 1;
		if (seen)
			rc = act_on_delivery(a, &d);
	}
	if (rc == -1)
		return -1;
	/* Something was done; what needed no doing elsewhere is no matter. */
	if (a->out->changed > 0) {
		if (a->out->result != STORE_ACT_SUPERSEDED)
			a->out->result = STORE_ACT_DONE;
		return 0;
	}
	return seen ? 0 : refuse(a, STORE_ACT_NOT_FOUND, NULL);
}

int
lite_act(struct store *st, enum store_action action, const char *id,
    const char *destination, unsigned how, int64_t now_ms,
    struct store_act_out *out)
{
	struct act a = { (struct lite *)st, action, how, now_ms, out };
	sqlite3_stmt *s = LITE_GET(a.lt, LITE_EVENT_BY_ID);
	int64_t event, lead, state;
	int rc;

	memset(out, 0, sizeof(*out));
	lite_sql_bind(s, 1, id);
	rc = LITE_READ(a.lt, s, &event, &lead, &state);
	if (rc == -1)
		return -1;
	if (rc == 0)
		rc = refuse(&a, STORE_ACT_NOT_FOUND, NULL);
	else if (state == LITE_EVENT_ACCEPTED)
		rc = act_on_deliveries(&a, event, destination);
	else if (destination != NULL)
		rc = refuse(&a, STORE_ACT_NOT_FOUND, NULL);
	else if (state == LITE_EVENT_HELD)
		rc = act_on_held(&a, event, lead);
	else
		rc = refuse(&a, STORE_ACT_NOTHING, "discarded");
	if (rc == -1) {
		free(out->detail);
		out->detail = NULL;
	}
	return rc;
}
