/*
 * args: reads a command line by the tables of its commands.
 *
 * "--name=value" and "--name value"; "--" ends the options; options and
 * operands may be mixed.  --config, --help and --version may stand before or
 * after the command.  An option given twice is an error, as is a value for an
 * option that takes none.
 */
#ifndef LEADRELAY_CLI_ARGS_H
#define LEADRELAY_CLI_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct args;
struct setup;

/* One long option.  A list of them, as one of commands, ends with a NULL name. */
struct args_option {
	const char *name;		/* "limit", without its dashes */
	const char *argument;		/* "N" as the usage shows it; NULL: takes none */
	const char *help;
};

#define ARGS_OPTIONS_MAX 8		/* of one command, and the end */
#define ARGS_ANY_NUMBER (-1)

/* One command. */
struct args_command {
	const char *name;
	const char *operands;		/* "ID..." as the usage shows them; "" for none */
	int operands_min;
	int operands_max;		/* or ARGS_ANY_NUMBER */
	const char *summary;		/* one line */
	const char *details;		/* paragraphs, each line ending in a newline; or NULL */
	/* Returns the exit status.  The setup is empty, and released afterwards. */
	int (*run)(const struct args *args, struct setup *setup);
	struct args_option options[ARGS_OPTIONS_MAX];	/* of its own */
};

/* The options every command takes. */
extern const struct args_option args_global[];

/* What a command line says.  Strings are argv's. */
struct args {
	const struct args_command *command;	/* NULL: none was named */
	const char *config;		/* --config, or NULL; help and version: "" or NULL */
	const char *help, *version;
	const char *values[ARGS_OPTIONS_MAX];	/* as in command->options; NULL: not given */
	char **operands;
	int operand_count;
};

/*
 * Read ${argv} by the list of ${commands}.  Operands are moved to
 * the front of argv, where args->operands points.  Returns 0, or -1 with a
 * phrase in ${why}, ending in a hint where there is one.  --help and --version
 * win over whatever is wrong behind them.
 */
int args_read(int argc, char **argv, const struct args_command *commands,
    struct args *args, struct buf *why);

/*
 * The value of the command's option ${name}: NULL when it was not given, ""
 * for one that takes none.  The name must be in the command's table.
 */
const char *args_value(const struct args *args, const char *name);
bool args_flag(const struct args *args, const char *name);

#endif
