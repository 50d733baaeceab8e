/*
 * lite_find: what an action in bulk means, event by event, oldest first; and
 * what the names and ids that a person gives stand for.
 */
#include "outbox/sqlite/lite.h"

#include <stdio.h>

#define WINDOW 2000		/* events one call looks at */

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
	if (filter->lead != NULL)
		return 0;
	if (LITE_READ(lt, LITE_GET(lt, LITE_FIND_END, walk->after, WINDOW),
	    end) == -1)
		return -1;
	if (*end == 0 || *end > walk->last)
		*end = walk->last;
	return 0;
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
	s = LITE_GET(lt, filter->lead != NULL ? LITE_FIND_LEAD : LITE_FIND, after,
	    end, filter->since_ms, action != STORE_RETRY, destination,
	    lite_act_states(action), action == STORE_RETRY ? now_ms : -1,
	    (int64_t)max);
	lite_sql_bind(s, 9, filter->source);
	if (filter->lead != NULL)
		lite_sql_bind(s, 10, filter->lead);
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
	s = find_statement(lt, action, filter, now_ms, walk->after, end, max);
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
    store_event_fn *event, void *arg)
{
	struct lite *lt = (struct lite *)st;
	struct store_event e = { 0 };
	sqlite3_stmt *s;
	size_t count = 0;
	int rc;

	if (find_last(lt, walk) == -1)
		return -1;
	s = LITE_GET(lt, LITE_FIND_PAYLOADS, walk->after, walk->last, (int64_t)max);
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
    store_name_fn *name, void *arg)
{
	struct lite *lt = (struct lite *)st;
	bool destinations = which == STORE_DESTINATIONS;
	sqlite3_stmt *s = LITE_GET(lt, destinations ? LITE_STATS_DESTINATIONS :
	    lead != NULL ? LITE_FIND_SOURCES_OF : LITE_FIND_SOURCES);
	int rc;

	if (!destinations && lead != NULL)
		lite_sql_bind(s, 1, lead);
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
	s = LITE_GET(lt, LITE_FIND_BEGINNING);
	lite_sql_bind(s, 1, beginning);
	sqlite3_bind_int64(s, 2, (int64_t)max);
	while ((rc = lite_sql_step(lt, s)) == 1)
		snprintf(ids[(*count)++], UUID7_SIZE, "%s",
		    lite_sql_column(s, 0));
	return rc;
}
