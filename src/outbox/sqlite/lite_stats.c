/*
 * lite_stats: counts, and what is remembered of each destination: its state, what
 * was told of it, its token, and the requests it got, span by span, for limits that
 * hold over restarts.  Two days of spans are kept: flat, whatever goes on
 * (lite_purge.c drops the rest).
 *
 * A span that is yet to come was counted under a clock that has been put back:
 * those requests were made, nobody knows when, so they count from the moment they
 * were first met under a clock that was sure (lite_purge.c), until then from now.
 */
#include "outbox/sqlite/lite.h"

#include <sys/stat.h>

#include <stdlib.h>
#include <string.h>

int
lite_stats_delivered(struct store *st, int64_t destination, int64_t since_ms,
    int64_t until_ms, int max, int *count)
{
	struct lite *lt = (struct lite *)st;
	int64_t number;
	int rc;

	rc = LITE_READ(lt, LITE_GET(lt, LITE_DELIVERED_SINCE, destination,
	    since_ms, until_ms, max), &number);
	*count = (int)number;
	return rc == -1 ? -1 : 0;
}

/* The numbers of a destination's state, as LITE_STATE_GET and _SET name them. */
#define AT(member) offsetof(struct destination_state, member)
static const size_t state_numbers[] = {
	AT(paused_ms), AT(probes), AT(next_probe_ms), AT(probe_cursor),
	AT(not_before_ms), AT(recovered_ms), AT(last_success_ms),
	AT(refused_leads), AT(refused[0]), AT(refused[1]), AT(failures),
	AT(failed_lead), AT(failed_several), AT(failed_fresh), AT(make_due),
	AT(window), AT(last_request_us)
};
#undef AT
#define NUMBERS ((int)(sizeof(state_numbers) / sizeof(state_numbers[0])))

int
lite_stats_load(struct store *st, struct destination_state *state)
{
	struct lite *lt = (struct lite *)st;
	sqlite3_stmt *s = LITE_GET(lt, LITE_STATE_GET, state->number);
	int rc;

	*state = (struct destination_state){ .number = state->number };
	if ((rc = lite_sql_step(lt, s)) != 1)
		return rc;
	for (int i = 0; i < NUMBERS; i++)
		*(int64_t *)((char *)state + state_numbers[i]) =
		    sqlite3_column_int64(s, i);
	if (sqlite3_column_type(s, NUMBERS) != SQLITE_NULL &&
	    (state->pause_reason = lite_sql_copy(s, NUMBERS)) == NULL)
		rc = lite_fault_memory(lt);
	sqlite3_reset(s);
	return rc == -1 ? -1 : 0;
}

int
lite_stats_save(struct store *st, const struct destination_state *state)
{
	struct lite *lt = (struct lite *)st;
	sqlite3_stmt *s;

	if (lite_txn_fence(lt) == -1)
		return st->fault.kind == STORE_FAULT_FENCED ? 0 : -1;
	s = LITE_GET(lt, LITE_STATE_SET, state->number);
	for (int i = 0; i < NUMBERS; i++)
		sqlite3_bind_int64(s, i + 2, *(const int64_t *)
		    ((const char *)state + state_numbers[i]));
	lite_sql_bind(s, NUMBERS + 2, state->pause_reason);
	return lite_sql_step(lt, s);
}

int
lite_stats_load_alert(struct store *st, const char *kind, const char *subject,
    struct store_alert *alert)
{
	struct lite *lt = (struct lite *)st;
	sqlite3_stmt *s = LITE_GET(lt, LITE_ALERT_GET);

	lite_sql_bind(s, 1, kind);
	lite_sql_bind(s, 2, subject);
	return LITE_READ(lt, s, &alert->level, &alert->told_ms) == -1 ? -1 : 0;
}

int
lite_stats_save_alert(struct store *st, const char *kind, const char *subject,
    const struct store_alert *alert)
{
	struct lite *lt = (struct lite *)st;
	sqlite3_stmt *s = LITE_GET(lt, LITE_ALERT_SET, alert->level, alert->told_ms);

	lite_sql_bind(s, 3, kind);
	lite_sql_bind(s, 4, subject);
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
	s = LITE_GET(lt, LITE_TOKEN_GET, destination);
	if ((rc = lite_sql_step(lt, s)) != 1)
		return rc;
	memset(origin, 0, DIGEST_SIZE);
	if (sqlite3_column_bytes(s, 1) == DIGEST_SIZE)
		memcpy(origin, sqlite3_column_blob(s, 1), DIGEST_SIZE);
	if ((*token = lite_sql_copy(s, 0)) == NULL)
		rc = lite_fault_memory(lt);
	sqlite3_reset(s);
	return rc == -1 ? -1 : 0;
}

