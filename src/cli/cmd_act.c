/* retry, release, discard: events by their ids, each in a transaction of its own, or all by bulk. */
#include "cli/cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
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

/* One id at the store. */
struct act_one {
	const struct act *act;
	const char *id;
	const char *destination;
	unsigned how;
	struct store_act_out out;
};

static int
act_run(struct store *store, void *arg)
{
	struct act_one *one = arg;

	/* It may be run twice: forget what the first run left. */
	free(one->out.detail);
	one->out = (struct store_act_out){ 0 };
	return store->ops->act(store, one->act->action, one->id,
	    one->destination, one->how, clock_wall_ms(), &one->out);
}

/* Say what became of it; returns the exit status it stands for. */
static int
act_report(const struct act_one *one)
{
	const struct store_act_out *out = &one->out;

	if (out->changed > 0) {
		printf("%s %s", one->id, one->how & STORE_DRY_RUN ?
		    one->act->would : one->act->done);
		if (out->changed > 1)
			printf(" (%d deliveries)", out->changed);
		putchar('\n');
	}
	if (out->result == STORE_ACT_DONE)
		return EXIT_DONE;
	if (out->result != STORE_ACT_NOT_FOUND)
		return bulk_left(one->act, one->id, out, true);
	return print_fail(EXIT_NOINPUT, "%s %s: no such event%s%s",
	    one->act->verb, one->id, one->destination != NULL ?
	    ", or no delivery of it to " : "",
	    one->destination != NULL ? one->destination : "");
}

static int
act_each(struct setup *setup, const struct scope *scope,
    const struct act *act, const char *destination, unsigned how)
{
	struct act_one one = {
		.act = act,
		.destination = destination,
		.how = how,
	};
	struct store_fault fault = { 0 };
	int status = EXIT_DONE;

	for (size_t i = 0; i < scope->ids.count; i++) {
		one.id = scope->ids.list[i];
		if (outbox_run(setup->outbox, act_run, &one, &fault) == -1) {
			status = setup_store_failed(setup->config, &fault);
			break;
		}
		status = setup_first(status, act_report(&one));
	}
	free(one.out.detail);
	return status;
}

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
			status = bulk_act(setup, act, filter, how);
	} else if (status == EXIT_DONE) {
		status = scope_ids(&scope, setup, args, SCOPE_ID_CHANGED);
		if (status == EXIT_DONE || status == EXIT_NOINPUT)
			status = setup_first(status, act_each(setup, &scope,
			    act, filter->destination, how));
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
