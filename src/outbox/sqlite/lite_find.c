/*
 * lite_find: what an action in bulk means, event by event, oldest first; and
 * what the names and ids that a person gives stand for.
 */
#include "outbox/sqlite/lite.h"

#include <stdio.h>

#define WINDOW 2000		/* events one call looks at */

/* Where this call's part of the walk ends. */
static int
find_end(struct lite *lt, const struct store_walk *walk, int64_t *end)
{
	if (LITE_RUN(lt, LITE_FIND_END, walk->after, WINDOW) != 1)
		return -1;
	*end = sqlite3_column_int64(lt->statements[LITE_FIND_END], 0);
	lite_sql_done(lt->statements[LITE_FIND_END]);
	if (*end == 0 || *end > walk->last)
		*end = walk->last;
	return 0;
}

/* Fix where the walk ends, once. */
static int
find_last(struct lite *lt, struct store_walk *walk)
{
	const struct lite_head *head;

	if (walk->last != 0)
		return 0;
	if ((head = lite_txn_head(lt)) == NULL)
		return -1;
	walk->last = head->event;
	return 0;
}

/* Where the walk ends, and where this part of it does. */
static int
find_bounds(struct lite *lt, const struct store_filter *filter,
    struct store_walk *walk, int64_t *end)
{
	if (find_last(lt, walk) == -1)
		return -1;
	/* The events of one lead are few, and found by their index. */
	*end = walk->last;
	return filter->lead != NULL ? 0 : find_end(lt, walk, end);
}

/* Ready to step; NULL: fault. */
static sqlite3_stmt *
find_statement(struct lite *lt, enum store_action action,
    const struct store_filter *filter, int64_t now_ms, int64_t after,
    int64_t end, size_t max)
{
	int64_t destination = 0;
	sqlite3_stmt *s;

	if (filter->destination != NULL) {
		if (lite_act_destination(lt, filter->destination,
		    &destination) == -1)
			return NULL;
		if (destination == 0)
			destination = -1;	/* nobody's */
	}
	s = lite_sql_get(lt, filter->lead != NULL ? LITE_FIND_LEAD : LITE_FIND);
	if (s == NULL)
		return NULL;
	LITE_BIND(s, after, end, filter->since_ms, action != STORE_RETRY,
	    destination, lite_act_states(action),
	    action == STORE_RETRY ? now_ms : -1, (int64_t)max);
	sqlite3_bind_text(s, 9, filter->source, -1, SQLITE_STATIC);
	if (filter->lead != NULL)
		sqlite3_bind_text(s, 10, filter->lead, -1, SQLITE_STATIC);
	return s;
}

int
lite_find(struct store *st, enum store_action action,
    const struct store_filter *filter, int64_t now_ms, struct store_walk *walk,
    char (*ids)[UUID7_SIZE], size_t max, size_t *count)
{
	struct lite *lt = (struct lite *)st;
	sqlite3_stmt *s;
	int64_t end;
	int rc;

	*count = 0;
	if (find_bounds(lt, filter, walk, &end) == -1)
		return -1;
	if ((s = find_statement(lt, action, filter, now_ms, walk->after, end,
	    max)) == NULL)
		return -1;
	while ((rc = lite_sql_step(lt, s)) == 1) {
		walk->after = sqlite3_column_int64(s, 0);
		snprintf(ids[(*count)++], UUID7_SIZE, "%s",
		    lite_sql_column(s, 1));
	}
	if (rc == -1)
		return -1;
	if (*count < max)
		walk->after = end;
	walk->ended = walk->after >= walk->last;
	return 0;
}

int
lite_find_payloads(struct store *st, struct store_walk *walk, size_t max,
    void (*event)(void *arg, const struct store_event *e), void *arg)
{
	struct lite *lt = (struct lite *)st;
	struct store_event e = { 0 };
	sqlite3_stmt *s;
	size_t count = 0;
	int rc;

	if (find_last(lt, walk) == -1 ||
	    (s = lite_sql_get(lt, LITE_FIND_PAYLOADS)) == NULL)
		return -1;
	LITE_BIND(s, walk->after, walk->last, (int64_t)max);
	while ((rc = lite_sql_step(lt, s)) == 1) {
		walk->after = sqlite3_column_int64(s, 0);
		e.id = lite_sql_column(s, 1);
		e.source = lite_sql_column(s, 2);
		e.lead = lite_sql_column(s, 3);
		e.payload = sqlite3_column_blob(s, 4);
		e.payload_len = (size_t)sqlite3_column_bytes(s, 4);
		event(arg, &e);
		count++;
	}
	walk->ended = count < max;
	return rc;
}

int
lite_find_names(struct store *st, enum store_names which, const char *lead,
    void (*name)(void *arg, const char *name), void *arg)
{
	struct lite *lt = (struct lite *)st;
	bool destinations = which == STORE_DESTINATIONS;
	sqlite3_stmt *s;
	int rc;

	s = lite_sql_get(lt, destinations ? LITE_STATS_DESTINATIONS :
	    lead != NULL ? LITE_FIND_SOURCES_OF : LITE_FIND_SOURCES);
	if (s == NULL)
		return -1;
	if (!destinations && lead != NULL)
		sqlite3_bind_text(s, 1, lead, -1, SQLITE_STATIC);
	while ((rc = lite_sql_step(lt, s)) == 1)
		name(arg, lite_sql_column(s, destinations ? 1 : 0));
	return rc;
}

int
lite_find_match(struct store *st, const char *beginning,
    char (*ids)[UUID7_SIZE], size_t max, size_t *count)
{
	struct lite *lt = (struct lite *)st;
	sqlite3_stmt *s;
	int rc;

	*count = 0;
	if ((s = lite_sql_get(lt, LITE_FIND_BEGINNING)) == NULL)
		return -1;
	sqlite3_bind_text(s, 1, beginning, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 2, (int64_t)max);
	while ((rc = lite_sql_step(lt, s)) == 1)
		snprintf(ids[(*count)++], UUID7_SIZE, "%s",
		    lite_sql_column(s, 0));
	return rc;
}
