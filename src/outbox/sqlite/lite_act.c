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
		return lite_fault_set(a->lt, STORE_FAULT_MEMORY,
		    "outbox: no memory");
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
	if ((s = lite_sql_get(lt, LITE_NEWER_DELIVERED)) == NULL)
		return -1;
	LITE_BIND(s, lead, destination, event);
	if ((rc = lite_sql_step(lt, s)) != 1)
		return rc == -1 ? -1 : 1;
	if (a->out->result != STORE_ACT_SUPERSEDED)
		snprintf(a->out->other, sizeof(a->out->other), "%s",
		    lite_sql_column(s, 0));
	lite_sql_done(s);
	return refuse(a, STORE_ACT_SUPERSEDED, NULL);
}

/* Release a held event: accepted from now on, with a delivery everywhere. */
static int
release_event(struct act *a, int64_t event, int64_t lead)
{
	struct lite *lt = a->lt;
	struct lite_head *head;
	sqlite3_stmt *s;
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
	    (head = lite_txn_head(lt)) == NULL ||
	    (s = lite_sql_get(lt, LITE_EVENT_SET)) == NULL)
		return -1;
	head->open++;
	LITE_BIND(s, event, LITE_EVENT_ACCEPTED, 0, 0);
	sqlite3_bind_text(s, 5, "released", -1, SQLITE_STATIC);
	if (lite_sql_step(lt, s) == -1)
		return -1;
	return lite_delivery_make(lt, event, lead, a->now_ms, false);
}

static int
discard_event(struct act *a, int64_t event, int64_t lead)
{
	struct lite *lt = a->lt;
	int64_t now = a->now_ms;
	sqlite3_stmt *s;

	a->out->changed = 1;
	if (a->how & STORE_DRY_RUN)
		return 0;
	if (lite_room_held(lt, lead, -1) == -1 ||
	    lite_clock_floor(lt, &now) == -1 ||
	    (s = lite_sql_get(lt, LITE_EVENT_SET)) == NULL)
		return -1;
	LITE_BIND(s, event, LITE_EVENT_DISCARDED, now, 1);
	sqlite3_bind_text(s, 5, "discarded", -1, SQLITE_STATIC);
	return lite_sql_step(lt, s);
}

static int
act_on_held(struct act *a, int64_t event, int64_t lead)
{
	switch (a->action) {
	case STORE_RELEASE:
		return release_event(a, event, lead);
	case STORE_DISCARD:
		return discard_event(a, event, lead);
	default:
		return refuse(a, STORE_ACT_NOTHING,
		    "held: release or discard it");
	}
}

static int
act_on_delivery(struct act *a, int64_t number)
{
	struct lite_delivery d;
	int rc;

	if (lite_delivery_need(a->lt, number, &d) == -1)
		return -1;
	if (d.sending)
		return refuse(a, STORE_ACT_SENDING, "being sent");
	if ((lite_act_states(a->action) & 1u << d.state) == 0)
		return refuse(a, STORE_ACT_NOTHING,
		    delivery_state_name(d.state));
	if (a->action != STORE_DISCARD && d.state != DELIVERY_WAITING &&
	    (rc = may_go(a, d.lead, LITE_EVENT_OF(number),
	    LITE_DESTINATION_OF(number))) != 1)
		return rc;
	a->out->changed++;
	if (a->how & STORE_DRY_RUN)
		return 0;
	if (a->action == STORE_DISCARD)
		return lite_delivery_move(a->lt, &d, DELIVERY_DISCARDED, false,
		    a->now_ms);
	if (d.state == DELIVERY_WAITING) {
		if (d.due > a->now_ms)
			d.due = a->now_ms;
		d.retried = true;
		return lite_delivery_move(a->lt, &d, DELIVERY_WAITING, false,
		    a->now_ms);
	}
	return lite_delivery_revive(a->lt, &d, a->now_ms);
}

int
lite_act_destination(struct lite *lt, const char *name, int64_t *number)
{
	sqlite3_stmt *s;
	int rc;

	*number = 0;
	if ((s = lite_sql_get(lt, LITE_DESTINATION_GET)) == NULL)
		return -1;
	sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
	if ((rc = lite_sql_step(lt, s)) == 1) {
		*number = sqlite3_column_int64(s, 0);
		lite_sql_done(s);
	}
	return rc == -1 ? -1 : 0;
}

/* Every delivery of ${event}, or only the one at ${destination}. */
static int
act_on_deliveries(struct act *a, int64_t event, const char *destination)
{
	int64_t number = 0, wanted = 0;
	bool seen = false;
	int rc;

	if (destination != NULL &&
	    lite_act_destination(a->lt, destination, &wanted) == -1)
		return -1;
	while ((rc = lite_delivery_next(a->lt, event, &number)) == 1) {
		if (destination != NULL && LITE_DESTINATION_OF(number) != wanted)
			continue;
		seen = true;
		if (act_on_delivery(a, number) == -1)
			return -1;
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

/* Look the event up: 1 and what act needs of it, 0 when there is none. */
static int
find_event(struct lite *lt, const char *id, int64_t *event, int64_t *lead,
    int *state)
{
	sqlite3_stmt *s;
	int rc;

	if ((s = lite_sql_get(lt, LITE_EVENT_BY_ID)) == NULL)
		return -1;
	sqlite3_bind_text(s, 1, id, -1, SQLITE_STATIC);
	if ((rc = lite_sql_step(lt, s)) != 1)
		return rc;
	*event = sqlite3_column_int64(s, 0);
	*lead = sqlite3_column_int64(s, 1);
	*state = sqlite3_column_int(s, 2);
	lite_sql_done(s);
	return 1;
}

int
lite_act(struct store *st, enum store_action action, const char *id,
    const char *destination, unsigned how, int64_t now_ms,
    struct store_act_out *out)
{
	struct act a = { (struct lite *)st, action, how, now_ms, out };
	int64_t event = 0, lead = 0;
	int rc, state = 0;

	memset(out, 0, sizeof(*out));
	rc = find_event(a.lt, id, &event, &lead, &state);
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
