/*
 * cmd_try: what the two halves of `try` share.
 */
#ifndef LEADRELAY_CLI_CMD_TRY_H
#define LEADRELAY_CLI_CMD_TRY_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/setup.h"

struct dry_run;

/* A run of the command. */
struct try {
	struct setup *setup;
	bool json;			/* options; neither needs the other */
	bool show_secrets;
	int64_t diff;			/* how many stored events; 0: try a file */
	int status;			/* the first that applies so far */
};

/* What a destination would get; dry_run_free.  NULL: said, and noted in the status. */
struct dry_run *cmd_try_begin(struct try *try, const struct config_destination *config);

/* --diff: compare what would be sent now with what was sent last. */
void cmd_try_diff(struct try *try);

#endif
