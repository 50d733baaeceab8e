/*
 * lite_files: the folder the outbox lives in, and the files beside it.
 *
 * The folder is made canonical, and the database may be no symbolic link, so
 * that everybody who means one database also means one set of lock files.
 */
#include "outbox/sqlite/lite.h"

#include <sys/stat.h>
#include <sys/vfs.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

/* After a loss: other processes see it, too, before anybody makes the files anew. */
#define REST_MS 1000

static const char *const suffixes[LITE_BESIDES] = {
	[LITE_LOG] = "-wal", [LITE_INDEX] = "-shm", [LITE_JOURNAL] = "-journal",
	[LITE_LOCK] = "-lock", [LITE_RELAY] = "-relay", [LITE_WAKE] = "-wake",
	[LITE_COPY] = "-before"
};

/* File systems where memory cannot be shared as a WAL needs it. */
static const unsigned long network_magic[] = {
	0x6969,				/* NFS */
	0xff534d42,			/* CIFS */
	0xfe534d42,			/* SMB2 */
	0x517b,				/* SMB */
	0x65735546,			/* FUSE: sshfs and the like */
	0x01021997,			/* 9p */
	0x5346414f,			/* AFS */
	0x00c36400,			/* Ceph */
	0x0bd00bd0,			/* Lustre */
	0x47504653			/* GPFS */
};

bool
lite_files_is_network(const struct lite *lt)
{
	struct statfs fs;

	if (statfs(lt->folder, &fs) == -1)
		return false;
	for (size_t i = 0; i < sizeof(network_magic) / sizeof(network_magic[0]); i++)
		/* f_type is signed, and its width differs. */
		if ((uint32_t)fs.f_type == (uint32_t)network_magic[i])
			return true;
	return false;
}

/* Is this the file? */
static bool
is_file(const struct lite_file *file, const struct stat *sb)
{
	return file->device == sb->st_dev && file->inode == sb->st_ino;
}

/* Is the file that was found at ${path}, if any was, still there? */
static bool
is_at(const char *path, const struct lite_file *file)
{
	struct stat sb;

	return !file->known || (stat(path, &sb) == 0 && is_file(file, &sb));
}

static void
note(const char *path, struct lite_file *file)
{
	struct stat sb = { 0 };
	bool known = stat(path, &sb) == 0;

	*file = (struct lite_file){ known, sb.st_dev, sb.st_ino };
}

