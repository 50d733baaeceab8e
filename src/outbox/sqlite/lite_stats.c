/* lite_stats: counts, and each destination's own state. */
#include "outbox/sqlite/lite.h"

#include <sys/stat.h>
#include <sys/statvfs.h>

#include <stdlib.h>
#include <string.h>

int
lite_stats_delivered(struct store *st, int64_t destination, int64_t since_ms,
    int64_t until_ms, int max, int *count)
{
	struct lite *lt = (struct lite *)st;
	int rc;

	*count = 0;
	rc = LITE_RUN(lt, LITE_DELIVERED_SINCE, destination, since_ms, until_ms, max);
	if (rc == 1) {
		*count = sqlite3_column_int(
		    lt->statements[LITE_DELIVERED_SINCE], 0);
		lite_sql_done(lt->statements[LITE_DELIVERED_SINCE]);
	}
	return rc == -1 ? -1 : 0;
}

int
lite_stats_load(struct store *st, struct destination_state *state)
{
	struct lite *lt = (struct lite *)st;
	int64_t number = state->number;
	sqlite3_stmt *s;
	int rc;

	memset(state, 0, sizeof(*state));
	state->number = number;
	if ((s = lite_sql_get(lt, LITE_STATE_GET)) == NULL)
		return -1;
	LITE_BIND(s, number);
	if ((rc = lite_sql_step(lt, s)) != 1)
		return rc;
	state->paused_ms = sqlite3_column_int64(s, 0);
	if (sqlite3_column_type(s, 1) != SQLITE_NULL &&
	    (state->pause_reason = lite_sql_copy(s, 1)) == NULL)
		rc = lite_fault_set(lt, STORE_FAULT_MEMORY,
		    "outbox: no memory");
	state->probes = sqlite3_column_int64(s, 2);
	state->next_probe_ms = sqlite3_column_int64(s, 3);
	state->probe_cursor = sqlite3_column_int64(s, 4);
	state->not_before_ms = sqlite3_column_int64(s, 5);
	state->recovered_ms = sqlite3_column_int64(s, 6);
	state->last_success_ms = sqlite3_column_int64(s, 7);
	state->refused_leads = sqlite3_column_int64(s, 8);
	state->refused[0] = sqlite3_column_int64(s, 9);
	state->refused[1] = sqlite3_column_int64(s, 10);
	state->failures = sqlite3_column_int64(s, 11);
	state->failed_lead = sqlite3_column_int64(s, 12);
	state->failed_several = sqlite3_column_int64(s, 13);
	state->failed_fresh = sqlite3_column_int64(s, 14);
	state->make_due = sqlite3_column_int64(s, 15);
	state->window = sqlite3_column_int64(s, 16);
	state->last_request_us = sqlite3_column_int64(s, 17);
	lite_sql_done(s);
	return rc == -1 ? -1 : 0;
}

int
lite_stats_save(struct store *st, const struct destination_state *state)
{
	struct lite *lt = (struct lite *)st;
	sqlite3_stmt *s;

	if (lite_txn_fence(lt) == -1)
		return st->fault.kind == STORE_FAULT_FENCED ? 0 : -1;
	if ((s = lite_sql_get(lt, LITE_STATE_SET)) == NULL)
		return -1;
	LITE_BIND(s, state->number, state->paused_ms, state->probes,
	    state->next_probe_ms, state->probe_cursor, state->not_before_ms,
	    state->recovered_ms, state->last_success_ms, state->refused_leads,
	    state->refused[0], state->refused[1], state->failures,
	    state->failed_lead, state->failed_several, state->failed_fresh,
	    state->make_due, state->window, state->last_request_us);
	sqlite3_bind_text(s, 19, state->pause_reason, -1, SQLITE_STATIC);
	return lite_sql_step(lt, s);
}

int
lite_stats_load_alert(struct store *st, const char *kind, const char *subject,
    struct store_alert *alert)
{
	struct lite *lt = (struct lite *)st;
	sqlite3_stmt *s;
	int rc;

	*alert = (struct store_alert){ 0 };
	if ((s = lite_sql_get(lt, LITE_ALERT_GET)) == NULL)
		return -1;
	sqlite3_bind_text(s, 1, kind, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 2, subject, -1, SQLITE_STATIC);
	if ((rc = lite_sql_step(lt, s)) != 1)
		return rc;
	alert->level = sqlite3_column_int64(s, 0);
	alert->told_ms = sqlite3_column_int64(s, 1);
	lite_sql_done(s);
	return 0;
}

int
lite_stats_save_alert(struct store *st, const char *kind, const char *subject,
    const struct store_alert *alert)
{
	struct lite *lt = (struct lite *)st;
	sqlite3_stmt *s;

	if ((s = lite_sql_get(lt, LITE_ALERT_SET)) == NULL)
		return -1;
	LITE_BIND(s, alert->level, alert->told_ms);
	sqlite3_bind_text(s, 3, kind, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 4, subject, -1, SQLITE_STATIC);
	return lite_sql_step(lt, s);
}

