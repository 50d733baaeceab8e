/*
 * runner: the process that runs jq programs; see program.h for its limits.
 */
#ifndef LEADRELAY_PROGRAM_RUNNER_H
#define LEADRELAY_PROGRAM_RUNNER_H

/* Confine this process and serve the socket ${fd} until its other end closes. */
_Noreturn void runner_main(int fd);

#endif
