/*
 * stamp: have files changed since they were looked at?  By time, size and inode.
 */
#ifndef LEADRELAY_BASE_STAMP_H
#define LEADRELAY_BASE_STAMP_H

#include <stdint.h>

/*
 * Look at ${path}: 1 when it is not what ${*stamp} saw, which now is it; 0; or -1
 * with errno.  A stamp of 0 has seen nothing yet.
 */
int stamp_take(uint64_t *stamp, const char *path);

/*
 * ${stamp} with what ${path} looks like now, its mode too: for several files that
 * are read together.  One that is not there (or NULL) has a look of its own.
 */
uint64_t stamp_add(uint64_t stamp, const char *path);

#endif
