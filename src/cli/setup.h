/*
 * setup: what a command does first: load the configuration, become the owner of
 * the store's folder, open the outbox.  Failures are spoken here, on standard
 * error; the caller only returns the status.
 */
#ifndef LEADRELAY_CLI_SETUP_H
#define LEADRELAY_CLI_SETUP_H

#include "cli/args.h"
#include "config/config.h"
#include "outbox/outbox.h"

struct program_pool;

/* What a command works with.  A zeroed struct is empty. */
struct setup {
	bool warn;			/* also say what the configuration warns of */
	bool programs;			/* setup_outbox also does setup_programs */
	struct config *config;
	struct outbox *outbox;
	struct program_pool *pool;	/* runs jq programs, after setup_programs */
};

/* Load the configuration.  EXIT_DONE, or the status to end with. */
int setup_config(struct setup *setup, const struct args *args);

/*
 * Load the configuration and open the outbox.  As root, first become the owner
 * of the store's folder, so that no file in it ends up root's.
 */
int setup_outbox(struct setup *setup, const struct args *args,
    enum outbox_mode mode);

/*
 * See that the destinations' programs compile, and have the process that runs
 * them.  Before the outbox is opened.
 */
int setup_programs(struct setup *setup);

/* Close and release what is there. */
void setup_free(struct setup *setup);

/* Say a store's fault; returns the exit status it stands for. */
int setup_store_failed(const struct config *config,
    const struct store_fault *fault);
int setup_fault_status(const struct store_fault *fault);
/* What a person can do about it, to be said behind it; "": nothing is known. */
const char *setup_store_cure(enum store_fault_kind kind);

/* Of two exit statuses, the one that goes first (base/exits.h). */
int setup_first(int a, int b);

/*
 * The value of ${option} as a number within ${min}..${max}, or ${otherwise}
 * when it was not given.  -1: said, the command ends with EXIT_USAGE.
 */
int setup_number(const struct args *args, const char *option, int64_t min,
    int64_t max, int64_t otherwise, int64_t *value);

/*
 * The source that --source names; without it the one that answers at ${path},
 * or else the first.  NULL: said, the command ends with EXIT_USAGE.
 */
const struct config_source *setup_source(const struct args *args,
    const struct config *config, const char *path);

/*
 * The moment ${option} names, "2h" ago or a date; 0 when it was not given.
 * -1: said, the command ends with EXIT_USAGE.
 */
int setup_when(const struct args *args, const char *option, int64_t *ms);

#endif
