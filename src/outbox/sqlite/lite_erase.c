/* lite_erase: a person's data goes; from the log, lite_tidy takes it. */
#include "outbox/sqlite/lite.h"

/* Is a delivery of ${event} under way?  Its outcome, and order, are not ours to cut. */
static int
is_sending(struct lite *lt, int64_t event, bool *sending)
{
	struct lite_delivery d;
	int64_t number = 0;
	int rc;

	*sending = false;
	while ((rc = lite_delivery_next(lt, event, &number)) == 1) {
		if (lite_delivery_need(lt, number, &d) == -1)
			return -1;
		*sending |= d.sending;
	}
	return rc;
}

int
lite_erase(struct store *st, const char *id, enum store_act_result *result)
{
	struct lite *lt = (struct lite *)st;
	int64_t event;
	sqlite3_stmt *s;
	bool sending;
	int rc;

	*result = STORE_ACT_NOT_FOUND;
	if ((s = lite_sql_get(lt, LITE_EVENT_BY_ID)) == NULL)
		return -1;
	sqlite3_bind_text(s, 1, id, -1, SQLITE_STATIC);
	if ((rc = lite_sql_step(lt, s)) != 1)
		return rc;
	event = sqlite3_column_int64(s, 0);
	lite_sql_done(s);
	if (is_sending(lt, event, &sending) == -1)
		return -1;
	*result = sending ? STORE_ACT_SENDING : STORE_ACT_DONE;
	if (sending)
		return 0;
	return lite_purge_event(lt, event) == -1 ? -1 : lite_tidy_deleted(lt);
}
