/* lite_clock: how far the wall clock is believed (trust.h), over restarts. */
#include "outbox/sqlite/lite.h"

#include <stdio.h>
#include <string.h>

int
lite_clock_load(struct store *st, struct trust *trust)
{
	struct lite *lt = (struct lite *)st;
	sqlite3_stmt *s = LITE_GET(lt, LITE_CLOCK_GET);
	int rc;

	memset(trust, 0, sizeof(*trust));
	if ((rc = lite_sql_step(lt, s)) != 1)
		return rc;
	LITE_COLUMNS(s, &trust->wall_ms, &trust->boot_ms, &trust->jump_ms,
	    &trust->jump_boot_ms, &trust->runs[0], &trust->runs[1]);
	(void)snprintf(trust->boot, sizeof(trust->boot), "%s",
	    lite_sql_column(s, 6));
	sqlite3_reset(s);
	return 0;
}

int
lite_clock_save(struct store *st, const struct trust *trust)
{
	struct lite *lt = (struct lite *)st;
	sqlite3_stmt *s;

	lt->floor_seen = false;
	s = LITE_GET(lt, LITE_CLOCK_SET, trust->wall_ms, trust->boot_ms, trust->jump_ms,
	    trust->jump_boot_ms, trust->runs[0], trust->runs[1]);
	lite_sql_bind(s, 7, trust->boot);
	return lite_sql_step(lt, s);
}

int
lite_clock_floor(struct lite *lt, int64_t *ms)
{
	struct trust trust;

	if (!lt->floor_seen && lite_clock_load(&lt->store, &trust) == -1)
		return -1;
	if (!lt->floor_seen)
		lt->floor_ms = trust.wall_ms;
	lt->floor_seen = true;
	if (*ms < lt->floor_ms)
		*ms = lt->floor_ms;
	return 0;
}
