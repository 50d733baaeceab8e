/*
 * filesystem: a test says which file system it is on.  To be linked with
 * -Wl,--wrap=statfs.
 */
#ifndef LEADRELAY_TESTS_OUTBOX_FILESYSTEM_H
#define LEADRELAY_TESTS_OUTBOX_FILESYSTEM_H

#include <string.h>
#include <sys/vfs.h>

/* What statfs finds; 0: the real one. */
static unsigned long file_system;

int __real_statfs(const char *path, struct statfs *fs);
int __wrap_statfs(const char *path, struct statfs *fs);

int
__wrap_statfs(const char *path, struct statfs *fs)
{
	int rc = __real_statfs(path, fs);

	if (rc == 0 && file_system != 0)
		memcpy(&fs->f_type, &(long){ (long)file_system },
		    sizeof(fs->f_type));
	return rc;
}

#endif
