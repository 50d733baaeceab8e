/*
 * lite_open: one connection.
 *
 * SQLite before 3.51.3 can damage a database when one connection resets the WAL
 * while another checkpoints.  So nothing is checkpointed by SQLite on its own
 * (no autocheckpoint, none on close); lite_txn does it, under the same lock that
 * every transaction that writes holds.
 */
#include "outbox/sqlite/lite.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"

#define LOG_PAGES 4096		/* 16 MB: the more, the fewer page writes a lead */
#define LOG_PAGES_BRIEF 128	/* what the next opener reads through */
#define CACHE_KB "8192"

static int
note_log_pages(void *arg, sqlite3 *db, const char *name, int pages)
{
	struct lite *lt = arg;

	(void)db;
	(void)name;
	if (pages < lt->log_pages)
		lt->log_next = lt->log_limit;	/* it began anew */
	lt->log_pages = pages;
	lt->log_grew = true;
	return SQLITE_OK;
}

/* SQLite's own locks are waited for as long as ours. */
static int
wait_a_little(void *arg, int times)
{
	static const struct timespec pause = { 0, 1000000 };
	const struct lite *lt = arg;

	(void)times;
	if (clock_mono_ms() >= lt->until)
		return 0;
	nanosleep(&pause, NULL);
	return 1;
}

