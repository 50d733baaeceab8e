#include "disk.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTOR 512
#define FILES 16

/* What is known of one file, over all its openings. */
struct image {
	char path[256];
	char *synced;			/* as it is on the disk */
	size_t size, room;
	unsigned char *dirty;		/* a byte a sector: written, not yet synced */
	size_t sectors, dirty_room;
	bool resized;			/* truncated since */
};

struct disk_file {
	sqlite3_file base;
	struct image *image;		/* NULL: a file that is never synced */
	bool log;			/* the log, or the rollback journal */
	_Alignas(sqlite3_int64) char real[];	/* as SQLite aligns files */
};

static struct disk disk;
static struct image images[FILES];
static sqlite3_vfs vfs;
static sqlite3_io_methods methods;

static sqlite3_file *
real(sqlite3_file *file)
{
	return (sqlite3_file *)((struct disk_file *)file)->real;
}

#define CALL(file, method, ...) \
	(real(file)->pMethods->method(real(file), ##__VA_ARGS__))

/* --- what is on the disk --------------------------------------------------- */

/* The whole of ${path}; the caller frees. */
static char *
read_whole(const char *path, size_t *size)
{
	struct stat sb;
	char *bytes;
	int fd = open(path, O_RDONLY);

	*size = 0;
	if (fd == -1)
		return NULL;
	if (fstat(fd, &sb) == -1 || (bytes = malloc((size_t)sb.st_size + 1)) == NULL)
		abort();
	if (read(fd, bytes, (size_t)sb.st_size) != sb.st_size)
		abort();
	close(fd);
	*size = (size_t)sb.st_size;
	return bytes;
}

static struct image *
find_image(const char *path)
{
	for (int i = 0; i < FILES; i++) {
		if (strcmp(images[i].path, path) == 0)
			return &images[i];
		if (images[i].path[0] != '\0')
			continue;
		snprintf(images[i].path, sizeof(images[i].path), "%s", path);
		images[i].synced = read_whole(path, &images[i].size);
		return &images[i];
	}
	abort();
}

/* Room for ${size} bytes, and for some more that will come. */
static void *
grow(void *bytes, size_t size, size_t *room)
{
	if (size <= *room)
		return bytes;
	*room = 2 * size;
	if ((bytes = realloc(bytes, *room)) == NULL)
		abort();
	return bytes;
}

static void
mark_dirty(struct image *image, sqlite3_int64 at, int n)
{
	size_t end = (size_t)(at + n + SECTOR - 1) / SECTOR;

	if (end > image->sectors) {
		image->dirty = grow(image->dirty, end, &image->dirty_room);
		memset(image->dirty + image->sectors, 0, end - image->sectors);
		image->sectors = end;
	}
	memset(image->dirty + at / SECTOR, 1, end - (size_t)at / SECTOR);
}

/* Sector ${i} as it was written reaches the disk. */
static void
write_sector(struct image *image, size_t i, const char *bytes, size_t size)
{
	size_t from = i * SECTOR, to = from + SECTOR < size ? from + SECTOR : size;

	if (from >= to)
		return;
	if (to > image->size) {
		image->synced = grow(image->synced, to, &image->room);
		memset(image->synced + image->size, 0, to - image->size);
		image->size = to;
	}
	memcpy(image->synced + from, bytes + from, to - from);
}

/* Of what is dirty all reaches the disk, or what ${seed} chooses (0: none). */
static void
write_back(struct image *image, bool all, unsigned seed)
{
	char *bytes;
	size_t size;

	bytes = read_whole(image->path, &size);
	/* A file's size is not forgotten: the next sync that works writes it. */
	if (size < image->size && (all || (image->resized && rand_r(&seed) % 2)))
		image->size = size;
	for (size_t i = 0; i < image->sectors; i++)
		if (image->dirty[i] && (all || (seed != 0 && rand_r(&seed) % 2)))
			write_sector(image, i, bytes, size);
	if (image->sectors > 0)
		memset(image->dirty, 0, image->sectors);
	image->resized = image->resized && size < image->size;
	free(bytes);
}

void
disk_power_cut(unsigned seed)
{
	char shm[sizeof(images[0].path) + 8];
	int fd;

	for (int i = 0; i < FILES && images[i].path[0] != '\0'; i++) {
		write_back(&images[i], false, seed + (unsigned)i * 7919u);
		if ((fd = open(images[i].path, O_WRONLY)) == -1)
			continue;
		if (ftruncate(fd, 0) == -1 || write(fd, images[i].synced,
		    images[i].size) != (ssize_t)images[i].size)
			abort();
		close(fd);
		/* It stood in memory alone. */
		if (snprintf(shm, sizeof(shm), "%s-shm", images[i].path) > 0)
			unlink(shm);
	}
}

/* --- what fails ------------------------------------------------------------ */

/* One more call: is the machine still there? */
static bool
goes_on(const struct disk_file *f)
{
	if (f->image == NULL)
		return true;
	disk.calls++;
	if (disk.stop_at == 0 || disk.calls < disk.stop_at)
		return true;
	disk.failed++;
	return false;
}

static bool
sync_fails(const struct disk_file *f)
{
	if (disk.fail_log_only && !f->log)
		return false;
	disk.syncs++;
	return (disk.fail_from != 0 && disk.syncs >= disk.fail_from &&
	    disk.syncs <= disk.fail_to) ||
	    (disk.fail_every != 0 && disk.syncs % disk.fail_every == 0);
}

/* --- between SQLite and the system ----------------------------------------- */

static int
disk_close(sqlite3_file *f)
{
	return CALL(f, xClose);
}

static int
disk_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
	return CALL(f, xRead, p, n, at);
}

static int
disk_write(sqlite3_file *file, const void *p, int n, sqlite3_int64 at)
{
	struct disk_file *f = (struct disk_file *)file;

	if (!goes_on(f))
		return SQLITE_IOERR_WRITE;
	if (f->log && disk.write_code != 0 && disk.writes_left-- <= 0) {
		disk.failed++;
		return disk.write_code;
	}
	if (f->image != NULL)
		mark_dirty(f->image, at, n);
	return CALL(file, xWrite, p, n, at);
}

static int
disk_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	struct disk_file *f = (struct disk_file *)file;

	if (!goes_on(f))
		return SQLITE_IOERR_TRUNCATE;
	if (f->image != NULL)
		f->image->resized = true;
	return CALL(file, xTruncate, size);
}

