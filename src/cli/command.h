/*
 * command: the command line.  One table names every command, its options and
 * its help; --help, COMMAND --help and the manual come from it.
 */
#ifndef LEADRELAY_CLI_COMMAND_H
#define LEADRELAY_CLI_COMMAND_H

#include <stdbool.h>

/* Run what argv asks for; returns the exit status (base/exits.h). */
int command_run(int argc, char **argv);

/* Usage, on standard error. */
void command_usage(void);

#endif
