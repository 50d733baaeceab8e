/*
 * cmd_try: what the two halves of `try` share.
 */
#ifndef LEADRELAY_CLI_CMD_TRY_H
#define LEADRELAY_CLI_CMD_TRY_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/setup.h"

/* A run of the command. */
struct try {
	struct setup setup;
	bool json;
	bool show_secrets;
	int64_t diff;			/* how many stored events; 0: try a file */
	int status;			/* the first that applies so far */
};

/* --diff: compare what would be sent now with what was sent last. */
void cmd_try_diff(struct try *try);

#endif
