/*
 * stamp: all that would show a change is hashed, so that one number stands for a
 * file, or for several.  Modes count only there: a file that is in use already is
 * not read again for being closed to others.
 */
#include "base/stamp.h"

#include <sys/stat.h>

#include "base/digest.h"

static uint64_t
add_file(uint64_t hash, const struct stat *sb)
{
	hash = digest_fnv1a(hash, &sb->st_dev, sizeof(sb->st_dev));
	hash = digest_fnv1a(hash, &sb->st_ino, sizeof(sb->st_ino));
	hash = digest_fnv1a(hash, &sb->st_size, sizeof(sb->st_size));
	hash = digest_fnv1a(hash, &sb->st_mtim.tv_sec, sizeof(sb->st_mtim.tv_sec));
	return digest_fnv1a(hash, &sb->st_mtim.tv_nsec,
	    sizeof(sb->st_mtim.tv_nsec));
}

int
stamp_take(uint64_t *stamp, const char *path)
{
	struct stat sb;
	uint64_t now;

	if (stat(path, &sb) == -1)
		return -1;
	if ((now = add_file(DIGEST_FNV1A, &sb)) == *stamp)
		return 0;
	*stamp = now;
	return 1;
}

uint64_t
stamp_add(uint64_t stamp, const char *path)
{
	struct stat sb;

	if (path == NULL || stat(path, &sb) == -1)
		return digest_fnv1a(stamp, "-", 1);
	stamp = digest_fnv1a(stamp, &sb.st_mode, sizeof(sb.st_mode));
	return add_file(stamp, &sb);
}
