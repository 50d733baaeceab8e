#include "cli/scope.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/exits.h"
#include "cli/print.h"

#define NAMED_MAX 5			/* ids, where one could be several */

static int
no_memory(void)
{
	fputs("leadrelay: out of memory\n", stderr);
	return EXIT_SOFTWARE;
}

/* Words on standard error, those from the command line and the store fit for it. */
static void
say(struct buf *words)
{
	struct buf out = { 0 };

	print_text(&out, words->data != NULL ? words->data : "", words->len);
	fprintf(stderr, "leadrelay: %s\n",
	    buf_ok(&out) && buf_ok(words) ? out.data : "out of memory");
	buf_free(&out);
	buf_free(words);
}

/* --- names --- */

static bool
knows(const struct scope_names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++)
		if (strcmp(names->list[i], name) == 0)
			return true;
	return false;
}

/* Add ${name} unless it is there.  -1: no memory. */
static int
learn(struct scope_names *names, const char *name)
{
	char **list;

	if (knows(names, name))
		return 0;
	list = realloc(names->list, (names->count + 1) * sizeof(*list));
	if (list == NULL)
		return -1;
	names->list = list;
	if ((list[names->count] = strdup(name)) == NULL)
		return -1;
	names->count++;
	return 0;
}

static void
forget(struct scope_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->list[i]);
	free(names->list);
}

/* "a, b and c" */
static void
enumerate(struct buf *words, const struct scope_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		buf_printf(words, "%s%s", i == 0 ? "" :
		    i + 1 < names->count ? ", " : " and ", names->list[i]);
}

static int
learn_configured(struct scope *scope)
{
	const struct config *c = scope->setup->config;

	for (size_t i = 0; i < c->source_count; i++)
		if (learn(&scope->sources, c->sources[i].name) == -1)
			return -1;
	for (size_t i = 0; i < c->destination_count; i++)
		if (learn(&scope->destinations, c->destinations[i].name) == -1)
			return -1;
	return 0;
}

/* The store tells its names one by one. */
struct telling {
	struct scope_names *names;
	bool oom;
};

static void
be_told(void *arg, const char *name)
{
	struct telling *telling = arg;

	telling->oom |= learn(telling->names, name) == -1;
}

static int
ask_names(struct store *store, enum store_names which, const char *lead,
    struct scope_names *names)
{
	struct telling telling = { .names = names };

	if (store->ops->names(store, which, lead, be_told, &telling) == -1)
		return -1;
	if (!telling.oom)
		return 0;
	store->fault.kind = STORE_FAULT_MEMORY;
	snprintf(store->fault.text, sizeof(store->fault.text), "no memory");
	return -1;
}

struct asking {
	struct scope *scope;
	const struct store_filter *filter;
};

/* It may be run twice: what is known already is not added again. */
static int
ask_all(struct store *store, void *arg)
{
	const struct asking *asking = arg;
	struct scope *scope = asking->scope;
	const char *lead = asking->filter->lead;

	if (ask_names(store, STORE_SOURCES, NULL, &scope->sources) == -1 ||
	    ask_names(store, STORE_DESTINATIONS, NULL,
	    &scope->destinations) == -1)
		return -1;
	return lead == NULL ? 0 :
	    ask_names(store, STORE_SOURCES, lead, &scope->of_lead);
}

static int
check_name(const struct scope *scope, const char *kind, const char *name,
    const struct scope_names *known)
{
	struct buf words = { 0 };

	if (name == NULL || knows(known, name))
		return EXIT_DONE;
	buf_printf(&words, "%s: there is no %s %s; known: ", scope->command,
	    kind, name);
	enumerate(&words, known);
	say(&words);
	return EXIT_NOINPUT;
}

int
scope_open(struct scope *scope, struct setup *setup, const struct args *args,
    const struct store_filter *filter)
{
	struct asking asking = { scope, filter };
	struct store_fault fault = { 0 };

	scope->setup = setup;
	scope->command = args->command->name;
	if (learn_configured(scope) == -1)
		return no_memory();
	if (outbox_run(setup->outbox, ask_all, &asking, &fault) == -1)
		return setup_store_failed(setup->config, &fault);
	return setup_first(check_name(scope, "source", filter->source,
	    &scope->sources), check_name(scope, "destination",
	    filter->destination, &scope->destinations));
}

void
scope_free(struct scope *scope)
{
	forget(&scope->sources);
	forget(&scope->destinations);
	forget(&scope->of_lead);
	free(scope->ids);
}

int
scope_one_lead(struct scope *scope, struct store_filter *filter)
{
	const struct scope_names *sources = &scope->of_lead;
	struct buf words = { 0 };

	if (filter->lead == NULL)
		return EXIT_DONE;
	if (filter->source == NULL && sources->count == 1)
		filter->source = sources->list[0];
	if (filter->source != NULL && knows(sources, filter->source))
		return EXIT_DONE;
	buf_printf(&words, "%s: ", scope->command);
	if (filter->source != NULL || sources->count == 0) {
		buf_printf(&words, "there is no lead %s%s%s in the outbox",
		    filter->lead, filter->source != NULL ? " of source " : "",
		    filter->source != NULL ? filter->source : "");
		say(&words);
		return EXIT_NOINPUT;
	}
	buf_printf(&words, "lead %s is known in the sources ", filter->lead);
	enumerate(&words, sources);
	buf_puts(&words, ": say by --source which one is meant");
	say(&words);
	return EXIT_USAGE;
}

/* --- ids --- */

/* One operand, and the ids that begin so: one more than can be named. */
struct match {
	const char *beginning;
	char ids[NAMED_MAX + 1][UUID7_SIZE];
	size_t count;
};

static int
match_run(struct store *store, void *arg)
{
	struct match *match = arg;

	return store->ops->match(store, match->beginning, match->ids,
	    NAMED_MAX + 1, &match->count);
}

/* The operand of ${match} names no event, or none well enough. */
static int
refuse(const struct scope *scope, const struct match *match, size_t min)
{
	struct buf words = { 0 };

	buf_printf(&words, "%s %s: ", scope->command, match->beginning);
	if (match->count == 0) {
		buf_puts(&words, "no such event in the outbox");
	} else if (strlen(match->beginning) < min) {
		buf_printf(&words, "too short: an event is named here by at "
		    "least the first %zu characters of its id", min);
	} else {
		buf_puts(&words, "several events begin so: ");
		for (size_t i = 0; i < match->count && i < NAMED_MAX; i++)
			buf_printf(&words, "%s%s", i == 0 ? "" : ", ",
			    match->ids[i]);
		buf_puts(&words, match->count > NAMED_MAX ? ", and more" : "");
	}
	say(&words);
	return match->count == 0 ? EXIT_NOINPUT : EXIT_USAGE;
}

int
scope_ids(struct scope *scope, struct setup *setup, const struct args *args,
    size_t min)
{
	struct store_fault fault = { 0 };
	struct match match;
	int status = EXIT_DONE;

	scope->command = args->command->name;
	scope->ids = calloc((size_t)args->operand_count + 1, UUID7_SIZE);
	if (scope->ids == NULL)
		return no_memory();
	for (int i = 0; i < args->operand_count; i++) {
		match.beginning = args->operands[i];
		if (outbox_run(setup->outbox, match_run, &match, &fault) == -1)
			return setup_store_failed(setup->config, &fault);
		if (match.count == 1 && strlen(match.beginning) >= min)
			memcpy(scope->ids[scope->id_count++], match.ids[0],
			    UUID7_SIZE);
		else
			status = setup_first(status,
			    refuse(scope, &match, min));
	}
	return status;
}
