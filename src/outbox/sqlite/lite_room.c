/*
 * lite_room: what forbids a new event.
 *
 * Room is what the disk has and what is free inside the file, less what the log
 * may still add to the file when it is folded in: else that could not be done.
 * Where files may not grow beyond a limit, that is room's end, too.  Held events
 * leave twice the reserve to the others.
 */
#include "outbox/sqlite/lite.h"

#include <sys/resource.h>
#include <sys/statvfs.h>

#define FILE_RESERVE 4		/* a part of the file limit is kept, like min_free */
#define LOG_SHARE 4		/* the log takes at most such a part of a reserve */
#define LOG_PAGES_MIN 64

/* No longer a log than fits ${reserve} bytes that are kept free for it, too. */
static void
bound_log(struct lite *lt, uint64_t reserve)
{
	uint64_t pages = reserve / LOG_SHARE / (uint64_t)lt->page_size;

	if (pages < LOG_PAGES_MIN)
		pages = LOG_PAGES_MIN;
	if ((uint64_t)lt->log_limit > pages)
		lt->log_limit = (int)pages;
}

void
lite_room_open(struct lite *lt)
{
	struct rlimit limit;

	lt->file_limit = UINT64_MAX;
	if (getrlimit(RLIMIT_FSIZE, &limit) == 0 &&
	    limit.rlim_cur != RLIM_INFINITY)
		lt->file_limit = limit.rlim_cur;
	bound_log(lt, lt->file_limit);
	if (lt->min_free > 0)
		bound_log(lt, lt->min_free);
	lt->log_next = lt->log_limit;
}

/* Bytes in ${which}'s pages. */
static int
pages(struct lite *lt, enum lite_sql which, uint64_t *bytes)
{
	int64_t count;
	int rc = LITE_READ(lt, LITE_GET(lt, which), &count);

	*bytes = (uint64_t)(count * lt->page_size);
	return rc == -1 ? -1 : 0;
}

int
lite_room_disk(const struct lite *lt, uint64_t *bytes)
{
	struct statvfs fs;

	if (statvfs(lt->folder, &fs) == -1)
		return -1;
	*bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	return 0;
}

/* Once a transaction: a group of leads is small beside any reserve. */
static int
look(struct lite *lt)
{
	uint64_t owed = (uint64_t)lt->log_pages * (uint64_t)lt->page_size;
	uint64_t unused, used = 0;

	if (lt->space_seen)
		return 0;
	if (pages(lt, LITE_PAGES_FREE, &unused) == -1)
		return -1;
	lt->space_free = lt->space_file = UINT64_MAX;
	if (lite_room_disk(lt, &lt->space_free) == 0)	/* else writing will tell */
		lt->space_free += unused;
	if (lt->logged && lt->space_free != UINT64_MAX)
		lt->space_free -= owed < lt->space_free ? owed : lt->space_free;
	if (lt->file_limit != UINT64_MAX) {
		if (pages(lt, LITE_PAGES, &used) == -1)
			return -1;
		lt->space_file = (used < lt->file_limit ?
		    lt->file_limit - used : 0) + unused;
	}
	lt->space_seen = true;
	return 0;
}

/* Is less room left than must be kept?  For held ones twice as much. */
static bool
is_short(const struct lite *lt, bool held)
{
	uint64_t share = held ? 2 : 1, file = lt->file_limit / FILE_RESERVE;

	if (file > lt->min_free)
		file = lt->min_free;
	return lt->space_free / share < lt->min_free ||
	    lt->space_file / share < file;
}

/* Are as many events of the source held as may be?  1 yes, 0 no. */
static int
is_held_full(struct lite *lt, const struct event_in *in)
{
	sqlite3_stmt *s = LITE_GET(lt, LITE_HELD_GET);
	int64_t count;

	lite_sql_bind(s, 1, in->source);
	return LITE_READ(lt, s, &count) == -1 ? -1 : count >= in->max_held;
}

int
lite_room_limit(struct lite *lt, const struct event_in *in,
    const char **limit)
{
	bool held = in->hold != EVENT_HOLD_NONE;
	struct lite_head *head;
	int full;

	*limit = NULL;
	if ((head = lite_txn_head(lt)) == NULL)
		return -1;
	if (held) {
		if ((full = is_held_full(lt, in)) == -1)
			return -1;
		if (full == 1)
			*limit = "max_held";
	} else if (lt->max_waiting > 0 && head->open >= lt->max_waiting) {
		*limit = "max_waiting";
	}
	if (*limit != NULL || lt->min_free == 0)
		return 0;
	if (look(lt) == -1)
		return -1;
	if (is_short(lt, held))
		*limit = "min_free";
	return 0;
}

int
lite_room_held(struct lite *lt, int64_t lead, int delta)
{
	struct lite_head *head;

	if ((head = lite_txn_head(lt)) == NULL ||
	    LITE_RUN(lt, LITE_HELD_ADD, lead, delta) == -1)
		return -1;
	head->held += delta;
	head->changed = true;
	return 0;
}
