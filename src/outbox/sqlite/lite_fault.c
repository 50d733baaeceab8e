/* lite_fault: what SQLite's and the system's errors mean to the outbox. */
#include "outbox/sqlite/lite.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

enum store_fault_kind
lite_fault_errno(int error)
{
	switch (error) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return STORE_FAULT_FULL;
	case ENOMEM:
		return STORE_FAULT_MEMORY;
	default:
		return STORE_FAULT_IO;
	}
}

/* What the system said last about a file; it has been asked other things since. */
static int
last_error(sqlite3_file *file)
{
	int error = 0;

	if (file != NULL && file->pMethods != NULL)
		(void)file->pMethods->xFileControl(file,
		    SQLITE_FCNTL_LAST_ERRNO, &error);
	return error;
}

/* A disk, or a file, that is full often shows as an error of input and output. */
static enum store_fault_kind
kind_of_io(struct lite *lt)
{
	static const int files[] = { SQLITE_FCNTL_JOURNAL_POINTER,
	    SQLITE_FCNTL_FILE_POINTER };
	enum store_fault_kind kind;
	sqlite3_file *file;

	if (lt->db == NULL)
		return STORE_FAULT_IO;
	kind = lite_fault_errno(sqlite3_system_errno(lt->db));
	for (int i = 0; i < 2 && kind == STORE_FAULT_IO; i++) {
		file = NULL;
		(void)sqlite3_file_control(lt->db, "main", files[i], &file);
		kind = lite_fault_errno(last_error(file));
	}
	return kind;
}

static enum store_fault_kind
kind_of(struct lite *lt, int code)
{
	switch (code & 0xff) {
	case SQLITE_FULL:
		return STORE_FAULT_FULL;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return STORE_FAULT_BUSY;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return STORE_FAULT_CORRUPT;
	case SQLITE_NOMEM:
		return STORE_FAULT_MEMORY;
	case SQLITE_IOERR:
		return kind_of_io(lt);
	default:
		return STORE_FAULT_IO;
	}
}

int
lite_fault(struct lite *lt, int code, const char *what)
{
	return lite_fault_set(lt, kind_of(lt, code), "outbox %s: %s: %s",
	    lt->path, what,
	    lt->db != NULL ? sqlite3_errmsg(lt->db) : sqlite3_errstr(code));
}

int
lite_fault_memory(struct lite *lt)
{
	return lite_fault_set(lt, STORE_FAULT_MEMORY, "outbox: no memory");
}

int
lite_fault_set(struct lite *lt, enum store_fault_kind kind, const char *fmt,
    ...)
{
	struct store_fault *fault = &lt->store.fault;
	va_list ap;

	fault->kind = kind;
	/* Where there is no room, the log may give some. */
	if (kind == STORE_FAULT_FULL)
		lt->fold = true;
	va_start(ap, fmt);
	vsnprintf(fault->text, sizeof(fault->text), fmt, ap);
	va_end(ap);
	return -1;
}
