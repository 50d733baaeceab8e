/*
 * lite_requests: how many requests a destination got, span by span, for limits
 * that hold over restarts.  Two days of spans are kept: flat, whatever goes on.
 */
#include "outbox/sqlite/lite.h"

#define KEPT_SPANS (2 * 86400000 / STORE_SPAN_MS)

int
lite_requests_add(struct lite *lt, int64_t destination, int64_t at_ms,
    int64_t count)
{
	int64_t span = at_ms / STORE_SPAN_MS;

	if (LITE_RUN(lt, LITE_REQUESTS_DROP, destination,
	    span - KEPT_SPANS) == -1)
		return -1;
	return LITE_RUN(lt, LITE_REQUESTS_ADD, destination, span, count);
}

int
lite_requests(struct store *st, int64_t destination, int64_t since_ms,
    void (*span)(void *arg, int64_t start_ms, int64_t count), void *arg)
{
	struct lite *lt = (struct lite *)st;
	sqlite3_stmt *s;
	int rc;

	if ((s = lite_sql_get(lt, LITE_REQUESTS_GET)) == NULL)
		return -1;
	LITE_BIND(s, destination, since_ms / STORE_SPAN_MS);
	while ((rc = lite_sql_step(lt, s)) == 1)
		span(arg, sqlite3_column_int64(s, 0) * STORE_SPAN_MS,
		    sqlite3_column_int64(s, 1));
	return rc;
}
