/*
 * lite_place: the folder the outbox lives in, and the files beside it.
 *
 * The folder is made canonical, and the database may be no symbolic link, so
 * that everybody who means one database also means one set of lock files.
 */
#include "outbox/sqlite/lite.h"

#include <sys/stat.h>
#include <sys/vfs.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
lite_place_is_network(const struct lite *lt)
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

int
lite_place_find(struct lite *lt, const char *location)
{
	const char *slash = strrchr(location, '/');
	const char *base = slash != NULL ? slash + 1 : location;
	char *folder = NULL;
	int rc = -1;

	if (*base == '\0' || strcmp(base, ".") == 0 || strcmp(base, "..") == 0)
		return lite_fault_set(lt, STORE_FAULT_CANTCREAT,
		    "outbox: \"%s\" names no file", location);
	if ((folder = folder_of(location)) == NULL) {
		lite_fault_set(lt, STORE_FAULT_MEMORY, "outbox: no memory");
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
	if (asprintf(&lt->path, "%s/%s",
	    strcmp(lt->folder, "/") == 0 ? "" : lt->folder, base) == -1) {
		lt->path = NULL;
		lite_fault_set(lt, STORE_FAULT_MEMORY, "outbox: no memory");
		goto out;
	}
	rc = 0;
out:
	free(folder);
	return rc;
}

int
lite_place_make(struct lite *lt)
{
	struct stat sb;
	int fd;

	if (lstat(lt->path, &sb) == 0) {
		if (!S_ISREG(sb.st_mode))
			return lite_fault_set(lt, STORE_FAULT_CANTCREAT,
			    "outbox %s: not a regular file%s", lt->path,
			    S_ISLNK(sb.st_mode) ?
			    ": name what the link points to" : "");
		return 0;
	}
	if (errno != ENOENT)
		return lite_fault_set(lt, errno == ENOTDIR ?
		    STORE_FAULT_CANTCREAT : lite_fault_errno(errno),
		    "outbox %s: %s", lt->path, strerror(errno));
	if (!lt->create)
		return lite_fault_set(lt, STORE_FAULT_ABSENT,
		    "outbox %s: there is none yet", lt->path);

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

char *
lite_place_beside(const struct lite *lt, const char *suffix)
{
	char *path;

	return asprintf(&path, "%s%s", lt->path, suffix) == -1 ? NULL : path;
}

int
lite_place_become_owner(const char *location, struct store_fault *fault)
{
	const struct passwd *pw;
	struct stat sb;
	char *folder = NULL;
	gid_t gid;
	int rc = -1;

	if (geteuid() != 0)
		return 0;
	if ((folder = folder_of(location)) == NULL)
		goto out;
	if (stat(folder, &sb) == -1 || sb.st_uid == 0) {
		rc = 0;			/* nothing there, or it is root's */
		goto out;
	}
	pw = getpwuid(sb.st_uid);
	gid = pw != NULL ? pw->pw_gid : sb.st_gid;
	if ((pw != NULL ? initgroups(pw->pw_name, gid) : setgroups(1, &gid)) ==
	    -1 || setgid(gid) == -1 || setuid(sb.st_uid) == -1)
		goto out;
	rc = 0;
out:
	if (rc == -1) {
		fault->kind = STORE_FAULT_IO;
		snprintf(fault->text, sizeof(fault->text),
		    "outbox: cannot become the owner of its folder: %s",
		    strerror(errno));
	}
	free(folder);
	return rc;
}