int
lite_stats_save_token(struct store *st, int64_t destination,
    const uint8_t origin[DIGEST_SIZE], const char *token)
{
	struct lite *lt = (struct lite *)st;
	sqlite3_stmt *s = LITE_GET(lt, LITE_TOKEN_SET, destination);

	sqlite3_bind_blob(s, 2, origin, DIGEST_SIZE, SQLITE_STATIC);
	lite_sql_bind(s, 3, token);
	return lite_sql_step(lt, s);
}

int
lite_stats_add_requests(struct lite *lt, int64_t destination, int64_t at_ms,
    int64_t count)
{
	if (lite_clock_floor(lt, &at_ms) == -1)
		return -1;
	return LITE_RUN(lt, LITE_REQUESTS_ADD, destination,
	    at_ms / STORE_SPAN_MS, count);
}

int
lite_stats_requests(struct store *st, int64_t destination, int64_t since_ms,
    int64_t now_ms, store_span_fn *span, void *arg)
{
	struct lite *lt = (struct lite *)st;
	sqlite3_stmt *s;
	int64_t now = now_ms / STORE_SPAN_MS;
	int rc;

	s = LITE_GET(lt, LITE_REQUESTS_GET, destination, since_ms / STORE_SPAN_MS, now);
	while ((rc = lite_sql_step(lt, s)) == 1)
		span(arg, sqlite3_column_int64(s, 0) * STORE_SPAN_MS,
		    sqlite3_column_int64(s, 1));
	return rc;
}

/* The counts of one destination, with what this transaction has yet to write. */
static int
read_tally(struct lite *lt, int64_t destination, int64_t *count)
{
	sqlite3_stmt *s = LITE_GET(lt, LITE_STATS_TALLY, destination);
	int rc, state;

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

static uint64_t
file_size(const char *path)
{
	struct stat sb;

	return stat(path, &sb) == 0 ? (uint64_t)sb.st_size : 0;
}

/* What concerns the outbox as a whole. */
static int
whole(struct lite *lt, struct store_stats *stats)
{
	const struct lite_head *head;

	memset(stats, 0, sizeof(*stats));
	if ((head = lite_txn_head(lt)) == NULL)
		return -1;
	stats->events_undelivered = head->open;
	stats->events_held = head->held;
	if (LITE_READ(lt, LITE_GET(lt, LITE_STATS_NEWEST),
	    &stats->last_received_ms) == -1)
		return -1;
	lite_lock_look(&lt->store, stats);
	(void)lite_room_disk(lt, &stats->free_bytes);
	stats->store_bytes = file_size(lt->path) +
	    file_size(lt->beside[LITE_LOG]);
	return 0;
}

/* One destination, told to ${tell}. */
static int
one(struct lite *lt, int64_t number, const char *name,
    store_destination_fn *tell, void *arg)
{
	struct store_destination_stats stats;
	int rc = -1;

	memset(&stats, 0, sizeof(stats));
	stats.name = name;
	stats.configured = lite_delivery_destination(lt, number) != NULL;
	stats.state.number = number;
	if (lite_stats_load(&lt->store, &stats.state) == -1 ||
	    read_tally(lt, number, stats.count) == -1 ||
	    LITE_READ(lt, LITE_GET(lt, LITE_STATS_OLDEST, number),
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
    store_destination_fn *destination, void *arg)
{
	struct lite *lt = (struct lite *)st;
	sqlite3_stmt *s;
	int rc;

	if (whole(lt, stats) == -1)
		return -1;
	s = LITE_GET(lt, LITE_STATS_DESTINATIONS);
	while ((rc = lite_sql_step(lt, s)) == 1)
		if (one(lt, sqlite3_column_int64(s, 0), lite_sql_column(s, 1),
		    destination, arg) == -1) {
			sqlite3_reset(s);
			return -1;
		}
	return rc;
}
