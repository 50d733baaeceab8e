/*
 * cmd: the handlers of the commands that test an installation, as cli/cmd.h has them.
 */
#ifndef LEADRELAY_CLIENT_CMD_H
#define LEADRELAY_CLIENT_CMD_H

#include "cli/args.h"

int cmd_send(const struct args *args, struct setup *setup);
int cmd_doctor(const struct args *args, struct setup *setup);

#endif
