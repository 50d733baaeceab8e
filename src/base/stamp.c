#include "base/stamp.h"

static bool
same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev &&
	    a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	    a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

int
stamp_take(struct stamp *stamp, const char *path)
{
	struct stat now;

	if (stat(path, &now) == -1)
		return -1;
	if (stamp->taken && same_file(&now, &stamp->seen))
		return 0;
	stamp->taken = true;
	stamp->seen = now;
	return 1;
}
