/* The first folder on the way up that is there decides: who writes to it can make the rest. */
#include "cli/file_access.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/identity.h"

/* Cut the last segment off; "/" stays. */
static void
to_folder(char *path)
{
	char *slash = strrchr(path, '/');

	if (slash == NULL || slash == path)
		strcpy(path, "/");
	else
		*slash = '\0';
}

/* What keeps this process out of, or from writing to, the folder ${at}. */
static void
explain(const char *at, const char *folder, bool hidden, struct buf *words)
{
	char me[IDENTITY_NAME_SIZE], owner[IDENTITY_NAME_SIZE];
	struct stat st;

	identity_name(geteuid(), me);
	if (stat(at, &st) == -1) {
		buf_printf(words, "%s: %s", at, strerror(errno));
		return;
	}
	identity_name(st.st_uid, owner);
	if (!S_ISDIR(st.st_mode))
		buf_printf(words, "%s is no folder", at);
	else if (hidden)
		buf_printf(words, "%s may not look into %s, which is %s's: "
		    "run this as %s or as root", me, at, owner, owner);
	else
		buf_printf(words, "%s may not write to %s, which is %s's "
		    "(mode %04o): as root, 'install -d -m 0700 -o %s %s', if "
		    "the worker is to be %s", me, at, owner,
		    (unsigned)(st.st_mode & 07777), me, folder, me);
}

enum file_access
file_access_look(const char *path, bool with_folder, struct buf *words)
{
	char at[PATH_MAX], folder[PATH_MAX], needed[PATH_MAX], me[IDENTITY_NAME_SIZE];
	bool hidden = false;
	struct stat st;

	if (stat(path, &st) == 0)
		return FILE_ACCESS_THERE;
	if (strlen(path) >= sizeof(at)) {
		buf_puts(words, "the path is too long");
		return FILE_ACCESS_CANNOT;
	}
	to_folder(strcpy(folder, path));
	strcpy(needed, folder);
	if (with_folder)
		to_folder(needed);
	strcpy(at, folder);
	/* Up to the first folder that is there and may be asked about. */
	while (stat(at, &st) == -1 && strcmp(at, "/") != 0) {
		hidden |= errno == EACCES;
		to_folder(at);
	}
	if (hidden || !S_ISDIR(st.st_mode) ||
	    faccessat(AT_FDCWD, at, W_OK | X_OK, AT_EACCESS) == -1) {
		explain(at, folder, hidden, words);
		return hidden ? FILE_ACCESS_HIDDEN : FILE_ACCESS_CANNOT;
	}
	if (strlen(at) < strlen(needed)) {
		buf_printf(words, "%s is not there: 'install -d -m 0700 -o USER "
		    "%s' with the user the worker runs as", needed, folder);
		return FILE_ACCESS_CANNOT;
	}
	buf_printf(words, "%s can make it", identity_name(geteuid(), me));
	if (geteuid() == 0)
		buf_printf(words, "; for a worker that runs as another user, "
		    "'install -d -m 0700 -o USER %s' first", folder);
	return FILE_ACCESS_CAN;
}
