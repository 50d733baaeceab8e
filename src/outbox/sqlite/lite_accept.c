/*
 * lite_accept: one webhook comes in.
 *
 * A lead's row carries its latest event's digest, so that a new event needs one
 * look-up and its own inserts, and nothing of the lead's history.
 */
#include "outbox/sqlite/lite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The lead's row; number 0: it is new here. */
struct known_lead {
	int64_t number;
	int64_t sequence;
	int64_t latest;
	bool same;			/* its latest event is this one again */
};

/* An earlier event that may be the same. */
struct known_event {
	int64_t number;
	int64_t lead;
	int64_t received;
	int64_t sequence;
	int64_t state;
	int64_t hold;			/* enum event_hold */
};

/* What to do with the webhook. */
enum verdict { FAULT = -1, NEW, KNOWN };

static bool
within_window(const struct event_in *in, int64_t received)
{
	return in->received_ms - received < in->duplicate_window_ms;
}

static int
find_lead(struct lite *lt, const struct event_in *in, struct known_lead *lead)
{
	sqlite3_stmt *s = LITE_GET(lt, LITE_LEAD_FIND);
	int rc;

	memset(lead, 0, sizeof(*lead));
	lite_sql_bind(s, 1, in->lead);
	lite_sql_bind(s, 2, in->source);
	if ((rc = lite_sql_step(lt, s)) != 1)
		return rc;
	LITE_COLUMNS(s, &lead->number, &lead->sequence, &lead->latest);
	lead->same = within_window(in, sqlite3_column_int64(s, 3)) &&
	    strcmp(lite_sql_column(s, 4), in->name) == 0 &&
	    sqlite3_column_bytes(s, 5) == DIGEST_SIZE &&
	    memcmp(sqlite3_column_blob(s, 5), in->data_digest, DIGEST_SIZE) == 0;
	sqlite3_reset(s);
	return 0;
}

/* The number of the event that brought the same token, or 0. */
static int
find_token(struct lite *lt, const struct event_in *in, int64_t *number)
{
	sqlite3_stmt *s;

	*number = 0;
	if (in->token_digest == NULL)
		return 0;
	s = LITE_GET(lt, LITE_EVENT_BY_TOKEN);
	sqlite3_bind_blob(s, 1, in->token_digest, DIGEST_SIZE, SQLITE_STATIC);
	lite_sql_bind(s, 2, in->source);
	return LITE_READ(lt, s, number) == -1 ? -1 : 0;
}

/* Read event ${number}; its id and violations go to ${out}. */
static int
get_event(struct lite *lt, int64_t number, struct known_event *e,
    struct event_out *out)
{
	sqlite3_stmt *s = LITE_GET(lt, LITE_EVENT_GET, number);
	int rc;

	if ((rc = lite_sql_step(lt, s)) != 1)
		return rc;
	e->number = number;
	LITE_COLUMNS(s, &e->lead, &e->received, &e->state, &e->hold, &e->sequence);
	strncpy(out->id, lite_sql_column(s, 5), sizeof(out->id) - 1);
	free(out->violations);
	out->violations = NULL;
	if (e->hold != EVENT_HOLD_NONE &&
	    sqlite3_column_type(s, 6) != SQLITE_NULL &&
	    (out->violations = lite_sql_copy(s, 6)) == NULL)
		rc = lite_fault_memory(lt);
	sqlite3_reset(s);
	return rc;
}

/* Somebody pressed "resend": what is dead of the event becomes due. */
static int
revive(struct lite *lt, int64_t event, int64_t now_ms, bool *revived)
{
	struct lite_delivery d = { 0 };
	int rc;

	while ((rc = lite_delivery_next(lt, event, &d)) == 1) {
		if (d.state != DELIVERY_DEAD)
			continue;
		if (lite_delivery_revive(lt, &d, now_ms) == -1)
			return -1;
		*revived = true;
	}
	return rc;
}

/*
 * Event ${e} is this one again.  What was held as stale gives way to the same
 * with a live token, unless a person has let it go since; anything else keeps
 * its first answer, and a stale token changes nothing at all.
 */
static enum verdict
judge(struct lite *lt, const struct event_in *in, const struct known_event *e,
    bool latest, struct event_out *out)
{
	bool live = in->hold != EVENT_HOLD_STALE;

	if (live && e->hold == EVENT_HOLD_STALE) {
		if (e->state != LITE_EVENT_ACCEPTED)
			return NEW;
		out->hold = EVENT_HOLD_NONE;
	} else {
		out->hold = (enum event_hold)e->hold;
	}
	out->fate = EVENT_DUPLICATE;
	out->sequence = e->sequence;
	if (live && latest && e->state == LITE_EVENT_ACCEPTED &&
	    revive(lt, e->number, in->received_ms, &out->revived) == -1)
		return FAULT;
	return KNOWN;
}

/*
 * Is it new?  ${stale->number} becomes that of the held event whose place it
 * takes, if any.
 */
static enum verdict
decide(struct lite *lt, const struct event_in *in,
    const struct known_lead *lead, struct known_event *stale,
    struct event_out *out)
{
	int64_t candidates[2] = { lead->same ? lead->latest : 0, 0 };
	struct known_event e;
	enum verdict verdict;
	int rc;

	if (find_token(lt, in, &candidates[1]) == -1)
		return FAULT;
	for (int i = 0; i < 2; i++) {
		if (candidates[i] == 0)
			continue;
		if ((rc = get_event(lt, candidates[i], &e, out)) == -1)
			return FAULT;
		/* Gone since, or too old. */
		if (rc == 0 || !within_window(in, e.received))
			continue;
		verdict = judge(lt, in, &e, e.number == lead->latest, out);
		if (verdict != NEW)
			return verdict;
		if (e.state == LITE_EVENT_HELD)
			*stale = e;
		return NEW;
	}
	return NEW;
}

