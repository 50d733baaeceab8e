/* lite_find: what an action in bulk means, event by event, oldest first. */
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

/* Fix where the walk ends, once, and where this part of it does. */
static int
find_bounds(struct lite *lt, const struct store_filter *filter,
    struct store_walk *walk, int64_t *end)
{
	const struct lite_head *head;

	if (walk->last == 0) {
		if ((head = lite_txn_head(lt)) == NULL)
			return -1;
		walk->last = head->event;
	}
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
	if (filter->lead != NULL)
		sqlite3_bind_text(s, 9, filter->lead, -1, SQLITE_STATIC);
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
