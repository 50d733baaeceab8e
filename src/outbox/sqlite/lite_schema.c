/*
 * lite_schema: the tables, their versions, and the destinations by name.
 *
 * An older store is brought up to date in its own file, in one transaction under
 * the writer's lock: it is the old one or the new one, whatever happens, and
 * nobody goes on writing to a file that is no longer there.  Processes of the
 * version before notice (lite_schema_current) and stop: so it is done by those
 * alone that take their place, and no look or command ends a worker's work.
 */
#include "outbox/sqlite/lite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

/* "LdRl": what file(1) and we know an outbox by. */
#define APPLICATION 1281642092

#define PATIENCE_MS 50000	/* a request waits as long for another process's steps */
#define SMALL_ROOM (UINT64_C(1) << 20)	/* what steps take that write none again */

/*
 * Step N takes a database of version N to version N + 1; a new one takes them
 * all.  One that writes the rows of a table again that grows with the leads
 * begins with LITE_SCHEMA_REWRITES.  Numbers in WHERE clauses are enum
 * delivery_state.
 */
static const char *const steps[] = {
	"CREATE TABLE head (one INTEGER PRIMARY KEY CHECK (one = 1),"
	" event INTEGER NOT NULL, open INTEGER NOT NULL,"
	" held INTEGER NOT NULL, floor INTEGER NOT NULL);"
	"INSERT INTO head VALUES (1, 0, 0, 0, 0);"

	"CREATE TABLE destination (number INTEGER PRIMARY KEY,"
	" name TEXT NOT NULL UNIQUE, hold_on_dead INTEGER NOT NULL,"
	" paused INTEGER NOT NULL DEFAULT 0, pause_reason TEXT,"
	" probes INTEGER NOT NULL DEFAULT 0,"
	" next_probe INTEGER NOT NULL DEFAULT 0,"
	" probe_cursor INTEGER NOT NULL DEFAULT 0,"
	" not_before INTEGER NOT NULL DEFAULT 0,"
	" recovered INTEGER NOT NULL DEFAULT 0,"
	" last_success INTEGER NOT NULL DEFAULT 0,"
	" refused_leads INTEGER NOT NULL DEFAULT 0);"

	/* How many deliveries of each state a destination has. */
	"CREATE TABLE tally (destination INTEGER NOT NULL,"
	" state INTEGER NOT NULL, count INTEGER NOT NULL,"
	" PRIMARY KEY (destination, state)) WITHOUT ROWID;"

	/* name, digest and received are those of its latest event. */
	"CREATE TABLE lead (number INTEGER PRIMARY KEY,"
	" key TEXT NOT NULL, source TEXT NOT NULL,"
	" latest INTEGER NOT NULL, sequence INTEGER NOT NULL,"
	" received INTEGER NOT NULL, name TEXT NOT NULL,"
	" digest BLOB NOT NULL, UNIQUE (key, source));"

	"CREATE TABLE event (number INTEGER PRIMARY KEY,"
	" id TEXT NOT NULL UNIQUE, lead INTEGER NOT NULL,"
	" sequence INTEGER NOT NULL, received INTEGER NOT NULL,"
	" state INTEGER NOT NULL, hold INTEGER NOT NULL,"
	" closed INTEGER NOT NULL, failed INTEGER NOT NULL,"
	" name TEXT NOT NULL, token BLOB, violations TEXT, note TEXT);"
	"CREATE INDEX event_lead ON event (lead);"
	"CREATE INDEX event_token ON event (token) WHERE token IS NOT NULL;"
	"CREATE INDEX event_closed ON event (failed, closed) WHERE closed > 0;"

	"CREATE TABLE payload (event INTEGER PRIMARY KEY,"
	" bytes BLOB NOT NULL);"

	"CREATE TABLE delivery (number INTEGER PRIMARY KEY,"
	" lead INTEGER NOT NULL, destination INTEGER NOT NULL,"
	" state INTEGER NOT NULL, ready INTEGER NOT NULL,"
	" later INTEGER NOT NULL DEFAULT 0, blocks INTEGER NOT NULL,"
	" due INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,"
	" begun INTEGER NOT NULL DEFAULT 0,"
	" unknown INTEGER NOT NULL DEFAULT 0,"
	" key_number INTEGER NOT NULL DEFAULT 1,"
	" body INTEGER NOT NULL DEFAULT 0,"
	" retried INTEGER NOT NULL DEFAULT 0,"
	" first_attempt INTEGER NOT NULL DEFAULT 0,"
	" first_failure INTEGER NOT NULL DEFAULT 0,"
	" taken INTEGER NOT NULL DEFAULT 0,"
	" settled INTEGER NOT NULL DEFAULT 0,"
	" status INTEGER NOT NULL DEFAULT 0,"
	" reason TEXT, record TEXT);"
	"CREATE INDEX delivery_due ON delivery (destination, due)"
	" WHERE ready = 1;"
	"CREATE INDEX delivery_ready ON delivery (destination)"
	" WHERE ready = 1;"
	"CREATE INDEX delivery_later ON delivery (destination)"
	" WHERE later = 1;"
	"CREATE INDEX delivery_blocks ON delivery (lead, destination)"
	" WHERE blocks = 1;"
	"CREATE INDEX delivery_sending ON delivery (destination, lead)"
	" WHERE state = 1;"
	"CREATE INDEX delivery_delivered ON delivery"
	" (destination, settled, lead) WHERE state = 2;"

	"CREATE TABLE attempt (delivery INTEGER NOT NULL,"
	" number INTEGER NOT NULL, started INTEGER NOT NULL,"
	" took INTEGER NOT NULL, status INTEGER NOT NULL,"
	" counted INTEGER NOT NULL, error TEXT, answer BLOB,"
	" PRIMARY KEY (delivery, number)) WITHOUT ROWID;",

	/* How many requests a destination got in each span of STORE_SPAN_MS. */
	"CREATE TABLE requests (destination INTEGER NOT NULL,"
	" span INTEGER NOT NULL, count INTEGER NOT NULL,"
	" PRIMARY KEY (destination, span)) WITHOUT ROWID;",

	/* Refresh tokens that took the place of those in the operator's files. */
	"CREATE TABLE token (destination INTEGER PRIMARY KEY,"
	" origin BLOB NOT NULL, token TEXT NOT NULL);",

	/* What was told of things that may need a person. */
	"CREATE TABLE alert (kind TEXT NOT NULL, subject TEXT NOT NULL,"
	" level INTEGER NOT NULL, told INTEGER NOT NULL,"
	" PRIMARY KEY (kind, subject)) WITHOUT ROWID;",

	/*
	 * What the relay has in hand is no longer in these tables: a delivery is
	 * a waiting one until its outcome is known.  Of those that were in hand
	 * nobody knows whether they were begun.
	 */
	"ALTER TABLE head ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE head ADD COLUMN doubt INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE head ADD COLUMN doubt_epoch INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE head ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE delivery RENAME COLUMN taken TO claim;"
	"ALTER TABLE delivery ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;"
	"UPDATE head SET doubt = event, doubt_epoch = 1"
	" WHERE EXISTS (SELECT 1 FROM delivery WHERE state = 1);"
	"INSERT INTO tally (destination, state, count)"
	" SELECT destination, 0, count FROM tally WHERE state = 1 AND count > 0"
	" ON CONFLICT DO UPDATE SET count = count + excluded.count;"
	"UPDATE tally SET count = 0 WHERE state = 1;"
	"UPDATE delivery SET state = 0, begun = max(begun - 1, 0), later = 0,"
	" first_attempt = CASE WHEN attempts > 1 THEN first_attempt ELSE 0 END,"
	" attempts = max(attempts - 1, 0), ready = NOT EXISTS"
	" (SELECT 1 FROM delivery b WHERE b.lead = delivery.lead"
	" AND b.destination = delivery.destination AND b.blocks = 1"
	" AND b.number < delivery.number) WHERE state = 1;"
	"DROP INDEX delivery_sending;",

	/*
	 * How often something was deleted, and up to which time the log was
	 * emptied since; earlier versions left that undone.  And how many events
	 * of each source are held.
	 */
	"ALTER TABLE head ADD COLUMN purged INTEGER NOT NULL DEFAULT 1;"
	"ALTER TABLE head ADD COLUMN folded INTEGER NOT NULL DEFAULT 0;"
	"CREATE TABLE held (source TEXT PRIMARY KEY,"
	" count INTEGER NOT NULL) WITHOUT ROWID;"
	"INSERT INTO held SELECT l.source, count(*) FROM event e"
	" JOIN lead l ON l.number = e.lead WHERE e.state = 1"
	" GROUP BY l.source;",

	/* What a destination's next verdict depends on. */
	"ALTER TABLE destination ADD refused_1 INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE destination ADD refused_2 INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE destination ADD failures INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE destination ADD failed_lead INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE destination ADD failed_several INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE destination ADD failed_fresh INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE destination ADD make_due INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE destination ADD window INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE destination ADD next_request INTEGER NOT NULL DEFAULT 0;",

	/*
	 * Moments that do not rest on the wall clock: what is due now is so by
	 * "later" and not by a comparison; how far the clock is believed (one
	 * without a history has the newest lead's word); and since when a count
	 * of requests has been known that the clock says is yet to come.
	 */
	"DROP INDEX delivery_due;"
	"CREATE INDEX delivery_due ON delivery (destination, later, due)"
	" WHERE ready = 1;"
	"CREATE TABLE clock (one INTEGER PRIMARY KEY CHECK (one = 1),"
	" wall INTEGER NOT NULL, boot_time INTEGER NOT NULL,"
	" jump INTEGER NOT NULL, jump_boot_time INTEGER NOT NULL,"
	" run_1 INTEGER NOT NULL, run_2 INTEGER NOT NULL,"
	" boot TEXT NOT NULL);"
	"INSERT INTO clock VALUES (1, coalesce((SELECT received FROM event"
	" ORDER BY number DESC LIMIT 1), 0), -1, 0, 0, 0, 0, '');"
	"ALTER TABLE requests ADD COLUMN met INTEGER NOT NULL DEFAULT 0;",

	/*
	 * Every source there ever was a lead of.  And two columns by other
	 * names, for which the statements of the first release fail that each
	 * of its changes makes: it does not look at the version again.
	 */
	"CREATE TABLE source (name TEXT PRIMARY KEY) WITHOUT ROWID;"
	"INSERT INTO source SELECT DISTINCT source FROM lead;"
	"ALTER TABLE head RENAME COLUMN event TO latest;"
	"ALTER TABLE tally RENAME COLUMN count TO deliveries;"
};
#define VERSION ((int64_t)(sizeof(steps) / sizeof(steps[0])))

