#include "box_lite.h"

#include <dirent.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "outbox/sqlite/lite.h"

int
box_lite_make(struct box *box)
{
	/* In memory where there is such a place: disk.h is the disk. */
	strcpy(box->folder, access("/dev/shm", W_OK) == 0 ?
	    "/dev/shm/leadrelay-outbox-XXXXXX" : "/tmp/leadrelay-outbox-XXXXXX");
	if (mkdtemp(box->folder) == NULL)
		return -1;
	snprintf(box->path, sizeof(box->path), "%s/outbox.db", box->folder);
	box->options.location = box->path;
	return 0;
}

void
box_lite_drop(struct box *box)
{
	char path[400];
	struct dirent *entry;
	DIR *dir;

	if ((dir = opendir(box->folder)) != NULL) {
		while ((entry = readdir(dir)) != NULL) {
			snprintf(path, sizeof(path), "%s/%s", box->folder,
			    entry->d_name);
			unlink(path);
		}
		closedir(dir);
	}
	rmdir(box->folder);
}

int64_t
box_number(const struct box *box, const char *sql)
{
	sqlite3_stmt *s = NULL;
	sqlite3 *db = NULL;
	int64_t value = -1;

	assert_int_equal(sqlite3_open_v2(box->path, &db, SQLITE_OPEN_READWRITE,
	    NULL), SQLITE_OK);
	sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_busy_timeout(db, 5000);
	if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	if (sqlite3_step(s) == SQLITE_ROW)
		value = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	sqlite3_close(db);
	return value;
}

void
box_lite_check(const struct box *box)
{
	static const struct {
		const char *what;
		const char *sql;	/* counts what is wrong */
	} rules[] = {
		{ "a waiting delivery is ready exactly when none blocks it",
		    "SELECT count(*) FROM delivery d WHERE ready <> "
		    "(state = 0 AND NOT EXISTS (SELECT 1 FROM delivery b "
		    "WHERE b.lead = d.lead AND b.destination = d.destination "
		    "AND b.number < d.number AND b.blocks = 1))" },
		{ "what is waiting blocks",
		    "SELECT count(*) FROM delivery "
		    "WHERE state = 0 AND blocks = 0" },
		{ "nothing is stored as being sent",
		    "SELECT count(*) FROM delivery WHERE state = 1" },
		{ "what is delivered, discarded or skipped does not block",
		    "SELECT count(*) FROM delivery "
		    "WHERE state IN (2, 5, 6) AND blocks = 1" },
		{ "one of a lead is ready for a destination at a time",
		    "SELECT count(*) FROM (SELECT 1 FROM delivery "
		    "WHERE ready = 1 GROUP BY lead, destination "
		    "HAVING count(*) > 1)" },
		{ "the counts are those of the deliveries",
		    "SELECT count(*) FROM (SELECT destination, state, "
		    "deliveries FROM tally WHERE deliveries <> 0 "
		    "EXCEPT SELECT destination, "
		    "state, count(*) FROM delivery GROUP BY 1, 2)" },
		{ "every state is counted",
		    "SELECT (SELECT coalesce(sum(deliveries), 0) FROM tally) - "
		    "(SELECT count(*) FROM delivery)" },
		{ "the number of open events",
		    "SELECT (SELECT open FROM head) - (SELECT count(DISTINCT "
		    "number / 65536) FROM delivery WHERE state < 2)" },
		{ "the number of held events",
		    "SELECT (SELECT held FROM head) - "
		    "(SELECT count(*) FROM event WHERE state = 1)" },
		{ "the held events of each source",
		    "SELECT count(*) FROM (SELECT source, count FROM held "
		    "WHERE count <> 0 EXCEPT SELECT source, count(*) "
		    "FROM event e JOIN lead l ON l.number = e.lead "
		    "WHERE e.state = 1 GROUP BY 1)" },
		{ "every held event is counted",
		    "SELECT (SELECT coalesce(sum(count), 0) FROM held) - "
		    "(SELECT held FROM head)" },
		{ "an event is closed when none of its deliveries is open",
		    "SELECT count(*) FROM event e WHERE (closed = 0) <> "
		    "EXISTS (SELECT 1 FROM delivery WHERE state < 2 "
		    "AND number / 65536 = e.number)" },
		{ "a lead's latest event is its newest",
		    "SELECT count(*) FROM lead l WHERE latest <> "
		    "(SELECT max(number) FROM event WHERE lead = l.number)" },
		{ "later ones are ready",
		    "SELECT count(*) FROM delivery "
		    "WHERE later = 1 AND ready = 0" },
		{ "every event has a payload and a lead",
		    "SELECT count(*) FROM event e WHERE NOT EXISTS "
		    "(SELECT 1 FROM payload WHERE event = e.number) OR NOT "
		    "EXISTS (SELECT 1 FROM lead WHERE number = e.lead)" },
		{ "nothing is left of what was deleted",
		    "SELECT (SELECT count(*) FROM payload) - "
		    "(SELECT count(*) FROM event) + (SELECT count(*) FROM "
		    "attempt WHERE delivery NOT IN "
		    "(SELECT number FROM delivery)) + (SELECT count(*) FROM "
		    "delivery WHERE number / 65536 NOT IN "
		    "(SELECT number FROM event)) + (SELECT count(*) FROM lead "
		    "WHERE number NOT IN (SELECT lead FROM event))" }
	};

	for (size_t i = 0; i < COUNT(rules); i++)
		if (box_number(box, rules[i].sql) != 0)
			fail_msg("%s", rules[i].what);
}