/* Settings that hold for the connection, not the file. */
static int
settle_in(struct lite *lt)
{
	sqlite3_busy_handler(lt->db, wait_a_little, lt);
	sqlite3_extended_result_codes(lt->db, 1);
	sqlite3_db_config(lt->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_db_config(lt->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_wal_autocheckpoint(lt->db, 0);
	sqlite3_wal_hook(lt->db, note_log_pages, lt);
	return lite_sql_exec(lt,
	    "PRAGMA synchronous = FULL;"
	    "PRAGMA cache_size = -" CACHE_KB ";"
	    "PRAGMA mmap_size = 0;"
	    "PRAGMA temp_store = MEMORY;"
	    "PRAGMA secure_delete = ON;"	/* what is erased is gone */
	    "PRAGMA journal_size_limit = 33554432", "open");
}

/* Only what is made so gives its free pages back to the disk one day. */
static int
make_shrinkable(struct lite *lt)
{
	int64_t pages;

	if (lite_schema_pragma(lt, "page_count", &pages) == -1)
		return -1;
	return pages != 0 || !lt->create ? 0 :
	    lite_sql_exec(lt, "PRAGMA auto_vacuum = INCREMENTAL", "open");
}

/* What the file is like, and what that means for room. */
static int
measure(struct lite *lt)
{
	int64_t vacuum;

	if (lite_schema_pragma(lt, "page_size", &lt->page_size) == -1 ||
	    lite_schema_pragma(lt, "auto_vacuum", &vacuum) == -1)
		return -1;
	lt->shrinks = vacuum == 2;	/* INCREMENTAL */
	lite_room_open(lt);
	return 0;
}

/* The journal mode SQLite really has after being asked for ${mode} ("": only asked). */
static int
journal_mode(struct lite *lt, const char *ask, bool *logged)
{
	sqlite3_stmt *s = NULL;
	int code;

	code = sqlite3_prepare_v2(lt->db, ask, -1, &s, NULL);
	if (code == SQLITE_OK && (code = sqlite3_step(s)) == SQLITE_ROW) {
		*logged = strcmp(lite_sql_column(s, 0), "wal") == 0;
		code = SQLITE_OK;
	}
	sqlite3_finalize(s);
	return code == SQLITE_OK ? 0 : lite_fault(lt, code, "journal mode");
}

/*
 * A write-ahead log where it can work, else a rollback journal.  TRUNCATE is
 * the kind whose end is itself synced, so that a journal of a finished
 * transaction cannot come back after a power cut.
 */
static int
choose_journal(struct lite *lt)
{
	bool network = lite_files_is_network(lt);
	int rc;

	if (journal_mode(lt, "PRAGMA journal_mode", &lt->logged) == -1)
		return -1;
	if (!lt->read_only && lt->logged == network) {
		if (lite_lock_writer(lt) == -1)
			return -1;
		rc = lite_sync_settle(lt);	/* leaving it is a checkpoint */
		if (rc == 0)
			rc = journal_mode(lt, network ?
			    "PRAGMA journal_mode = TRUNCATE" :
			    "PRAGMA journal_mode = WAL", &lt->logged);
		lite_lock_release(lt);
		if (rc == -1)
			return -1;
	}
	if (!lt->logged && !lt->read_only) {
		if (journal_mode(lt, "PRAGMA journal_mode = TRUNCATE",
		    &lt->logged) == -1)
			return -1;
		log_warn("outbox %s: no write-ahead log on this file system; "
		    "using a rollback journal, which is slower", lt->path);
	}
	return 0;
}

int
lite_open_connect(struct lite *lt)
{
	int code;

	if (lite_files_make(lt) == -1)
		return -1;
	code = sqlite3_open_v2(lt->path, &lt->db, SQLITE_OPEN_NOMUTEX |
	    (lt->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE),
	    NULL);
	if (code != SQLITE_OK) {
		lite_fault(lt, code, "open");
		goto fail;
	}
	lt->log_pages = 0;
	lite_schema_await(lt);
	if (settle_in(lt) == -1 || lite_sql_functions(lt) == -1 ||
	    make_shrinkable(lt) == -1 || lite_scrub_open(lt) == -1 ||
	    choose_journal(lt) == -1 || lite_schema_check(lt) == -1 || measure(lt) == -1 ||
	    lite_files_note(lt) == -1)
		goto fail;
	if (lt->lost)
		log_info("outbox %s: it is back", lt->path);
	lt->lost = false;
	return 0;
fail:
	lite_open_disconnect(lt);
	return -1;
}

void
lite_open_disconnect(struct lite *lt)
{
	lite_sql_finalize(lt);
	sqlite3_close(lt->db);		/* NULL is fine */
	lt->db = NULL;
	free(lt->source);
	lt->source = NULL;
}

struct store *
lite_open(const struct store_options *options, struct store_fault *fault)
{
	struct lite *lt;

	if ((lt = calloc(1, sizeof(*lt))) == NULL) {
		fault->kind = STORE_FAULT_MEMORY;
		strcpy(fault->text, "outbox: no memory");
		return NULL;
	}
	lt->store.ops = &store_sqlite;
	lt->create = options->create && !options->read_only;
	lt->yields = options->yields;
	lt->read_only = options->read_only;
	lt->max_waiting = options->max_waiting;
	lt->min_free = options->min_free;
	lt->busy_ms = (int)options->busy_ms;
	lt->until = clock_mono_ms() + lt->busy_ms;
	lt->brief = options->brief;
	lt->log_limit = lt->brief ? LOG_PAGES_BRIEF : LOG_PAGES;
	lt->lock_fd = lt->relay_fd = lt->wake_fd = -1;
	if (lite_taken_open(lt) == -1 ||
	    lite_files_find(lt, options->location) == -1 ||
	    lite_files_make(lt) == -1 || lite_lock_open(lt) == -1 ||
	    lite_open_connect(lt) == -1) {
		lite_files_explain(lt);
		*fault = lt->store.fault;
		lite_open_close(&lt->store);
		return NULL;
	}
	return &lt->store;
}

void
lite_open_close(struct store *st)
{
	struct lite *lt = (struct lite *)st;

	if (lt == NULL)
		return;
	lite_tidy_end(lt);
	lite_open_disconnect(lt);
	lite_lock_close(lt);
	lite_taken_close(lt);
	free(lt->destinations);
	free(lt->tallies);
	free(lt->begun);
	free(lt->folder);
	free(lt->path);
	for (int i = 0; i < LITE_BESIDES; i++)
		free(lt->beside[i]);
	free(lt);
}