int
lite_schema_pragma(struct lite *lt, const char *name, int64_t *value)
{
	sqlite3_stmt *s = NULL;
	char text[64];
	int code;

	snprintf(text, sizeof(text), "PRAGMA %s", name);
	code = sqlite3_prepare_v2(lt->db, text, -1, &s, NULL);
	if (code == SQLITE_OK && (code = sqlite3_step(s)) == SQLITE_ROW) {
		*value = sqlite3_column_int64(s, 0);
		code = SQLITE_OK;
	}
	sqlite3_finalize(s);
	return code == SQLITE_OK ? 0 : lite_fault(lt, code, "open");
}

static int
too_new(struct lite *lt, int64_t version, int64_t known)
{
	return lite_fault_set(lt, STORE_FAULT_VERSION,
	    "outbox %s: made by a newer leadrelay (version %lld of the tables; "
	    "this one knows %lld)", lt->path, (long long)version,
	    (long long)known);
}

static int
too_old(struct lite *lt, int64_t version, int64_t known, const char *why)
{
	return lite_fault_set(lt, STORE_FAULT_OLDER, "outbox %s: made by an older "
	    "leadrelay (version %lld of the tables; this one's is %lld)%s",
	    lt->path, (long long)version, (long long)known, why);
}

/* The version of what is there, up to ${known}; 0: an empty file. */
static int
read_version(struct lite *lt, int64_t known, int64_t *version)
{
	int64_t application, pages;

	if (lite_schema_pragma(lt, "application_id", &application) == -1 ||
	    lite_schema_pragma(lt, "user_version", version) == -1 ||
	    lite_schema_pragma(lt, "page_count", &pages) == -1)
		return -1;
	if (application == APPLICATION && *version > known)
		return too_new(lt, *version, known);
	if (application == APPLICATION && *version > 0)
		return 0;
	/* WAL mode gives an empty file its first page. */
	if (application == 0 && *version == 0 && pages <= 1)
		return 0;
	return lite_fault_set(lt, STORE_FAULT_CORRUPT,
	    "outbox %s: a database, but no outbox", lt->path);
}

