/*
 * runner: the process that compiles and runs jq programs; see program.h.
 */
#ifndef LEADRELAY_PROGRAM_RUNNER_H
#define LEADRELAY_PROGRAM_RUNNER_H

#include <stdbool.h>

/* The one argument it is started with. */
#define RUNNER_WORD "run-programs"

/* Was this process started as a runner?  Then this is its whole life. */
bool runner_is_this(int argc, char **argv);
_Noreturn void runner_main(void);

#endif
