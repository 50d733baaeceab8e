/*
 * lite_sql: every statement there is, prepared once per connection, when it is
 * first needed.  A test looks at each one's plan: none may walk a table that
 * grows.
 */
#include "outbox/sqlite/lite.h"

#include <stdlib.h>
#include <string.h>

#define DELIVERIES_OF(event) \
	"number BETWEEN " event " * 65536 AND " event " * 65536 + 65535"

/*
 * Has an action something to do at event e?  ?3: received since; ?4: at held
 * events too; ?5: only deliveries to this destination, 0: any; ?6: their
 * states, a bit each; ?7: of those that wait, only what is due later; ?9: only
 * this source's, NULL: any.
 */
#define FINDABLE "e.received >= ?3 AND (?9 IS NULL OR ?9 = " \
	"(SELECT source FROM lead WHERE lead.number = e.lead)) " \
	"AND (?4 AND ?5 = 0 AND e.state = 1 " \
	"OR EXISTS (SELECT 1 FROM delivery d WHERE d." \
	DELIVERIES_OF("e.number") " AND (?5 = 0 OR d.destination = ?5) " \
	"AND (?6 >> " LITE_STATE " & 1) AND (d.state <> 0 OR d.due > ?7)))"

static const char *const texts[LITE_SQL_COUNT] = {
	[LITE_BEGIN_READ] = "BEGIN",
	[LITE_BEGIN_WRITE] = "BEGIN IMMEDIATE",
	[LITE_COMMIT] = "COMMIT",
	[LITE_VERSION_GET] = "PRAGMA user_version",

	[LITE_HEAD_GET] =
	    "SELECT latest, open, held, floor, epoch, doubt, doubt_epoch, "
	    "purged, folded FROM head",
	[LITE_HEAD_SET] =
	    "UPDATE head SET latest = ?1, open = ?2, held = ?3, floor = ?4",
	/* A value that stays the same would not be written at all. */
	[LITE_HEAD_TRY] = "UPDATE head SET tries = tries + 1",
	[LITE_HEAD_EPOCH] =
	    "UPDATE head SET epoch = ?1, doubt = ?2, doubt_epoch = ?3",
	[LITE_PURGED_ADD] = "UPDATE head SET purged = purged + 1",
	[LITE_PURGED_FOLDED] = "UPDATE head SET folded = max(folded, ?1)",
	[LITE_PAGES_FREE] = "PRAGMA freelist_count",
	[LITE_PAGES] = "PRAGMA page_count",
	[LITE_HELD_ADD] =
	    "INSERT INTO held (source, count) SELECT source, ?2 FROM lead "
	    "WHERE number = ?1 "
	    "ON CONFLICT DO UPDATE SET count = count + ?2",
	[LITE_HELD_GET] = "SELECT count FROM held WHERE source = ?1",
	[LITE_TALLY_ADD] =
	    "INSERT INTO tally (destination, state, deliveries) "
	    "VALUES (?1, ?2, ?3) "
	    "ON CONFLICT DO UPDATE SET deliveries = deliveries + ?3",

	[LITE_DESTINATION_GET] =
	    "SELECT number, hold_on_dead FROM destination WHERE name = ?1",
	[LITE_DESTINATION_ADD] =
	    "INSERT INTO destination (name, hold_on_dead) VALUES (?2, ?1)",
	[LITE_DESTINATION_HOLD] =
	    "UPDATE destination SET hold_on_dead = ?2 WHERE number = ?1",
	[LITE_DESTINATION_STOPPED] =
	    "SELECT number FROM delivery WHERE blocks = 1 "
	    "AND destination = ?1 AND state IN (3, 4) LIMIT 64",
	[LITE_STATE_GET] =
	    "SELECT paused, probes, next_probe, probe_cursor, not_before, "
	    "recovered, last_success, refused_leads, refused_1, refused_2, "
	    "failures, failed_lead, failed_several, failed_fresh, make_due, "
	    "window, next_request, pause_reason "
	    "FROM destination WHERE number = ?1",
	[LITE_STATE_SET] =
	    "UPDATE destination SET paused = ?2, probes = ?3, next_probe = ?4, "
	    "probe_cursor = ?5, not_before = ?6, recovered = ?7, "
	    "last_success = ?8, refused_leads = ?9, refused_1 = ?10, "
	    "refused_2 = ?11, failures = ?12, failed_lead = ?13, "
	    "failed_several = ?14, failed_fresh = ?15, make_due = ?16, "
	    "window = ?17, next_request = ?18, pause_reason = ?19 "
	    "WHERE number = ?1",
	[LITE_STATE_BEGUN] =
	    "UPDATE destination SET next_request = max(next_request, ?2) "
	    "WHERE number = ?1",

	[LITE_LEAD_FIND] =
	    "SELECT number, sequence, latest, received, name, digest "
	    "FROM lead WHERE key = ?1 AND source = ?2",
	[LITE_LEAD_ADD] =
	    "INSERT INTO lead (latest, sequence, received, name, digest, key, "
	    "source) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[LITE_LEAD_SET] =
	    "UPDATE lead SET latest = ?1, sequence = ?2, received = ?3, "
	    "name = ?4, digest = ?5 WHERE number = ?6",
	[LITE_LEAD_SEQUENCE] = "SELECT sequence FROM lead WHERE number = ?1",
	[LITE_LEAD_DROP] = "DELETE FROM lead WHERE number = ?1",
	[LITE_SOURCE_ADD] = "INSERT OR IGNORE INTO source (name) VALUES (?1)",

	[LITE_EVENT_ADD] =
	    "INSERT INTO event (number, lead, sequence, received, state, hold, "
	    "closed, failed, id, name, token, violations) "
	    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
	[LITE_EVENT_GET] =
	    "SELECT lead, received, state, hold, sequence, id, violations "
	    "FROM event WHERE number = ?1",
	[LITE_EVENT_BY_TOKEN] =
	    "SELECT e.number FROM event e JOIN lead l ON l.number = e.lead "
	    "WHERE e.token = ?1 AND l.source = ?2 "
	    "ORDER BY e.number DESC LIMIT 1",
	[LITE_EVENT_BY_ID] =
	    "SELECT number, lead, state FROM event WHERE id = ?1",
	[LITE_EVENT_SET] =
	    "UPDATE event SET state = ?2, closed = ?3, failed = ?4, note = ?5 "
	    "WHERE number = ?1",
	[LITE_EVENT_CLOSE] =
	    "UPDATE event SET closed = ?2, failed = ?3 WHERE number = ?1",
	[LITE_EVENT_OF_LEAD] =
	    "SELECT 1 FROM event WHERE lead = ?1 LIMIT 1",
	[LITE_EVENT_DROP] = "DELETE FROM event WHERE number = ?1",
	[LITE_PAYLOAD_ADD] =
	    "INSERT INTO payload (event, bytes) VALUES (?1, ?2)",
	[LITE_PAYLOAD_DROP] = "DELETE FROM payload WHERE event = ?1",

	[LITE_DELIVERY_ADD] =
	    "INSERT INTO delivery (number, lead, destination, due, ready, "
	    "state, blocks) VALUES (?1, ?2, ?3, ?4, ?5, 0, 1)",
	[LITE_DELIVERY_GET] =
	    "SELECT number, lead, due, attempts, begun, key_number, first_attempt, "
	    "first_failure, claim, settled, status, body, epoch, state, ready, "
	    "blocks, unknown, reason IS NOT NULL OR record IS NOT NULL, retried "
	    "FROM delivery WHERE number = ?1",
	[LITE_DELIVERY_SET] =
	    "UPDATE delivery SET state = ?2, ready = ?3, later = ?4, "
	    "blocks = ?5, due = ?6, attempts = ?7, begun = ?8, unknown = ?9, "
	    "first_attempt = ?10, first_failure = ?11, "
	    "settled = ?12, status = ?13, key_number = ?14, body = ?15, "
	    "retried = ?16, epoch = ?17, claim = claim + 1 WHERE number = ?1",
	/* The same for the move of most deliveries. */
	[LITE_DELIVERY_DONE] =
	    "UPDATE delivery SET state = 2, ready = 0, later = 0, blocks = 0, "
	    "attempts = ?2, begun = ?3, unknown = ?4, first_attempt = ?5, "
	    "first_failure = ?6, settled = ?7, status = ?8, key_number = ?9, "
	    "body = ?10, retried = ?11, epoch = ?12, claim = claim + 1 "
	    "WHERE number = ?1",
	[LITE_DELIVERY_WORDS] =
	    "UPDATE delivery SET reason = ?2, record = ?3 WHERE number = ?1",
	/* One that was never tried was never told to wait. */
	[LITE_DELIVERY_READY] =
	    "UPDATE delivery SET ready = ?2, "
	    "later = (?2 AND first_attempt > 0 AND due > ?3) "
	    "WHERE number = ?1",
	[LITE_DELIVERY_NEXT] =
	    "SELECT number FROM delivery WHERE " DELIVERIES_OF("?1")
	    " AND number > ?2 ORDER BY number LIMIT 1",
	[LITE_DELIVERY_OPEN] =
	    "SELECT total(state <= 1), total(state BETWEEN 3 AND 5) "
	    "FROM delivery WHERE " DELIVERIES_OF("?1"),
	[LITE_DELIVERY_COUNTS] =
	    "SELECT destination, state, count(*) FROM delivery "
	    "WHERE " DELIVERIES_OF("?1") " GROUP BY destination, state",
	[LITE_DELIVERY_DROP] =
	    "DELETE FROM delivery WHERE " DELIVERIES_OF("?1"),

	[LITE_BLOCKER_FIRST] =
	    "SELECT number, state, ready FROM delivery WHERE lead = ?1 "
	    "AND destination = ?2 AND blocks = 1 ORDER BY number LIMIT 1",
	[LITE_BLOCKER_BEFORE] =
	    "SELECT 1 FROM delivery WHERE lead = ?1 AND destination = ?2 "
	    "AND blocks = 1 AND number < ?3 LIMIT 1",
	[LITE_BLOCKER_AFTER] =
	    "SELECT number, ready FROM delivery WHERE lead = ?1 "
	    "AND destination = ?2 AND blocks = 1 AND number > ?3 "
	    "ORDER BY number LIMIT 1",

	/* What was not told to wait; what was, and has; or for longer than anything may. */
	[LITE_CLAIM_DUE] =
	    "SELECT due, number FROM delivery WHERE ready = 1 AND destination = ?1 "
	    "AND later = 0 UNION ALL SELECT due, number FROM delivery "
	    "WHERE ready = 1 AND destination = ?1 AND later = 1 AND due <= ?2 "
	    "UNION ALL SELECT due, number FROM delivery WHERE ready = 1 "
	    "AND destination = ?1 AND later = 1 AND due > ?3 "
	    "ORDER BY due, number",
	[LITE_CLAIM_PROBE] =
	    "SELECT due, number FROM delivery INDEXED BY delivery_ready "
	    "WHERE ready = 1 AND destination = ?1 AND number > ?2 "
	    "ORDER BY number",
	[LITE_CLAIM_EVENT] =
	    "SELECT e.id, l.source, l.key, e.name, e.sequence, e.received, "
	    "p.bytes FROM event e JOIN lead l ON l.number = e.lead "
	    "JOIN payload p ON p.event = e.number WHERE e.number = ?1",
	[LITE_NEXT_DUE] =
	    "SELECT due, number FROM delivery WHERE ready = 1 "
	    "AND destination = ?1 ORDER BY later, due",
	[LITE_LATER_OLDEST] =
	    "SELECT number FROM delivery INDEXED BY delivery_later "
	    "WHERE later = 1 AND destination = ?1 ORDER BY number LIMIT ?2",
	[LITE_LATER_DUE] =
	    "UPDATE delivery SET later = 0, due = min(due, ?2, (SELECT received "
	    "FROM event WHERE event.number = delivery.number / 65536)) "
	    "WHERE number = ?1",
	[LITE_NEWER_DELIVERED] =
	    "SELECT e.id FROM event e JOIN delivery d "
	    "ON d.number = e.number * 65536 + ?2 "
	    "WHERE e.lead = ?1 AND e.number > ?3 AND d.state = 2 "
	    "ORDER BY e.number LIMIT 1",
	[LITE_DELIVERED_SINCE] =
	    "SELECT count(*) FROM (SELECT DISTINCT lead FROM delivery "
	    "INDEXED BY delivery_delivered WHERE state = 2 "
	    "AND destination = ?1 AND settled BETWEEN ?2 AND ?3 LIMIT ?4)",

	[LITE_ATTEMPT_ADD] =
	    "INSERT INTO attempt (delivery, number, started, took, status, "
	    "counted, error, answer) VALUES (?1, (SELECT coalesce(max(number), "
	    "0) + 1 FROM attempt WHERE delivery = ?1), ?2, ?3, ?4, ?5, ?6, ?7)",
	[LITE_ATTEMPT_DROP] =
	    "DELETE FROM attempt WHERE delivery BETWEEN ?1 * 65536 "
	    "AND ?1 * 65536 + 65535",
	[LITE_ALERT_GET] =
	    "SELECT level, told FROM alert WHERE kind = ?1 AND subject = ?2",
	[LITE_ALERT_SET] =
	    "INSERT OR REPLACE INTO alert (level, told, kind, subject) "
	    "VALUES (?1, ?2, ?3, ?4)",
	[LITE_TOKEN_GET] =
	    "SELECT token, origin FROM token WHERE destination = ?1",
	[LITE_TOKEN_SET] =
	    "INSERT OR REPLACE INTO token (destination, origin, token) "
	    "VALUES (?1, ?2, ?3)",
	[LITE_REQUESTS_ADD] =
	    "INSERT INTO requests (destination, span, count) "
	    "VALUES (?1, ?2, ?3) ON CONFLICT (destination, span) "
	    "DO UPDATE SET count = count + ?3",
	[LITE_REQUESTS_GET] =
	    "SELECT min(span, CASE met WHEN 0 THEN span ELSE met END, ?3), "
	    "count FROM requests WHERE destination = ?1 AND span >= ?2",
	[LITE_REQUESTS_MEET] =
	    "UPDATE requests SET met = ?1 WHERE destination IN "
	    "(SELECT number FROM destination) AND span > ?1 "
	    "AND (met = 0 OR met > ?1)",
	[LITE_REQUESTS_DROP] =
	    "DELETE FROM requests WHERE destination IN "
	    "(SELECT number FROM destination) AND (span < ?1 "
	    "OR met BETWEEN 1 AND ?1)",
	[LITE_CLOCK_GET] =
	    "SELECT wall, boot_time, jump, jump_boot_time, run_1, run_2, boot "
	    "FROM clock",
	[LITE_CLOCK_SET] =
	    "UPDATE clock SET wall = ?1, boot_time = ?2, jump = ?3, "
	    "jump_boot_time = ?4, run_1 = ?5, run_2 = ?6, boot = ?7",
	[LITE_PURGE_NEXT] =
	    "SELECT number FROM event WHERE failed = ?1 "
	    "AND closed > 0 AND closed < ?2 ORDER BY closed LIMIT 1",
	[LITE_PURGE_AHEAD] =
	    "UPDATE event SET closed = ?2 WHERE number IN (SELECT number "
	    "FROM event WHERE failed = 0 AND closed > 0 AND closed > ?1 "
	    "LIMIT 200)",

	[LITE_FIND] =
	    "SELECT e.number, e.id FROM event e WHERE e.number > ?1 "
	    "AND e.number <= ?2 AND " FINDABLE " ORDER BY e.number LIMIT ?8",
	[LITE_FIND_LEAD] =
	    "SELECT e.number, e.id FROM event e WHERE e.lead IN "
	    "(SELECT number FROM lead WHERE key = ?10) AND +e.number > ?1 "
	    "AND +e.number <= ?2 AND " FINDABLE
	    " ORDER BY e.number LIMIT ?8",
	[LITE_FIND_END] =
	    "SELECT coalesce(max(number), 0) FROM (SELECT number FROM event "
	    "WHERE number > ?1 ORDER BY number LIMIT ?2)",

	[LITE_FIND_PAYLOADS] =
	    "SELECT e.number, e.id, l.source, l.key, p.bytes FROM event e "
	    "CROSS JOIN lead l ON l.number = e.lead "
	    "CROSS JOIN payload p ON p.event = e.number "
	    "WHERE e.number > ?1 AND e.number <= ?2 "
	    "ORDER BY e.number LIMIT ?3",

	[LITE_FIND_SOURCES] = "SELECT name FROM source ORDER BY name",
	[LITE_FIND_SOURCES_OF] =
	    "SELECT source FROM lead WHERE key = ?1 ORDER BY source",
	/* Behind whatever an id may begin with: "~". */
	[LITE_FIND_BEGINNING] =
	    "SELECT id FROM event WHERE id BETWEEN ?1 AND ?1 || '~' "
	    "ORDER BY id LIMIT ?2",

	[LITE_SHOW_EVENT] =
	    "SELECT e.number, e.id, l.source, l.key, e.name, e.state, e.hold, "
	    "e.sequence, e.received, e.closed, e.violations, e.note, p.bytes "
	    "FROM event e JOIN lead l ON l.number = e.lead "
	    "JOIN payload p ON p.event = e.number WHERE e.id = ?1",
	[LITE_SHOW_ATTEMPTS] =
	    "SELECT number, started, took, status, counted, error, answer "
	    "FROM attempt WHERE delivery = ?1 ORDER BY number",

	[LITE_STATS_DESTINATIONS] =
	    "SELECT number, name FROM destination ORDER BY number",
	[LITE_STATS_TALLY] =
	    "SELECT state, deliveries FROM tally WHERE destination = ?1",
	[LITE_STATS_OLDEST] =
	    "SELECT e.received FROM delivery d INDEXED BY delivery_ready "
	    "JOIN event e ON e.number = d.number / 65536 "
	    "WHERE d.ready = 1 AND d.destination = ?1 AND NOT begun(d.number) "
	    "ORDER BY d.number LIMIT 1",
	[LITE_STATS_NEWEST] =
	    "SELECT received FROM event ORDER BY number DESC LIMIT 1"
};

