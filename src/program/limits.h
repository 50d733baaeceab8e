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
 * What follows is ${phase}: with no more than PROGRAM_MEMORY beyond what is in use
 * now, and so much processor time as that may take, or while idle any.  Time spent
 * waiting for a busy machine does not count.
 */
void limits_enter(enum limits_phase phase);

#endif