/* --- an older store --- */

/* Is a copy there: are rows being written again, or was that cut short? */
static bool
has_copy(const struct lite *lt)
{
	return access(lt->beside[LITE_COPY], F_OK) == 0;
}

static int
make_copy(struct lite *lt)
{
	const char *path = lt->beside[LITE_COPY];
	int fd, rc;

	(void)unlink(path);		/* of a time that was cut short */
	if ((fd = lite_files_open(lt, LITE_COPY, O_RDWR | O_CREAT | O_EXCL)) == -1)
		return lite_fault_set(lt, lite_fault_errno(errno),
		    "copy %s: %s", path, strerror(errno));
	if ((rc = lite_backup(&lt->store, path)) == -1)
		(void)unlink(path);
	close(fd);
	return rc;
}

/* What the steps take: with rows to write again, a copy and as much for the log. */
static int
room_needed(struct lite *lt, bool rewrites, uint64_t *bytes)
{
	int64_t pages, page;

	*bytes = SMALL_ROOM;
	if (!rewrites)
		return 0;
	if (lite_schema_pragma(lt, "page_count", &pages) == -1 ||
	    lite_schema_pragma(lt, "page_size", &page) == -1)
		return -1;
	*bytes += 2 * (uint64_t)pages * (uint64_t)page;
	return 0;
}