/* begun(number): is the delivery being sent? */
static void
sql_begun(sqlite3_context *context, int count, sqlite3_value **values)
{
	(void)count;
	sqlite3_result_int(context, lite_taken_is_begun(
	    sqlite3_user_data(context), sqlite3_value_int64(values[0])));
}

int
lite_sql_functions(struct lite *lt)
{
	int code = sqlite3_create_function(lt->db, "begun", 1, SQLITE_UTF8, lt,
	    sql_begun, NULL, NULL);

	return code == SQLITE_OK ? 0 : lite_fault(lt, code, "open");
}

sqlite3_stmt *
lite_sql_get(struct lite *lt, const int64_t *values, size_t count)
{
	sqlite3_stmt **s = &lt->statements[values[0]];
	int code;

	if (*s == NULL) {
		code = sqlite3_prepare_v3(lt->db, texts[values[0]], -1,
		    SQLITE_PREPARE_PERSISTENT, s, NULL);
		if (code != SQLITE_OK) {
			lite_fault(lt, code, "prepare");
			return NULL;
		}
	}
	/* It can only fail for a number that the statement has not. */
	for (size_t i = 1; i < count; i++)
		sqlite3_bind_int64(*s, (int)i, values[i]);
	return *s;
}

void
lite_sql_bind(sqlite3_stmt *s, int at, const char *text)
{
	sqlite3_bind_text(s, at, text, -1, SQLITE_STATIC);
}

