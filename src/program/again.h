/*
 * again: starts this same program once more, as something else.
 */
#ifndef LEADRELAY_PROGRAM_AGAIN_H
#define LEADRELAY_PROGRAM_AGAIN_H

#include <sys/types.h>

/*
 * Start this program, as a process of its own, with the one argument ${word}
 * and ${fd} as its standard input; it inherits no environment, no other
 * descriptor, no signal settings.  Its number in *pid and 0, or an errno.
 *
 * By the kernel's name for it, so that it is the same file even if another one
 * was installed meanwhile; without a /proc, or when it is run by a loader of its
 * own, by the paths that the loader left.
 */
int again_start(const char *word, int fd, pid_t *pid);

#endif
