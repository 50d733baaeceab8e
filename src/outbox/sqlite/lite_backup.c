/*
 * lite_backup: a copy of the whole outbox, as of one moment.
 *
 * The pages are copied within the caller's transaction for reading: whatever
 * others commit meanwhile goes to the log and is not part of it.  Nobody waits;
 * only the log cannot begin anew until the copy is done.
 */
#include "outbox/sqlite/lite.h"

/* Copy every page.  Returns SQLite's code; ${copy} has the words. */
static int
copy_pages(struct lite *lt, sqlite3 *copy)
{
	sqlite3_backup *backup;
	int code;

	backup = sqlite3_backup_init(copy, "main", lt->db, "main");
	if (backup == NULL)
		return sqlite3_errcode(copy);
	code = sqlite3_backup_step(backup, -1);
	(void)sqlite3_backup_finish(backup);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

int
lite_backup(struct store *st, const char *path)
{
	struct lite *lt = (struct lite *)st;
	sqlite3 *copy = NULL;
	int code, closed;

	code = sqlite3_open_v2(path, &copy, SQLITE_OPEN_READWRITE, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_exec(copy, "PRAGMA synchronous = FULL", NULL,
		    NULL, NULL);
	if (code == SQLITE_OK)
		code = copy_pages(lt, copy);
	closed = sqlite3_close(copy);
	if (code == SQLITE_OK && (code = closed) == SQLITE_OK)
		return 0;
	return lite_fault_set(lt, code == SQLITE_FULL ? STORE_FAULT_FULL :
	    STORE_FAULT_IO, "copy %s: %s", path, sqlite3_errstr(code));
}
