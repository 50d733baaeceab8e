/*
 * runner: the process that runs jq programs; see program.h for its limits.
 */
#ifndef LEADRELAY_PROGRAM_RUNNER_H
#define LEADRELAY_PROGRAM_RUNNER_H

struct compiled;

/* Run ${compiled} programs as the socket ${fd} says, until its other end closes. */
_Noreturn void runner_main(int fd, struct compiled *compiled);

#endif
