/*
 * stamp: has a file changed since it was looked at?  By time, size and inode.
 */
#ifndef LEADRELAY_BASE_STAMP_H
#define LEADRELAY_BASE_STAMP_H

#include <stdbool.h>
#include <sys/stat.h>

/* A zeroed one matches no file. */
struct stamp {
	bool taken;
	struct stat seen;
};

/* Look at ${path}: 1 when it is not what ${stamp} saw, which now is it; 0; or -1 with errno. */
int stamp_take(struct stamp *stamp, const char *path);

#endif