static unsigned long long
megabytes(uint64_t bytes)
{
	return (bytes + (UINT64_C(1) << 20) - 1) >> 20;
}

/* Is there room for ${bytes}?  If not, or if it ran out, say how much is missing. */
static int
check_room(struct lite *lt, uint64_t bytes, bool ran_out)
{
	uint64_t room = 0;

	if (lite_room_disk(lt, &room) == -1 && !ran_out)
		return 0;		/* writing will tell */
	if (room >= bytes && !ran_out)
		return 0;
	/* It ran out though there is room: none that is ours (a quota). */
	if (room >= bytes)
		room = 0;
	return lite_fault_set(lt, STORE_FAULT_FULL, "outbox %s: bringing it up "
	    "to date takes %llu MB beside it, and %llu MB are missing on its "
	    "disk", lt->path, megabytes(bytes), megabytes(bytes - room));
}

/* Take the steps from ${version} on, all in one transaction. */
static int
take_steps(struct lite *lt, const char *const *list, int64_t version,
    int64_t count)
{
	char stamp[96];
	int rc = -1;

	if (lite_sync_settle(lt) == -1 || lite_sql_exec(lt, "BEGIN IMMEDIATE", "make tables") == -1)
		return -1;
	for (int64_t i = version; i < count; i++)
		if (lite_sql_exec(lt, list[i], "make tables") == -1)
			goto out;
	snprintf(stamp, sizeof(stamp),
	    "PRAGMA application_id = %d; PRAGMA user_version = %lld; COMMIT",
	    APPLICATION, (long long)count);
	lite_sync_begin(lt);
	if ((rc = lite_sql_exec(lt, stamp, "make tables")) == 0)
		lite_sync_note(lt);
out:
	if (!sqlite3_get_autocommit(lt->db))
		sqlite3_exec(lt->db, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

static bool
writes_again(const char *step)
{
	return strncmp(step, LITE_SCHEMA_REWRITES,
	    strlen(LITE_SCHEMA_REWRITES)) == 0;
}

/* The same with a copy beside it, where one is needed.  The lock is held. */
static int
take_steps_safely(struct lite *lt, const char *const *list, int64_t version,
    int64_t count)
{
	bool rewrites = false;
	uint64_t bytes;
	int rc;

	for (int64_t i = version; i < count && version > 0; i++)
		rewrites |= writes_again(list[i]);
	if (room_needed(lt, rewrites, &bytes) == -1 ||
	    (rewrites && check_room(lt, bytes, false) == -1))
		return -1;
	rc = rewrites ? make_copy(lt) : 0;
	if (rc == 0)
		rc = take_steps(lt, list, version, count);
	if (rc == -1 && version > 0 &&
	    lt->store.fault.kind == STORE_FAULT_FULL)
		return check_room(lt, bytes, true);
	return rc;
}

static void
be_patient(struct lite *lt)
{
	int64_t until = clock_mono_ms() + PATIENCE_MS;

	if (lt->until < until)
		lt->until = until;
}

/*
 * Whoever yields leaves an older store to a relay of its version.  The lock is
 * held: none of ours can have become the relay since the version was read.
 */
static int
check_relay(struct lite *lt, int64_t version, int64_t count)
{
	struct store_stats stats = { 0 };
	char why[64];

	if (version == 0 || version == count || !lt->yields)
		return 0;
	lite_lock_look(&lt->store, &stats);
	if (!stats.relay_alive)
		return 0;
	(void)snprintf(why, sizeof(why), ", and process %ld still relays for it",
	    stats.relay_pid);
	return too_old(lt, version, count, why);
}

int
lite_schema_migrate(struct lite *lt, const char *const *list, int64_t count)
{
	int64_t version;
	int rc;

	be_patient(lt);
	if (lite_lock_writer(lt) == -1)
		return -1;
	/* Another process may have done it while we waited. */
	rc = read_version(lt, count, &version);
	if (rc == 0)
		rc = check_relay(lt, version, count);
	if (rc == 0 && version < count)
		rc = take_steps_safely(lt, list, version, count);
	/* The copy has done its duty.  What it holds must not outlive an erasure. */
	if (rc == 0)
		(void)unlink(lt->beside[LITE_COPY]);
	lite_lock_release(lt);
	return rc;
}

void
lite_schema_await(struct lite *lt)
{
	if (has_copy(lt))
		be_patient(lt);
}

int
lite_schema_check(struct lite *lt)
{
	int64_t version;

	if (read_version(lt, VERSION, &version) == -1)
		return -1;
	if (version == VERSION && (lt->read_only || !has_copy(lt)))
		return 0;
	if (version == 0 && !lt->create)
		return lite_fault_set(lt, STORE_FAULT_ABSENT,
		    "outbox %s: empty", lt->path);
	if (version < VERSION && !lt->create)
		return too_old(lt, version, VERSION, "");
	return lite_schema_migrate(lt, steps, VERSION);
}

int
lite_schema_current(struct lite *lt)
{
	int64_t version;

	if (LITE_READ(lt, LITE_GET(lt, LITE_VERSION_GET), &version) != 1)
		return -1;
	if (version > VERSION)
		return too_new(lt, version, VERSION);
	return version == VERSION ? 0 : lite_fault_set(lt, STORE_FAULT_IO,
	    "outbox %s: another file, of an older version, is in its place",
	    lt->path);
}

/* on_dead is no longer hold: what stopped there stops nothing else any more. */
static int
unblock(struct lite *lt, int64_t destination)
{
	int64_t numbers[64];
	struct lite_delivery d;
	sqlite3_stmt *s;
	size_t count;

	do {
		s = LITE_GET(lt, LITE_DESTINATION_STOPPED, destination);
		if (lite_sql_numbers(lt, s, numbers, 64, &count) == -1)
			return -1;
		for (size_t i = 0; i < count; i++)
			if (lite_delivery_get(lt, numbers[i], &d) != 1 ||
			    lite_delivery_move(lt, &d, d.state, false,
			    d.settled) == -1)
				return -1;
	} while (count > 0);
	return 0;
}

/* Look ${item} up.  1: the store has it just so; 0: not yet. */
static int
find_destination(struct lite *lt, struct store_destination *item)
{
	sqlite3_stmt *s = LITE_GET(lt, LITE_DESTINATION_GET);
	int64_t hold;
	int rc;

	lite_sql_bind(s, 1, item->name);
	rc = LITE_READ(lt, s, &item->number, &hold);
	return rc == 1 ? hold == item->hold_on_dead : rc;
}

/* Write ${item} down: new, or with another on_dead. */
static int
save_destination(struct lite *lt, struct store_destination *item)
{
	sqlite3_stmt *s;

	if (item->number != 0) {
		if (LITE_RUN(lt, LITE_DESTINATION_HOLD, item->number,
		    item->hold_on_dead) == -1)
			return -1;
		return item->hold_on_dead ? 0 : unblock(lt, item->number);
	}
	s = LITE_GET(lt, LITE_DESTINATION_ADD, item->hold_on_dead);
	lite_sql_bind(s, 2, item->name);
	if (lite_sql_step(lt, s) == -1)
		return -1;
	item->number = sqlite3_last_insert_rowid(lt->db);
	if (item->number > LITE_DESTINATIONS)
		return lite_fault_set(lt, STORE_FAULT_FULL,
		    "outbox %s: more than %d names of destinations", lt->path,
		    LITE_DESTINATIONS);
	return 0;
}

/* Keep the list: what later events get deliveries for. */
static int
keep_destinations(struct lite *lt, const struct store_destination *list,
    size_t count)
{
	struct store_destination *kept;

	if ((kept = calloc(count + 1, sizeof(*kept))) == NULL)
		return lite_fault_memory(lt);
	for (size_t i = 0; i < count; i++) {
		kept[i] = list[i];
		kept[i].name = NULL;	/* the caller's */
	}
	free(lt->destinations);
	lt->destinations = kept;
	lt->destination_count = count;
	return 0;
}

int
lite_schema_configure(struct store *st, struct store_destination *list,
    size_t count)
{
	struct lite *lt = (struct lite *)st;
	bool behind = false, written = false;
	int rc;

	for (size_t i = 0; i < count; i++) {
		if ((rc = find_destination(lt, &list[i])) == -1)
			return -1;
		if (rc == 1)
			continue;
		if (!lt->writing)
			behind = true;
		else if (save_destination(lt, &list[i]) == -1)
			return -1;
		else
			written = true;
	}
	/* Events are given deliveries only for destinations that are on disk. */
	if (written)
		return 1;
	if (keep_destinations(lt, list, count) == -1)
		return -1;
	return behind ? 1 : 0;
}
