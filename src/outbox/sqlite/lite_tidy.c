/*
 * lite_tidy: what commits put off: the log is folded into the database, room goes
 * back to the disk, and files that are gone are noticed.
 *
 * A purge writes the pages it emptied anew (secure_delete, lite_scrub.c); the log still holds
 * them as they were, so it is emptied, too, once no reader needs it.  The store
 * itself remembers that this is to be done: should one process end before it has,
 * another does it.
 */
#include "outbox/sqlite/lite.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#define FOLD_PAUSE_MS 200	/* a reader is in the way: again after that */
#define LOG_WAIT_MS 500		/* for the lock, when the log is long overdue */
#define SHRINK_PAGES "128"	/* given back in one step */
#define SLACK_PAGES 256		/* free pages that are kept, at least */
#define SLACK_PART 4		/* and this part of the file */

/* --- the log -------------------------------------------------------------- */

static int
checkpoint(struct lite *lt, int mode, int *pages, int *done)
{
	int code;

	*pages = *done = 0;
	if (lite_sync_settle(lt) == -1)
		return SQLITE_IOERR;	/* a hole may be no part of the database */
	code = sqlite3_wal_checkpoint_v2(lt->db, NULL, mode, pages, done);
	if (code == SQLITE_OK && *done == *pages)
		lt->log_pages = 0;
	/* A reader may hold it back: then not again before it has grown somewhat. */
	lt->log_next = *done < *pages ? *pages + lt->log_limit / 4 : lt->log_limit;
	if (code == SQLITE_BUSY)
		return code;
	if (code != SQLITE_OK && !lt->log_warned)
		log_warn("outbox %s: checkpoint: %s", lt->path,
		    sqlite3_errmsg(lt->db));
	lt->log_warned = code != SQLITE_OK;
	return code;
}

/*
 * What a passive checkpoint folded in is known only as long as somebody has the
 * file open: the next opener after the last would read through all of the log,
 * and write behind it.  So a brief connection takes the log away, or leaves it
 * to somebody else when another is using it.  A log that readers have kept from
 * beginning anew is waited for: it lives on the reserve.
 */
static void
fold_in(struct lite *lt)
{
	bool overdue = lt->log_pages >= 2 * lt->log_limit;
	int64_t now = clock_mono_ms();
	int pages, done;

	if (overdue)
		lt->until = now + LOG_WAIT_MS;
	if (lite_lock_writer(lt) == -1)
		return;			/* the next commit comes by again */
	if (!overdue)
		lt->until = now;
	(void)checkpoint(lt, lt->brief || overdue ? SQLITE_CHECKPOINT_TRUNCATE :
	    SQLITE_CHECKPOINT_PASSIVE, &pages, &done);
	lite_lock_release(lt);
}

/* How often something was deleted, and up to when the log was emptied for that. */
static int
read_purged(struct lite *lt, int64_t *purged, int64_t *folded)
{
	const struct lite_head *head;

	if (lite_txn_begin(&lt->store, false) == -1)
		return -1;
	if ((head = lite_txn_head(lt)) == NULL) {
		lite_txn_rollback(&lt->store);
		return -1;
	}
	*purged = head->purged;
	*folded = head->folded;
	return lite_txn_commit(&lt->store);
}

static int
write_folded(struct lite *lt, int64_t purged)
{
	if (lite_txn_begin(&lt->store, true) == -1)
		return -1;
	if (LITE_RUN(lt, LITE_PURGED_FOLDED, purged) != -1)
		return lite_txn_commit(&lt->store);
	lite_txn_rollback(&lt->store);
	return -1;
}

int
lite_tidy_deleted(struct lite *lt)
{
	lt->fold = true;
	return LITE_RUN(lt, LITE_PURGED_ADD);
}

