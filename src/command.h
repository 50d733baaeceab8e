/*
 * command: the command line.  One table names every command, its options and
 * its help; --help, COMMAND --help and the manual come from it.
 */
#ifndef LEADRELAY_COMMAND_H
#define LEADRELAY_COMMAND_H

#include "cli/args.h"

extern const struct args_command command_table[];

/*
 * Run what argv asks for: a command, or, without one, the worker when standard
 * input is a listening socket.  Returns the exit status (base/exits.h).
 */
int command_run(int argc, char **argv);

#endif
