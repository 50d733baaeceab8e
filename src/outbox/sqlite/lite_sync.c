/*
 * lite_sync: nothing is answered from what may not be on disk.
 *
 * Recovery reads the log through the kernel's cache.  What it finds there need
 * not be on disk: a process was killed between its write and its fsync, or an
 * fsync failed, after which the kernel takes the pages for clean and no later
 * fsync writes them.  Whoever commits behind such a hole, or copies over it by a
 * checkpoint, loses what he said yes to, or the whole file, when the power goes.
 *
 * So how far the log was synced is noted beside the database, after each commit
 * whose fsync worked and never before.  A transaction for writing that finds more
 * in the log than is noted writes those bytes again and syncs them before it does
 * anything else; the next commits, the answers that rest on them and checkpoints
 * come after it.  The note is written without a sync of its own: after a kill it
 * is there, and after a power cut an older one costs a rewrite, no more.
 *
 * With a rollback journal no bytes can be in doubt but the end of the last commit
 * (the journal was emptied, but that not synced): then the next transaction writes
 * something, and its own commit settles both.
 *
 * (That a commit's fsync covers all of the log is so because SQLite takes a sector
 * for whole, as it does by default, "psow".  Otherwise it pads the log with frames
 * behind its sync.)
 *
 * All this happens under the writer's lock.  The formats of the log and its index
 * are those of https://sqlite.org/walformat.html.
 */
#include "outbox/sqlite/lite.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOTE_AT 512			/* in the lock file */
#define NOTE_MAGIC 0x6c727331u
#define FRAME_HEADER 24
#define LOG_HEADER 32
#define INDEX_SIZE 32768		/* of the index's first part */

/* What is known to be on disk. */
struct note {
	uint32_t magic;
	uint32_t frames;		/* of the log */
	uint32_t salt[2];		/* of that log, as it stands in the index */
	uint32_t committing;		/* rollback journal: a commit has not ended */
};

/* The head of the log's index. */
struct log_index {
	uint32_t version, unused, change;
	uint8_t is_init, big_endian;
	uint16_t page_size;
	uint32_t frames;
	uint32_t pages;
	uint32_t checksum[2];		/* of the last frame */
	uint32_t salt[2];
};

static int
read_note(const struct lite *lt, struct note *note)
{
	memset(note, 0, sizeof(*note));
	return pread(lt->lock_fd, note, sizeof(*note), NOTE_AT) ==
	    (ssize_t)sizeof(*note) && note->magic == NOTE_MAGIC ? 0 : -1;
}

/* Should it not work, the former note stands, which says less. */
static void
write_note(const struct lite *lt, const struct note *note)
{
	(void)!pwrite(lt->lock_fd, note, sizeof(*note), NOTE_AT);
}

/* The index's head; within a transaction it cannot change. */
static int
read_index(struct lite *lt, struct log_index *index)
{
	sqlite3_file *db = NULL;
	void volatile *part = NULL;
	int code;

	code = sqlite3_file_control(lt->db, "main", SQLITE_FCNTL_FILE_POINTER, &db);
	if (code == SQLITE_OK)
		code = db->pMethods->xShmMap(db, 0, INDEX_SIZE, 0, &part);
	if (code != SQLITE_OK || part == NULL)
		return lite_fault_set(lt, STORE_FAULT_IO, "outbox %s: the log's "
		    "index: %s", lt->path, sqlite3_errstr(code));
	memcpy(index, (const void *)part, sizeof(*index));
	return 0;
}

/* --- writing again --------------------------------------------------------- */