bool
lite_files_is_file(const char *path, int fd)
{
	struct stat ours, theirs;

	return fstat(fd, &ours) == 0 && stat(path, &theirs) == 0 &&
	    ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

bool
lite_files_is_there(const struct lite *lt)
{
	return is_at(lt->path, &lt->file);
}

int
lite_files_note(struct lite *lt)
{
	struct lite_file file;
	int moved = 0;

	note(lt->path, &file);
	lt->log_file.known = lt->index_file.known = false;
	if (lt->logged) {
		note(lt->beside[LITE_LOG], &lt->log_file);
		note(lt->beside[LITE_INDEX], &lt->index_file);
	}
	/* SQLite's own answer, in case somebody was quick. */
	if (!file.known || (sqlite3_file_control(lt->db, "main",
	    SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved))
		return lite_fault_set(lt, STORE_FAULT_IO,
		    "outbox %s: moved while it was being opened", lt->path);
	/* Never again: other threads look at it. */
	if (!lt->file.known)
		lt->file = file;
	return 0;
}

/*
 * The log's name is gone, but we hold the log: fold it into the database while
 * that can be done, and empty it, lest it be put back one day.  A reader may have
 * made another log since; but once somebody has written to that one, ours is no
 * continuation of the database any more.
 */
static void
save_log(struct lite *lt)
{
	int code, all = 0, done = 0;
	struct stat sb;

	if (lt->read_only || is_at(lt->beside[LITE_LOG], &lt->log_file))
		return;
	if (stat(lt->beside[LITE_LOG], &sb) == 0 && sb.st_size > 0) {
		log_err("outbox %s: another log was begun beside it: what only the "
		    "former one held is lost", lt->path);
		return;
	}
	code = lite_sync_settle(lt) == -1 ? SQLITE_IOERR :
	    sqlite3_wal_checkpoint_v2(lt->db, NULL,
	    SQLITE_CHECKPOINT_TRUNCATE, &all, &done);
	if (code == SQLITE_OK || (code == SQLITE_BUSY && done == all))
		log_warn("outbox %s: all that was in the log is saved",
		    lt->path);
	else
		log_err("outbox %s: what was in the log is lost, %d pages of "
		    "%d: %s", lt->path, all - done, all,
		    sqlite3_errmsg(lt->db));
}

int
lite_files_check(struct lite *lt)
{
	bool there = lite_files_is_there(lt), log = is_at(lt->beside[LITE_LOG], &lt->log_file);

	/* The index is what keeps processes on one log from each other. */
	if (there && log && is_at(lt->beside[LITE_INDEX], &lt->index_file))
		return 0;
	lite_fault_set(lt, STORE_FAULT_IO, "outbox %s%s: moved, unlinked or "
	    "replaced", lt->path, !there ? "" : log ? "-shm" : "-wal");
	log_err("%s", lt->store.fault.text);
	if (there)
		save_log(lt);
	lt->lost = true;
	lt->rest_until = clock_mono_ms() + REST_MS;
	lite_open_disconnect(lt);
	return -1;
}

int
lite_files_rest(struct lite *lt)
{
	if (lt->db != NULL || clock_mono_ms() >= lt->rest_until)
		return 0;
	return lite_fault_set(lt, STORE_FAULT_IO, "outbox %s: a file of it was "
	    "moved, unlinked or replaced just now", lt->path);
}

/* fsync a folder, so that a name made in it is there after a power cut. */
static void
sync_folder(const char *path)
{
	int fd;

	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return;
	fsync(fd);
	close(fd);
}

/* ${location} up to its last slash; the caller frees. */
static char *
folder_of(const char *location)
{
	const char *slash = strrchr(location, '/');

	if (slash == NULL)
		return strdup(".");
	return slash == location ? strdup("/") :
	    strndup(location, (size_t)(slash - location));
}

/* Make the folder when it is absent.  Its parent must be there. */
static int
make_folder(struct lite *lt, const char *folder)
{
	char *parent;

	if (mkdir(folder, 0700) == -1) {
		if (errno == EEXIST)
			return 0;
		return lite_fault_set(lt, STORE_FAULT_CANTCREAT,
		    "outbox: cannot make the folder %s: %s", folder,
		    strerror(errno));
	}
	chmod(folder, 0700);		/* whatever the umask */
	if ((parent = folder_of(folder)) != NULL)
		sync_folder(parent);
	free(parent);
	return 0;
}

/* The paths of the database ${base} and of what is beside it. */
static int
name_files(struct lite *lt, const char *folder, const char *base)
{
	if (asprintf(&lt->path, "%s/%s", folder, base) == -1) {
		lt->path = NULL;
		return lite_fault_memory(lt);
	}
	for (int i = 0; i < LITE_BESIDES; i++)
		if (asprintf(&lt->beside[i], "%s%s", lt->path, suffixes[i]) == -1) {
			lt->beside[i] = NULL;
			return lite_fault_memory(lt);
		}
	return 0;
}

int
lite_files_find(struct lite *lt, const char *location)
{
	const char *slash = strrchr(location, '/');
	const char *base = slash != NULL ? slash + 1 : location;
	char *folder = NULL;
	int rc = -1;

	if (*base == '\0' || strcmp(base, ".") == 0 || strcmp(base, "..") == 0)
		return lite_fault_set(lt, STORE_FAULT_CANTCREAT,
		    "outbox: \"%s\" names no file", location);
	if ((folder = folder_of(location)) == NULL) {
		lite_fault_memory(lt);
		goto out;
	}
	if (lt->create && make_folder(lt, folder) == -1)
		goto out;
	if ((lt->folder = realpath(folder, NULL)) == NULL) {
		lite_fault_set(lt, errno == ENOENT || errno == ENOTDIR ?
		    STORE_FAULT_ABSENT : lite_fault_errno(errno),
		    "outbox: %s: %s", folder, strerror(errno));
		goto out;
	}
	rc = name_files(lt, strcmp(lt->folder, "/") == 0 ? "" : lt->folder, base);
out:
	free(folder);
	return rc;
}

/*
 * There is no database, or none any more.  Is a log of one there, it may hold what
 * the database does not, and a new database would be the end of it.
 */
static int
refuse_absent(struct lite *lt)
{
	static const enum lite_beside logs[] = { LITE_LOG, LITE_JOURNAL };
	struct stat sb;

	if (lt->file.known)
		return lite_fault_set(lt, STORE_FAULT_IO, "outbox %s: moved or "
		    "unlinked: nothing is accepted until it is back", lt->path);
	for (int i = 0; i < 2; i++)
		if (lstat(lt->beside[logs[i]], &sb) == 0)
			return lite_fault_set(lt, STORE_FAULT_IO, "outbox %s: "
			    "moved or unlinked, but its %s is there: put it back, "
			    "or move that away too, to begin anew", lt->path,
			    suffixes[logs[i]]);
	return lt->create ? 0 : lite_fault_set(lt, STORE_FAULT_ABSENT,
	    "outbox %s: there is none yet", lt->path);
}

int
lite_files_make(struct lite *lt)
{
	struct stat sb;
	int fd;

	if (lstat(lt->path, &sb) == 0) {
		if (!S_ISREG(sb.st_mode))
			return lite_fault_set(lt, STORE_FAULT_CANTCREAT,
			    "outbox %s: not a regular file%s", lt->path,
			    S_ISLNK(sb.st_mode) ?
			    ": name what the link points to" : "");
		if (lt->file.known && !is_file(&lt->file, &sb))
			return lite_fault_set(lt, STORE_FAULT_IO, "outbox %s: "
			    "another file is in its place: restart leadrelay to "
			    "go on with that one", lt->path);
		return 0;
	}
	if (errno != ENOENT)
		return lite_fault_set(lt, errno == ENOTDIR ?
		    STORE_FAULT_CANTCREAT : lite_fault_errno(errno),
		    "outbox %s: %s", lt->path, strerror(errno));
	if (refuse_absent(lt) == -1)
		return -1;

	/* Before SQLite does, which would leave the mode to the umask. */
	fd = open(lt->path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	    0600);
	if (fd == -1 && errno == EEXIST)
		return 0;		/* another process was quicker */
	if (fd == -1)
		return lite_fault_set(lt, STORE_FAULT_CANTCREAT,
		    "outbox %s: cannot create: %s", lt->path, strerror(errno));
	fchmod(fd, 0600);
	close(fd);
	sync_folder(lt->folder);
	return 0;
}

int
lite_files_open(const struct lite *lt, enum lite_beside which, int flags)
{
	return open(lt->beside[which], flags | O_NOFOLLOW | O_CLOEXEC, 0600);
}

/* May we not use ${path}, which is there?  ${sb} is about it then. */
static bool
is_closed(const char *path, int how, struct stat *sb)
{
	return faccessat(AT_FDCWD, path, how, AT_EACCESS) == -1 &&
	    errno == EACCES && stat(path, sb) == 0;
}

void
lite_files_explain(struct lite *lt)
{
	char me[IDENTITY_NAME_SIZE], owner[IDENTITY_NAME_SIZE];
	char whose[IDENTITY_NAME_SIZE];	/* the folder is */
	enum store_fault_kind kind = lt->store.fault.kind;
	const char *at = lt->folder;
	struct stat folder, sb;

	if ((kind != STORE_FAULT_IO && kind != STORE_FAULT_CANTCREAT) ||
	    at == NULL || stat(lt->folder, &folder) == -1)
		return;
	if (!is_closed(at, lt->read_only ? X_OK : W_OK | X_OK, &sb) &&
	    !is_closed(at = lt->path, lt->read_only ? R_OK : R_OK | W_OK, &sb) &&
	    !is_closed(at = lt->beside[LITE_LOCK], R_OK | W_OK, &sb))
		return;
	identity_name(geteuid(), me);
	identity_name(sb.st_uid, owner);
	if (folder.st_uid != 0 && folder.st_uid != geteuid())
		lite_fault_set(lt, kind, "outbox: %s may not use %s, which is %s's: "
		    "run this as %s or as root", me, at, owner,
		    identity_name(folder.st_uid, whose));
	else if (folder.st_nlink > 2)	/* has folders of others, too */
		lite_fault_set(lt, kind, "outbox: %s may not use %s, which is %s's: "
		    "name a folder of its own in store { url }", me, at, owner);
	else
		lite_fault_set(lt, kind, "outbox: %s may not use %s, which is %s's: "
		    "as root, 'chown -R %s %s', if the worker is to be %s", me,
		    at, owner, me, lt->folder, me);
}

bool
lite_files_owner(const char *location, struct identity *id)
{
	char *folder = folder_of(location);
	struct stat sb;
	bool found = folder != NULL && stat(folder, &sb) == 0 && sb.st_uid != 0;

	if (found)
		identity_of_owner(sb.st_uid, sb.st_gid, id);
	free(folder);
	return found;
}

int
lite_files_give(const char *location, const struct identity *id)
{
	char *folder = folder_of(location);
	int rc = -1;

	if (folder == NULL)
		return -1;
	if (mkdir(folder, 0700) == 0)
		rc = lchown(folder, id->uid, id->gid);
	else if (errno == EEXIST)
		rc = 0;			/* whoever made it knows whose it is */
	free(folder);
	return rc;
}
