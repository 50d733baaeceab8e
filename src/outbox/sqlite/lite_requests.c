/*
 * lite_requests: how many requests a destination got, span by span, for limits
 * that hold over restarts.  Two days of spans are kept: flat, whatever goes on
 * (lite_purge.c drops the rest).
 *
 * A span that is yet to come was counted under a clock that has been put back:
 * those requests were made, nobody knows when, so they count from the moment they
 * were first met under a clock that was sure (lite_purge.c), until then from now.
 */
#include "outbox/sqlite/lite.h"

int
lite_requests_add(struct lite *lt, int64_t destination, int64_t at_ms,
    int64_t count)
{
	if (lite_clock_floor(lt, &at_ms) == -1)
		return -1;
	return LITE_RUN(lt, LITE_REQUESTS_ADD, destination,
	    at_ms / STORE_SPAN_MS, count);
}

int
lite_requests(struct store *st, int64_t destination, int64_t since_ms,
    int64_t now_ms, void (*span)(void *arg, int64_t start_ms, int64_t count),
    void *arg)
{
	struct lite *lt = (struct lite *)st;
	sqlite3_stmt *s;
	int64_t now = now_ms / STORE_SPAN_MS;
	int rc;

	if ((s = lite_sql_get(lt, LITE_REQUESTS_GET)) == NULL)
		return -1;
	LITE_BIND(s, destination, since_ms / STORE_SPAN_MS, now);
	while ((rc = lite_sql_step(lt, s)) == 1)
		span(arg, sqlite3_column_int64(s, 0) * STORE_SPAN_MS,
		    sqlite3_column_int64(s, 1));
	return rc;
}
