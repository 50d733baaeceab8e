/*
 * limits: what a process that runs jq programs may use.
 */
#ifndef LEADRELAY_PROGRAM_LIMITS_H
#define LEADRELAY_PROGRAM_LIMITS_H

#include <stdbool.h>

enum limits_phase {
	LIMITS_IDLE,
	LIMITS_COMPILING,
	LIMITS_RUNNING
};

/*
 * For good: no further privileges, no core file, no file written or opened.  False
 * when the system does not let itself be limited (a system call filter).
 *
 * Ended by a limit or by a fault of libjq's (out of memory is one), this process
 * says so on the socket ${fd}, as an answer with WIRE_LAST.  Whoever is ended in
 * another way, by somebody else, says nothing.
 */
bool limits_confine(int fd);

/*
 * What follows is ${phase}, with as much processor time as that may take, or while
 * idle any; time spent waiting for a busy machine does not count.  The memory in use
 * may grow by PROGRAM_MEMORY from where it is when a program is to be compiled, and
 * again from where it is when that is done.
 */
void limits_enter(enum limits_phase phase);

#endif
