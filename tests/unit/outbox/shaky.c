#include "shaky.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct shaky_file {
	sqlite3_file base;
	bool shakes;			/* the log, or the rollback journal */
	_Alignas(sqlite3_int64) char real[];	/* as SQLite aligns files */
};

static struct shaky shaky;
static sqlite3_vfs vfs;
static sqlite3_io_methods methods;

static sqlite3_file *
real(sqlite3_file *file)
{
	return (sqlite3_file *)((struct shaky_file *)file)->real;
}

#define CALL(file, method, ...) \
	(real(file)->pMethods->method(real(file), ##__VA_ARGS__))

static int
shaky_close(sqlite3_file *f)
{
	return CALL(f, xClose);
}

static int
shaky_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
	return CALL(f, xRead, p, n, at);
}

static int
shaky_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	if (((struct shaky_file *)f)->shakes && shaky.write_code != 0 &&
	    shaky.writes_left-- <= 0) {
		shaky.failed++;
		return shaky.write_code;
	}
	return CALL(f, xWrite, p, n, at);
}

static int
shaky_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	return CALL(f, xTruncate, size);
}

static int
shaky_sync(sqlite3_file *f, int flags)
{
	int rc = CALL(f, xSync, flags);

	if (((struct shaky_file *)f)->shakes && shaky.sync_code != 0) {
		shaky.failed++;
		return shaky.sync_code;
	}
	return rc;
}

static int
shaky_size(sqlite3_file *f, sqlite3_int64 *size)
{
	return CALL(f, xFileSize, size);
}

static int
shaky_lock(sqlite3_file *f, int level)
{
	return CALL(f, xLock, level);
}

static int
shaky_unlock(sqlite3_file *f, int level)
{
	return CALL(f, xUnlock, level);
}

static int
shaky_check(sqlite3_file *f, int *out)
{
	return CALL(f, xCheckReservedLock, out);
}

static int
shaky_control(sqlite3_file *f, int op, void *arg)
{
	return CALL(f, xFileControl, op, arg);
}

static int
shaky_sector(sqlite3_file *f)
{
	return CALL(f, xSectorSize);
}

static int
shaky_device(sqlite3_file *f)
{
	return CALL(f, xDeviceCharacteristics);
}

static int
shaky_shm_map(sqlite3_file *f, int page, int size, int extend,
    void volatile **out)
{
	return CALL(f, xShmMap, page, size, extend, out);
}

static int
shaky_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
	return CALL(f, xShmLock, offset, n, flags);
}

static void
shaky_shm_barrier(sqlite3_file *f)
{
	CALL(f, xShmBarrier);
}

static int
shaky_shm_unmap(sqlite3_file *f, int delete)
{
	return CALL(f, xShmUnmap, delete);
}

static int
shaky_open(sqlite3_vfs *v, const char *name, sqlite3_file *file, int flags,
    int *out)
{
	struct shaky_file *f = (struct shaky_file *)file;
	sqlite3_vfs *below = v->pAppData;
	int rc;

	f->shakes = (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)) != 0;
	rc = below->xOpen(below, name, real(file), flags, out);
	file->pMethods = real(file)->pMethods != NULL ? &methods : NULL;
	return rc;
}

struct shaky *
shaky_install(void)
{
	sqlite3_vfs *below;

	memset(&shaky, 0, sizeof(shaky));
	if (vfs.zName != NULL)
		return &shaky;
	below = sqlite3_vfs_find(NULL);
	vfs = *below;
	vfs.zName = "shaky";
	vfs.pAppData = below;
	vfs.szOsFile = (int)offsetof(struct shaky_file, real) + below->szOsFile;
	vfs.xOpen = shaky_open;
	methods = (sqlite3_io_methods){ 2, shaky_close, shaky_read,
	    shaky_write, shaky_truncate, shaky_sync, shaky_size, shaky_lock,
	    shaky_unlock, shaky_check, shaky_control, shaky_sector,
	    shaky_device, shaky_shm_map, shaky_shm_lock, shaky_shm_barrier,
	    shaky_shm_unmap, NULL, NULL };
	sqlite3_vfs_register(&vfs, 1);
	return &shaky;
}
