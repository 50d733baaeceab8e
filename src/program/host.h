/*
 * host: the process that compiles jq programs, and makes the runners, which have
 * them from it; see program.h.
 */
#ifndef LEADRELAY_PROGRAM_HOST_H
#define LEADRELAY_PROGRAM_HOST_H

/* The one argument it is started with. */
#define HOST_WORD "run-programs"

#endif
