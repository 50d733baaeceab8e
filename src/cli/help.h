/*
 * help: what the table of commands says, for people and for the test that holds
 * the manual to it.
 */
#ifndef LEADRELAY_CLI_HELP_H
#define LEADRELAY_CLI_HELP_H

#include "base/buf.h"
#include "cli/args.h"

/* All commands, a line each, and the options that all of them take. */
void help_overview(const struct args_command *commands, size_t count,
    struct buf *out);

/* One command in full. */
void help_command(const struct args_command *command, struct buf *out);

/* "leadrelay NAME OPERANDS [--option ARGUMENT] ...", without a newline. */
void help_synopsis(const struct args_command *command, struct buf *out);

/*
 * The table as lines of fields with tabs between: "command", name, operands,
 * summary; and "option", the command's name ("" for all), name, argument, help.
 */
void help_dump(const struct args_command *commands, size_t count,
    struct buf *out);

#endif