int
lite_stats_load_token(struct store *st, int64_t destination,
    uint8_t origin[DIGEST_SIZE], char **token)
{
	struct lite *lt = (struct lite *)st;
	sqlite3_stmt *s;
	int rc;

	*token = NULL;
	if ((s = lite_sql_get(lt, LITE_TOKEN_GET)) == NULL)
		return -1;
	LITE_BIND(s, destination);
	if ((rc = lite_sql_step(lt, s)) != 1)
		return rc;
	memset(origin, 0, DIGEST_SIZE);
	if (sqlite3_column_bytes(s, 1) == DIGEST_SIZE)
		memcpy(origin, sqlite3_column_blob(s, 1), DIGEST_SIZE);
	if ((*token = lite_sql_copy(s, 0)) == NULL)
		rc = lite_fault_set(lt, STORE_FAULT_MEMORY, "outbox: no memory");
	lite_sql_done(s);
	return rc == -1 ? -1 : 0;
}

int
lite_stats_save_token(struct store *st, int64_t destination,
    const uint8_t origin[DIGEST_SIZE], const char *token)
{
	struct lite *lt = (struct lite *)st;
	sqlite3_stmt *s;

	if ((s = lite_sql_get(lt, LITE_TOKEN_SET)) == NULL)
		return -1;
	LITE_BIND(s, destination);
	sqlite3_bind_blob(s, 2, origin, DIGEST_SIZE, SQLITE_STATIC);
	sqlite3_bind_text(s, 3, token, -1, SQLITE_STATIC);
	return lite_sql_step(lt, s);
}

/* The one number a statement gives, or 0 when it gives none. */
static int
read_one(struct lite *lt, enum lite_sql which, int64_t key, int64_t *value)
{
	int rc;

	*value = 0;
	if ((rc = LITE_RUN(lt, which, key)) == 1) {
		*value = sqlite3_column_int64(lt->statements[which], 0);
		lite_sql_done(lt->statements[which]);
	}
	return rc == -1 ? -1 : 0;
}

/* The counts of one destination, with what this transaction has yet to write. */
static int
read_tally(struct lite *lt, int64_t destination, int64_t *count)
{
	sqlite3_stmt *s;
	int rc, state;

	if ((s = lite_sql_get(lt, LITE_STATS_TALLY)) == NULL)
		return -1;
	LITE_BIND(s, destination);
	while ((rc = lite_sql_step(lt, s)) == 1) {
		state = sqlite3_column_int(s, 0);
		if (state >= 0 && state < DELIVERY_STATES)
			count[state] = sqlite3_column_int64(s, 1);
	}
	for (size_t i = 0; i < lt->tally_count; i++)
		if (lt->tallies[i].destination == destination)
			for (state = 0; state < DELIVERY_STATES; state++)
				count[state] += lt->tallies[i].delta[state];
	count[DELIVERY_SENDING] = lite_taken_begun_at(lt, destination);
	count[DELIVERY_WAITING] -= count[DELIVERY_SENDING];
	return rc;
}

static bool
is_configured(const struct lite *lt, int64_t number)
{
	for (size_t i = 0; i < lt->destination_count; i++)
		if (lt->destinations[i].number == number)
			return true;
	return false;
}

static uint64_t
file_size(const struct lite *lt, const char *suffix)
{
	char *path = lite_files_beside(lt, suffix);
	struct stat sb;
	uint64_t size = 0;

	if (path != NULL && stat(path, &sb) == 0)
		size = (uint64_t)sb.st_size;
	free(path);
	return size;
}

/* What concerns the outbox as a whole. */
static int
whole(struct lite *lt, struct store_stats *stats)
{
	const struct lite_head *head;
	struct statvfs fs;
	int rc;

	memset(stats, 0, sizeof(*stats));
	if ((head = lite_txn_head(lt)) == NULL)
		return -1;
	stats->events_undelivered = head->open;
	stats->events_held = head->held;
	rc = lite_sql_run(lt, LITE_STATS_NEWEST, NULL, 0);
	if (rc == -1)
		return -1;
	if (rc == 1) {
		stats->last_received_ms = sqlite3_column_int64(
		    lt->statements[LITE_STATS_NEWEST], 0);
		lite_sql_done(lt->statements[LITE_STATS_NEWEST]);
	}
	lite_lock_look(&lt->store, stats);
	if (statvfs(lt->folder, &fs) == 0)
		stats->free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	stats->store_bytes = file_size(lt, "") + file_size(lt, "-wal");
	return 0;
}

/* One destination, told to ${tell}. */
static int
one(struct lite *lt, int64_t number, const char *name,
    void (*tell)(void *arg, const struct store_destination_stats *stats),
    void *arg)
{
	struct store_destination_stats stats;
	int rc = -1;

	memset(&stats, 0, sizeof(stats));
	stats.name = name;
	stats.configured = is_configured(lt, number);
	stats.state.number = number;
	if (lite_stats_load(&lt->store, &stats.state) == -1 ||
	    read_tally(lt, number, stats.count) == -1 ||
	    read_one(lt, LITE_STATS_OLDEST, number,
	    &stats.oldest_waiting_ms) == -1)
		goto out;
	tell(arg, &stats);
	rc = 0;
out:
	free(stats.state.pause_reason);
	return rc;
}

int
lite_stats(struct store *st, struct store_stats *stats,
    void (*destination)(void *arg,
    const struct store_destination_stats *stats), void *arg)
{
	struct lite *lt = (struct lite *)st;
	sqlite3_stmt *s;
	int rc;

	if (whole(lt, stats) == -1 ||
	    (s = lite_sql_get(lt, LITE_STATS_DESTINATIONS)) == NULL)
		return -1;
	while ((rc = lite_sql_step(lt, s)) == 1)
		if (one(lt, sqlite3_column_int64(s, 0), lite_sql_column(s, 1),
		    destination, arg) == -1) {
			lite_sql_done(s);
			return -1;
		}
	return rc;
}