static int
disk_sync(sqlite3_file *file, int flags)
{
	struct disk_file *f = (struct disk_file *)file;

	(void)flags;
	if (!goes_on(f))
		return SQLITE_IOERR_FSYNC;
	if (f->image == NULL)
		return SQLITE_OK;
	if (sync_fails(f)) {
		disk.failed++;
		/* Some of it may have been written; the rest is forgotten. */
		write_back(f->image, false, (unsigned)disk.syncs);
		return SQLITE_IOERR_FSYNC;
	}
	write_back(f->image, true, 0);
	return SQLITE_OK;
}

static int
disk_size(sqlite3_file *f, sqlite3_int64 *size)
{
	return CALL(f, xFileSize, size);
}

static int
disk_lock(sqlite3_file *f, int level)
{
	return CALL(f, xLock, level);
}

static int
disk_unlock(sqlite3_file *f, int level)
{
	return CALL(f, xUnlock, level);
}

static int
disk_check(sqlite3_file *f, int *out)
{
	return CALL(f, xCheckReservedLock, out);
}

static int
disk_control(sqlite3_file *f, int op, void *arg)
{
	return CALL(f, xFileControl, op, arg);
}

static int
disk_sector(sqlite3_file *f)
{
	(void)f;
	return SECTOR;
}

static int
disk_device(sqlite3_file *f)
{
	(void)f;
	/* What SQLite believes of every disk on Unix, and no more. */
	return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static int
disk_shm_map(sqlite3_file *f, int page, int size, int extend,
    void volatile **out)
{
	return CALL(f, xShmMap, page, size, extend, out);
}

static int
disk_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
	return CALL(f, xShmLock, offset, n, flags);
}

static void
disk_shm_barrier(sqlite3_file *f)
{
	CALL(f, xShmBarrier);
}

static int
disk_shm_unmap(sqlite3_file *f, int delete)
{
	return CALL(f, xShmUnmap, delete);
}

static int
disk_open(sqlite3_vfs *v, const char *name, sqlite3_file *file, int flags,
    int *out)
{
	const int synced = SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL |
	    SQLITE_OPEN_MAIN_JOURNAL;
	struct disk_file *f = (struct disk_file *)file;
	sqlite3_vfs *below = v->pAppData;
	int rc;

	f->log = (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)) != 0;
	f->image = NULL;
	rc = below->xOpen(below, name, real(file), flags, out);
	if (rc == SQLITE_OK && (flags & synced) != 0)
		f->image = find_image(name);
	file->pMethods = real(file)->pMethods != NULL ? &methods : NULL;
	return rc;
}

void
disk_mend(void)
{
	memset(&disk, 0, sizeof(disk));
}

struct disk *
disk_install(void)
{
	sqlite3_vfs *below;

	disk_mend();
	for (int i = 0; i < FILES; i++) {
		free(images[i].synced);
		free(images[i].dirty);
		memset(&images[i], 0, sizeof(images[i]));
	}
	if (vfs.zName != NULL)
		return &disk;
	below = sqlite3_vfs_find(NULL);
	vfs = *below;
	vfs.zName = "disk";
	vfs.pAppData = below;
	vfs.szOsFile = (int)offsetof(struct disk_file, real) + below->szOsFile;
	vfs.xOpen = disk_open;
	methods = (sqlite3_io_methods){ 2, disk_close, disk_read, disk_write,
	    disk_truncate, disk_sync, disk_size, disk_lock, disk_unlock,
	    disk_check, disk_control, disk_sector, disk_device, disk_shm_map,
	    disk_shm_lock, disk_shm_barrier, disk_shm_unmap, NULL, NULL };
	sqlite3_vfs_register(&vfs, 1);
	return &disk;
}
