/*
 * What the store has names of is asked for at once, so that all that is checked
 * against them is checked against the same moment.
 */
#include "cli/scope.h"

#include <string.h>

#include "base/exits.h"
#include "cli/print.h"

#define NAMED_MAX 5			/* ids, where one could be several */

/* --- names --- */

static void
learn_configured(struct scope *scope, const struct config *c)
{
	for (size_t i = 0; i < c->source_count; i++)
		names_learn(&scope->sources, c->sources[i].name);
	for (size_t i = 0; i < c->destination_count; i++)
		names_learn(&scope->destinations, c->destinations[i].name);
}

/* The store tells its names one by one. */
static void
be_told(void *arg, const char *name)
{
	names_learn(arg, name);
}

static int
ask_all(struct store *store, struct scope *scope, const char *lead)
{
	if (store_names(store, STORE_SOURCES, NULL, be_told,
	    &scope->sources) == -1 ||
	    store_names(store, STORE_DESTINATIONS, NULL, be_told,
	    &scope->destinations) == -1)
		return -1;
	return lead == NULL ? 0 : store_names(store, STORE_SOURCES, lead,
	    be_told, &scope->of_lead);
}

static int
check_name(const struct scope *scope, const char *kind, const char *name,
    const struct names *known)
{
	struct buf words = { 0 };

	if (name == NULL || names_know(known, name))
		return EXIT_DONE;
	names_tell(known, &words);
	print_fail(EXIT_NOINPUT, "%s: there is no %s %s; known: %s",
	    scope->command, kind, name, words.data);
	buf_free(&words);
	return EXIT_NOINPUT;
}

int
scope_filter(const struct args *args, struct store_filter *filter)
{
	filter->state = -1;
	filter->lead = args_value(args, "lead");
	filter->source = args_value(args, "source");
	filter->destination = args_value(args, "destination");
	return setup_when(args, "since", &filter->since_ms);
}

int
scope_open(struct scope *scope, struct setup *setup, const struct args *args,
    const struct store_filter *filter)
{
	struct store_fault fault = { 0 };
	struct store *store;

	scope->command = args->command->name;
	learn_configured(scope, setup->config);
	if ((store = outbox_begin(setup->outbox, &fault)) == NULL ||
	    outbox_end(setup->outbox, ask_all(store, scope, filter->lead),
	    &fault) == -1)
		return setup_store_failed(setup->config, &fault);
	if (scope->sources.oom || scope->destinations.oom || scope->of_lead.oom)
		return print_fail(EXIT_SOFTWARE, "out of memory");
	return setup_first(check_name(scope, "source", filter->source,
	    &scope->sources), check_name(scope, "destination",
	    filter->destination, &scope->destinations));
}

void
scope_free(struct scope *scope)
{
	names_free(&scope->sources);
	names_free(&scope->destinations);
	names_free(&scope->of_lead);
	names_free(&scope->ids);
}

int
scope_one_lead(struct scope *scope, struct store_filter *filter)
{
	const struct names *sources = &scope->of_lead;
	struct buf words = { 0 };

	if (filter->lead == NULL)
		return EXIT_DONE;
	if (filter->source == NULL && sources->count == 1)
		filter->source = sources->list[0];
	if (filter->source != NULL && names_know(sources, filter->source))
		return EXIT_DONE;
	if (filter->source != NULL || sources->count == 0)
		return print_fail(EXIT_NOINPUT, "%s: there is no lead %s%s%s in "
		    "the outbox", scope->command, filter->lead,
		    filter->source != NULL ? " of source " : "",
		    filter->source != NULL ? filter->source : "");
	names_tell(sources, &words);
	print_fail(EXIT_USAGE, "%s: lead %s is known in the sources %s: say by "
	    "--source which one is meant", scope->command, filter->lead,
	    words.data);
	buf_free(&words);
	return EXIT_USAGE;
}

/* --- ids --- */

/* One operand, and the ids that begin so: one more than can be named. */
struct match {
	const char *beginning;
	char ids[NAMED_MAX + 1][UUID7_SIZE];
	size_t count;
};

/* The operand of ${match} names no event, or none well enough. */
static int
refuse(const struct scope *scope, const struct match *match, size_t min)
{
	char ids[NAMED_MAX * (UUID7_SIZE + 1)] = "";

	if (match->count == 0)
		return print_fail(EXIT_NOINPUT, "%s %s: no such event in the "
		    "outbox", scope->command, match->beginning);
	if (strlen(match->beginning) < min)
		return print_fail(EXIT_USAGE, "%s %s: too short: an event is named "
		    "here by at least the first %zu characters of its id",
		    scope->command, match->beginning, min);
	for (size_t i = 0; i < match->count && i < NAMED_MAX; i++) {
		strcat(ids, i == 0 ? "" : ", ");
		strcat(ids, match->ids[i]);
	}
	return print_fail(EXIT_USAGE, "%s %s: several events begin so: %s%s",
	    scope->command, match->beginning, ids,
	    match->count > NAMED_MAX ? ", and more" : "");
}

int
scope_ids(struct scope *scope, struct setup *setup, const struct args *args,
    size_t min)
{
	struct store_fault fault = { 0 };
	struct store *store;
	struct match match;
	int status = EXIT_DONE;

	scope->command = args->command->name;
	for (int i = 0; i < args->operand_count; i++) {
		match.beginning = args->operands[i];
		if ((store = outbox_begin(setup->outbox, &fault)) == NULL ||
		    outbox_end(setup->outbox, store_match(store, match.beginning,
		    match.ids, NAMED_MAX + 1, &match.count), &fault) == -1)
			return setup_store_failed(setup->config, &fault);
		if (match.count == 1 && strlen(match.beginning) >= min)
			names_add(&scope->ids, match.ids[0]);
		else
			status = setup_first(status,
			    refuse(scope, &match, min));
	}
	return scope->ids.oom ? print_fail(EXIT_SOFTWARE, "out of memory") : status;
}
