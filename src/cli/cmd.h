/*
 * cmd: the commands' handlers, one file each.  They get a command line that
 * fits their entry in the table, and an empty setup, which is released behind
 * them; and return the exit status.
 */
#ifndef LEADRELAY_CLI_CMD_H
#define LEADRELAY_CLI_CMD_H

#include "cli/args.h"

int cmd_serve(const struct args *args, struct setup *setup);
int cmd_relay(const struct args *args, struct setup *setup);
int cmd_backup(const struct args *args, struct setup *setup);
int cmd_check(const struct args *args, struct setup *setup);
int cmd_try(const struct args *args, struct setup *setup);
int cmd_erase(const struct args *args, struct setup *setup);
int cmd_list(const struct args *args, struct setup *setup);
int cmd_show(const struct args *args, struct setup *setup);
int cmd_stats(const struct args *args, struct setup *setup);
int cmd_schema(const struct args *args, struct setup *setup);

/* retry, release and discard: which, the command's name says. */
int cmd_act(const struct args *args, struct setup *setup);

#endif