static uint32_t
get32(const uint8_t *p, bool big_endian)
{
	return big_endian ?
	    (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] :
	    (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

/* Add ${len} bytes to the running checksum. */
static void
add_checksum(uint32_t sum[2], const uint8_t *p, size_t len, bool big_endian)
{
	for (size_t i = 0; i < len; i += 8) {
		sum[0] += get32(p + i, big_endian) + sum[1];
		sum[1] += get32(p + i + 4, big_endian) + sum[0];
	}
}

/* A pass over the part of the log that is in doubt. */
struct rewrite {
	sqlite3_file *log;
	uint8_t *bytes;			/* room for one frame */
	size_t frame;			/* its size */
	bool big_endian;		/* how checksums read words */
	uint32_t sum[2];
};

/*
 * The same bytes at the same place: readers see no difference, but now they are
 * to be written.
 */
static int
again(struct rewrite *rw, size_t len, sqlite3_int64 at)
{
	int code = rw->log->pMethods->xRead(rw->log, rw->bytes, (int)len, at);

	return code == SQLITE_OK ? rw->log->pMethods->xWrite(rw->log, rw->bytes,
	    (int)len, at) : code;
}

static sqlite3_int64
frame_at(const struct rewrite *rw, uint32_t i)
{
	return LOG_HEADER + (sqlite3_int64)i * (sqlite3_int64)rw->frame;
}

/* Begin behind ${from} frames: the checksum as it was there. */
static int
start(struct rewrite *rw, uint32_t from)
{
	size_t len = from == 0 ? LOG_HEADER : FRAME_HEADER;
	int code;

	if (from == 0)
		code = again(rw, len, 0);
	else
		code = rw->log->pMethods->xRead(rw->log, rw->bytes, (int)len,
		    frame_at(rw, from - 1));
	rw->sum[0] = get32(rw->bytes + len - 8, true);
	rw->sum[1] = get32(rw->bytes + len - 4, true);
	return code;
}

/*
 * Write frames ${from} to index->frames again and sync them.  *whole: they are
 * what the index says; if not, the cache has dropped what could not be written.
 */
static int
rewrite(struct rewrite *rw, const struct log_index *index, uint32_t from,
    bool *whole)
{
	int code = start(rw, from);

	for (uint32_t i = from; i < index->frames && code == SQLITE_OK; i++) {
		code = again(rw, rw->frame, frame_at(rw, i));
		add_checksum(rw->sum, rw->bytes, 8, rw->big_endian);
		add_checksum(rw->sum, rw->bytes + FRAME_HEADER,
		    rw->frame - FRAME_HEADER, rw->big_endian);
	}
	*whole = memcmp(rw->sum, index->checksum, sizeof(rw->sum)) == 0;
	if (code == SQLITE_OK && *whole)
		code = rw->log->pMethods->xSync(rw->log, SQLITE_SYNC_NORMAL);
	return code;
}

static int
make_certain(struct lite *lt, const struct log_index *index, uint32_t from)
{
	struct rewrite rw = {
		.frame = FRAME_HEADER + (index->page_size == 1 ? 65536u :
		    index->page_size),
		.big_endian = index->big_endian != 0
	};
	bool whole = false;
	int code;

	code = sqlite3_file_control(lt->db, "main", SQLITE_FCNTL_JOURNAL_POINTER,
	    &rw.log);
	if (code != SQLITE_OK || rw.log == NULL || rw.log->pMethods == NULL)
		return lite_fault_set(lt, STORE_FAULT_IO, "outbox %s: the log: %s",
		    lt->path, sqlite3_errstr(code));
	if ((rw.bytes = malloc(rw.frame)) == NULL)
		return lite_fault_memory(lt);
	code = rewrite(&rw, index, from, &whole);
	free(rw.bytes);
	if (code != SQLITE_OK)
		return lite_fault_set(lt, code == SQLITE_FULL ? STORE_FAULT_FULL :
		    STORE_FAULT_IO, "outbox %s: make the log certain: %s", lt->path,
		    sqlite3_errstr(code));
	if (!whole)
		return lite_fault_set(lt, STORE_FAULT_IO, "outbox %s: what could "
		    "not be written to the log is gone from memory; restart "
		    "every process that uses it", lt->path);
	return 0;
}

/* --- transactions ---------------------------------------------------------- */

static int
check_log(struct lite *lt)
{
	struct log_index index;
	struct note note;
	bool same;

	if (read_index(lt, &index) == -1)
		return -1;
	same = read_note(lt, &note) == 0 &&
	    memcmp(note.salt, index.salt, sizeof(note.salt)) == 0;
	if (same && note.frames == index.frames)
		return 0;
	if (!same || note.frames > index.frames)
		note.frames = 0;
	if (note.frames < index.frames &&
	    make_certain(lt, &index, note.frames) == -1)
		return -1;
	lt->log_pages = (int)index.frames;
	lite_sync_note(lt);
	return 0;
}

int
lite_sync_check(struct lite *lt)
{
	struct note note;

	if (lt->logged)
		return check_log(lt);
	if (read_note(lt, &note) == -1 || note.committing != 0)
		return lite_txn_try(&lt->store);
	return 0;
}

int
lite_sync_settle(struct lite *lt)
{
	int rc;

	if (!lt->logged)
		return 0;
	if (lite_sql_exec(lt, "BEGIN IMMEDIATE", "begin") == -1)
		return -1;
	rc = check_log(lt);
	sqlite3_exec(lt->db, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

void
lite_sync_begin(struct lite *lt)
{
	const struct note note = { .magic = NOTE_MAGIC, .committing = 1 };

	if (!lt->logged)
		write_note(lt, &note);
}

void
lite_sync_note(struct lite *lt)
{
	struct note note = { .magic = NOTE_MAGIC };
	struct log_index index;

	if (lt->logged) {
		if (read_index(lt, &index) == -1)
			return;
		note.frames = (uint32_t)lt->log_pages;
		memcpy(note.salt, index.salt, sizeof(note.salt));
	}
	write_note(lt, &note);
}