/* Know ${source} by name, from its first lead on. */
static int
note_source(struct lite *lt, const char *source)
{
	sqlite3_stmt *s;

	if (lt->source != NULL && strcmp(lt->source, source) == 0)
		return 0;
	s = LITE_GET(lt, LITE_SOURCE_ADD);
	lite_sql_bind(s, 1, source);
	if (lite_sql_step(lt, s) == -1)
		return -1;
	free(lt->source);
	lt->source = strdup(source);	/* without memory: asked again */
	return 0;
}

/* Write the lead's row: this is its latest event now. */
static int
save_lead(struct lite *lt, const struct event_in *in, struct known_lead *lead)
{
	sqlite3_stmt *s = LITE_GET(lt, lead->number != 0 ? LITE_LEAD_SET : LITE_LEAD_ADD,
	    lead->latest, lead->sequence, in->received_ms);

	lite_sql_bind(s, 4, in->name);
	sqlite3_bind_blob(s, 5, in->data_digest, DIGEST_SIZE, SQLITE_STATIC);
	if (lead->number != 0) {
		sqlite3_bind_int64(s, 6, lead->number);
		return lite_sql_step(lt, s);
	}
	lite_sql_bind(s, 6, in->lead);
	lite_sql_bind(s, 7, in->source);
	if (lite_sql_step(lt, s) == -1)
		return -1;
	lead->number = sqlite3_last_insert_rowid(lt->db);
	return note_source(lt, in->source);
}

/* Write the event and its payload. */
static int
save_event(struct lite *lt, const struct event_in *in,
    const struct known_lead *lead, const char *id)
{
	bool held = in->hold != EVENT_HOLD_NONE;
	int64_t closed = in->received_ms;
	sqlite3_stmt *s;

	if (held && lite_clock_floor(lt, &closed) == -1)
		return -1;
	/* A held one waits for a person: its lifetime runs from the start. */
	s = LITE_GET(lt, LITE_EVENT_ADD, lead->latest, lead->number, lead->sequence,
	    in->received_ms, held ? LITE_EVENT_HELD : LITE_EVENT_ACCEPTED,
	    in->hold, held ? closed : 0, held);
	lite_sql_bind(s, 9, id);
	lite_sql_bind(s, 10, in->name);
	sqlite3_bind_blob(s, 11, in->token_digest, DIGEST_SIZE, SQLITE_STATIC);
	lite_sql_bind(s, 12, in->violations);
	if (lite_sql_step(lt, s) == -1)
		return -1;

	s = LITE_GET(lt, LITE_PAYLOAD_ADD, lead->latest);
	sqlite3_bind_blob64(s, 2, in->payload, in->payload_len, SQLITE_STATIC);
	return lite_sql_step(lt, s);
}

/* Store a new event.  The head has been loaded. */
static int
store(struct lite *lt, const struct event_in *in, struct known_lead *lead,
    struct event_out *out)
{
	struct lite_head *head = &lt->head;
	bool alone = lead->number == 0;

	if (uuid7_make(in->received_ms, out->id) == -1)
		return lite_fault_set(lt, STORE_FAULT_IO,
		    "outbox: the system gives no random bytes");
	lead->latest = ++head->event;
	lead->sequence = (alone ? head->floor : lead->sequence) + 1;
	head->changed = true;
	if (save_lead(lt, in, lead) == -1 ||
	    save_event(lt, in, lead, out->id) == -1)
		return -1;
	out->fate = EVENT_STORED;
	out->hold = in->hold;
	out->sequence = lead->sequence;
	if (in->hold != EVENT_HOLD_NONE)
		return lite_room_held(lt, lead->number, 1);
	head->open++;
	out->deliveries = (int)lt->destination_count;
	return lite_delivery_make(lt, lead->latest, lead->number,
	    in->received_ms, alone);
}

static int
accept_one(struct lite *lt, const struct event_in *in, struct event_out *out)
{
	struct known_lead lead;
	struct known_event stale = { 0 };
	char note[16 + UUID7_SIZE];
	enum verdict verdict;

	memset(out, 0, sizeof(*out));
	if (lt->destination_count == 0)
		return lite_fault_set(lt, STORE_FAULT_IO,
		    "outbox: no destination is configured");
	if (find_lead(lt, in, &lead) == -1)
		goto fail;
	verdict = decide(lt, in, &lead, &stale, out);
	if (verdict == FAULT)
		goto fail;
	if (verdict == KNOWN)
		return 0;

	free(out->violations);
	memset(out, 0, sizeof(*out));
	if (lite_room_limit(lt, in, &out->limit) == -1)
		goto fail;
	if (out->limit != NULL) {
		out->fate = EVENT_FULL;
		return 0;
	}
	if (store(lt, in, &lead, out) == -1)
		goto fail;
	(void)snprintf(note, sizeof(note), "replaced by %s", out->id);
	if (stale.number != 0 && lite_act_discard(lt, stale.number, stale.lead,
	    note, in->received_ms) == -1)
		goto fail;
	return 0;
fail:
	free(out->violations);
	out->violations = NULL;
	return -1;
}

int
lite_accept(struct store *st, const struct event_in *in, struct event_out *out,
    size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (accept_one((struct lite *)st, &in[i], &out[i]) == 0)
			continue;
		while (i-- > 0) {
			free(out[i].violations);
			out[i].violations = NULL;
		}
		return -1;
	}
	return 0;
}