/* Empty the log, waiting for others until lt->until.  -1: not done. */
static int
fold(struct lite *lt)
{
	int64_t purged = 0, folded = 0;
	int code, pages, done;

	if (read_purged(lt, &purged, &folded) == -1 ||
	    lite_lock_writer(lt) == -1)
		return -1;
	code = checkpoint(lt, SQLITE_CHECKPOINT_TRUNCATE, &pages, &done);
	if (code != SQLITE_OK)
		lite_fault(lt, code, "empty the log");
	lite_lock_release(lt);
	if (code != SQLITE_OK)
		return -1;
	/* What is in memory was read when it held more. */
	(void)sqlite3_db_release_memory(lt->db);
	lt->fold = lt->shrunk = false;
	/* Should this not be written, it is only done once more. */
	if (purged > folded)
		(void)write_folded(lt, purged);
	return 0;
}

/* --- room ----------------------------------------------------------------- */

/* Are there more free pages than are soon needed again? */
static bool
is_slack(struct lite *lt)
{
	int64_t pages, unused;

	if (LITE_READ(lt, LITE_GET(lt, LITE_PAGES), &pages) != 1 ||
	    LITE_READ(lt, LITE_GET(lt, LITE_PAGES_FREE), &unused) != 1)
		return false;
	return unused > SLACK_PAGES && unused > pages / SLACK_PART;
}

/* One step.  True: there is more. */
static bool
shrink(struct lite *lt)
{
	struct store *st = &lt->store;

	if (!is_slack(lt)) {
		/* The file becomes shorter when the log is folded in. */
		lt->fold |= lt->shrunk;
		return false;
	}
	if (lite_txn_begin(st, true) == -1)
		return false;
	if (sqlite3_exec(lt->db, "PRAGMA incremental_vacuum(" SHRINK_PAGES ")",
	    NULL, NULL, NULL) != SQLITE_OK) {
		lite_txn_rollback(st);
		return false;
	}
	lt->shrunk = true;
	return lite_txn_commit(st) == 0;
}

/* --- all of it ------------------------------------------------------------ */

/* Are the files in their place?  And did another process leave us something to do? */
static void
look(struct lite *lt)
{
	int64_t purged = 0, folded = 0;
	int rc;

	if (lite_lock_writer(lt) == -1)
		return;
	rc = lite_files_check(lt);
	lite_lock_release(lt);
	if (rc == 0 && read_purged(lt, &purged, &folded) == 0)
		lt->fold |= purged > folded;
}

/* From here on, which is nobody's transaction, wait for others for at most ${ms}. */
static int64_t
be_patient(struct lite *lt, int64_t ms)
{
	int64_t now = clock_mono_ms();

	memset(&lt->store.fault, 0, sizeof(lt->store.fault));
	lt->until = lt->store.until_mono_ms = now + ms;
	return now;
}

bool
lite_tidy(struct store *st, bool idle)
{
	struct lite *lt = (struct lite *)st;
	bool more = false;
	int64_t now;

	if (lt->read_only)
		return false;
	now = be_patient(lt, 0);
	if (idle && lt->db != NULL)
		look(lt);
	if (lt->db != NULL && lt->log_pages >= lt->log_next)
		fold_in(lt);
	if (idle && lt->db != NULL && lt->shrinks)
		more = shrink(lt);
	if (lt->fold && now >= lt->fold_next) {
		(void)fold(lt);
		lt->fold_next = now + FOLD_PAUSE_MS;
	}
	st->until_mono_ms = 0;
	return more || lt->fold;
}

void
lite_tidy_end(struct lite *lt)
{
	if (!lt->fold || lt->db == NULL || lt->read_only)
		return;
	(void)be_patient(lt, FOLD_PAUSE_MS);
	(void)fold(lt);
}

int
lite_tidy_erase_log(struct store *st)
{
	struct lite *lt = (struct lite *)st;
	int rc;

	(void)be_patient(lt, lt->busy_ms);
	rc = fold(lt);
	st->until_mono_ms = 0;
	return rc;
}
