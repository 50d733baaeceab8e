/*
 * lite_scrub: no page of the file keeps copies of what is no longer in it.
 *
 * With secure_delete SQLite writes zeros over whatever it deletes.  But when rows
 * move between the pages of a b-tree, a page may be put together anew, and the gap
 * before its first row then holds what stood there: a copy of a lead that is not
 * erased with it.  The gap means nothing and is never read.  So it is emptied in
 * every page on its way to the file; from the log, and from memory, copies go with
 * it (lite_tidy.c).
 *
 * Which pages are b-trees' is told by their first byte: overflow and free pages
 * begin with a page's number, whose first byte is less than any of theirs as long
 * as the file is not huge; pages of back pointers are known by their place.  The
 * format is that of https://sqlite.org/fileformat2.html.
 */
#include "outbox/sqlite/lite.h"

#include <string.h>

#define FILE_HEADER 100			/* before the first page's own */
#define PAGES_MAX (1 << 24)		/* beyond them nothing is touched */
#define PENDING 0x40000000		/* SQLite locks here; a page is left out */

/* Where the first byte says that pointers to the rows begin; 0: no page of a b-tree. */
static int
head_size(uint8_t kind)
{
	return kind == 2 || kind == 5 ? 12 : kind == 10 || kind == 13 ? 8 : 0;
}

/* May page ${number} (the first is 0) be one of back pointers? */
static bool
is_map(const struct lite_scrub *s, int64_t number, int size)
{
	int64_t pages = (size - s->reserved) / 5 + 1;

	return s->mapped && (number % pages == 1 || number == PENDING / size + 1);
}

/* Find the gap of the page ${p}, if it is one of a b-tree and has one. */
static bool
find_gap(const struct lite_scrub *s, const uint8_t *p, int size,
    int64_t number, int *from, int *to)
{
	const uint8_t *head = number == 0 ? p + FILE_HEADER : p;
	int length = head_size(head[0]);

	if (length == 0 || is_map(s, number, size))
		return false;
	*from = (int)(head - p) + length + 2 * (head[3] << 8 | head[4]);
	*to = head[5] << 8 | head[6];
	if (*to == 0)
		*to = 65536;
	return *from < *to && *to <= size;
}

static int
scrub_write(sqlite3_file *file, const void *bytes, int size, sqlite3_int64 at)
{
	struct lite_scrub *s = (struct lite_scrub *)(uintptr_t)file->pMethods;
	sqlite3_int64 whole;
	int from, to;

	if (size >= 512 && size <= (int)sizeof(s->page) && at % size == 0 &&
	    s->real->xFileSize(file, &whole) == SQLITE_OK &&
	    whole / size < PAGES_MAX &&
	    find_gap(s, bytes, size, at / size, &from, &to)) {
		memcpy(s->page, bytes, (size_t)size);
		memset(s->page + from, 0, (size_t)(to - from));
		bytes = s->page;
	}
	return s->real->xWrite(file, bytes, size, at);
}

int
lite_scrub_open(struct lite *lt)
{
	struct lite_scrub *s = &lt->scrub;
	sqlite3_file *file = NULL;
	int64_t vacuum;
	int code;

	if (lite_schema_pragma(lt, "auto_vacuum", &vacuum) == -1)
		return -1;
	s->mapped = vacuum != 0;
	s->reserved = -1;		/* asks */
	code = sqlite3_file_control(lt->db, "main", SQLITE_FCNTL_RESERVE_BYTES,
	    &s->reserved);
	if (code == SQLITE_OK)
		code = sqlite3_file_control(lt->db, "main",
		    SQLITE_FCNTL_FILE_POINTER, &file);
	if (code != SQLITE_OK)
		return lite_fault(lt, code, "open");
	s->real = file->pMethods;
	s->methods = *s->real;
	s->methods.xWrite = scrub_write;
	file->pMethods = &s->methods;
	return 0;
}
