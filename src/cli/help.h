/*
 * help: what the table of commands says.
 */
#ifndef LEADRELAY_CLI_HELP_H
#define LEADRELAY_CLI_HELP_H

#include "base/buf.h"
#include "cli/args.h"

/* All commands, a line each, and the options that all of them take. */
void help_overview(const struct args_command *commands, struct buf *out);

/* One command in full. */
void help_command(const struct args_command *command, struct buf *out);

/* "leadrelay NAME OPERANDS [--option ARGUMENT] ...", without a newline. */
void help_synopsis(const struct args_command *command, struct buf *out);

#endif
