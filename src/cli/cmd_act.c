/* retry, release, discard: of ids, or of all that match; bulk does it. */
#include "cli/cmd.h"

#include <string.h>

#include "base/exits.h"
#include "cli/bulk.h"
#include "cli/print.h"
#include "cli/scope.h"
#include "cli/setup.h"

static const struct act acts[] = {
	{ STORE_RETRY, "retry", "will be sent again", "would be sent again",
	    "nothing of it waits, is dead or is held", true },
	{ STORE_RELEASE, "release", "released", "would be released",
	    "nothing of it is held", true },
	{ STORE_DISCARD, "discard", "discarded", "would be discarded",
	    "nothing of it is undelivered", false },
};

/* Ids or --all, and what goes only with the latter. */
static int
check_options(const struct args *args)
{
	const char *fault = NULL;

	if (!args_flag(args, "all")) {
		if (args->operand_count == 0)
			fault = "name the events by ID, or all that it is about by --all";
		else if (args_value(args, "lead") != NULL ||
		    args_value(args, "source") != NULL ||
		    args_value(args, "since") != NULL)
			fault = "--lead, --source and --since go with --all";
	} else if (args->operand_count > 0) {
		fault = "--all and an ID exclude each other";
	}
	return fault == NULL ? EXIT_DONE :
	    print_fail(EXIT_USAGE, "%s: %s", args->command->name, fault);
}

/* What the command line means, and then do it. */
static int
act_run_all(struct setup *setup, const struct args *args,
    const struct act *act, struct store_filter *filter, unsigned how)
{
	struct scope scope = { 0 };
	int status;

	status = scope_open(&scope, setup, args, filter);
	if (status == EXIT_DONE && args_flag(args, "all")) {
		status = scope_one_lead(&scope, filter);
		if (status == EXIT_DONE)
			status = bulk_act(setup, act, filter, NULL, how);
	} else if (status == EXIT_DONE) {
		status = scope_ids(&scope, setup, args, SCOPE_ID_CHANGED);
		if (status == EXIT_DONE || status == EXIT_NOINPUT)
			status = setup_first(status, bulk_act(setup, act,
			    filter, &scope.ids, how));
	}
	scope_free(&scope);
	return status;
}

int
cmd_act(const struct args *args, struct setup *setup)
{
	const struct act *act = acts;
	struct store_filter filter = { 0 };
	unsigned how = 0;
	int status;

	while (strcmp(act->verb, args->command->name) != 0)
		act++;			/* one of them is it */
	if (act->can_force && args_flag(args, "force"))
		how |= STORE_FORCE;
	if (args_flag(args, "dry-run"))
		how |= STORE_DRY_RUN;
	if ((status = check_options(args)) != EXIT_DONE)
		return status;
	if (scope_filter(args, &filter) == -1)
		return EXIT_USAGE;
	status = setup_outbox(setup, args, how & STORE_DRY_RUN ?
	    OUTBOX_READ : OUTBOX_COMMAND);
	if (status != EXIT_DONE)
		return status;
	status = act_run_all(setup, args, act, &filter, how);
	/* Whatever was changed may free the next event of a lead. */
	if (!(how & STORE_DRY_RUN))
		outbox_wake(setup->outbox);
	return status;
}