int
lite_sql_step(struct lite *lt, sqlite3_stmt *s)
{
	int code;

	if (s == NULL)
		return -1;		/* as lite_sql_get said */
	code = sqlite3_step(s);
	if (code == SQLITE_ROW)
		return 1;
	if (code != SQLITE_DONE)
		lite_fault(lt, code, sqlite3_stmt_readonly(s) ? "read" : "write");
	sqlite3_reset(s);
	return code == SQLITE_DONE ? 0 : -1;
}

void
lite_sql_columns(sqlite3_stmt *s, int64_t *const *values, size_t count)
{
	for (size_t i = 0; i < count; i++)
		*values[i] = sqlite3_column_int64(s, (int)i);
}

int
lite_sql_read(struct lite *lt, sqlite3_stmt *s, int64_t *const *values,
    size_t count)
{
	int rc;

	for (size_t i = 0; i < count; i++)
		*values[i] = 0;
	if ((rc = lite_sql_step(lt, s)) == 1) {
		lite_sql_columns(s, values, count);
		sqlite3_reset(s);
	}
	return rc;
}

const char *
lite_sql_column(sqlite3_stmt *s, int column)
{
	const char *text = (const char *)sqlite3_column_text(s, column);

	return text != NULL ? text : "";
}

char *
lite_sql_copy(sqlite3_stmt *s, int column)
{
	return strdup(lite_sql_column(s, column));
}

int
lite_sql_numbers(struct lite *lt, sqlite3_stmt *s, int64_t *numbers,
    size_t max, size_t *count)
{
	int rc;

	*count = 0;
	while ((rc = lite_sql_step(lt, s)) == 1 && *count < max)
		numbers[(*count)++] = sqlite3_column_int64(s, 0);
	if (rc == 1)
		sqlite3_reset(s);
	return rc == -1 ? -1 : 0;
}

int
lite_sql_exec(struct lite *lt, const char *text, const char *what)
{
	int code = sqlite3_exec(lt->db, text, NULL, NULL, NULL);

	return code == SQLITE_OK ? 0 : lite_fault(lt, code, what);
}

void
lite_sql_finalize(struct lite *lt)
{
	for (size_t i = 0; i < LITE_SQL_COUNT; i++) {
		sqlite3_finalize(lt->statements[i]);
		lt->statements[i] = NULL;
	}
}
