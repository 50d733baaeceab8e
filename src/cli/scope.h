/*
 * scope: what the names and ids on a command line stand for.
 *
 * A lead is a source and an id.  Commands that change something take an id that
 * several sources have only together with a source; names that neither the
 * configuration nor the store knows are refused by all.  Failures are spoken
 * here; the caller only returns the status.
 */
#ifndef LEADRELAY_CLI_SCOPE_H
#define LEADRELAY_CLI_SCOPE_H

#include "cli/names.h"
#include "cli/setup.h"

/* An event goes by the beginning of its id; what changes it wants more of it. */
#define SCOPE_ID_SHOWN 8
#define SCOPE_ID_CHANGED 13

/* A zeroed one is empty; scope_free releases it. */
struct scope {
	const char *command;
	struct names sources;		/* configured, or in the store */
	struct names destinations;
	struct names of_lead;		/* the sources that have the filter's lead */
	struct names ids;		/* as scope_ids found them */
};

/* The filter that --lead, --source, --destination and --since mean.  -1: said. */
int scope_filter(const struct args *args, struct store_filter *filter);

/*
 * Learn the names, and see that the filter's source and destination are among
 * them.  EXIT_DONE, or the status to end with.
 */
int scope_open(struct scope *scope, struct setup *setup,
    const struct args *args, const struct store_filter *filter);
void scope_free(struct scope *scope);

/*
 * The filter's lead, if it has one, becomes that of one source: the filter's, or
 * else the only one it is known in, whose name lives as long as ${scope}.
 */
int scope_one_lead(struct scope *scope, struct store_filter *filter);

/*
 * Find what the operands are the beginnings of, of at least ${min} characters.
 * One that is shorter, or could be several, is EXIT_USAGE, and none is to be
 * acted on; of those that are nobody's each is told, the status is EXIT_NOINPUT,
 * and the others stand in ids.
 */
int scope_ids(struct scope *scope, struct setup *setup,
    const struct args *args, size_t min);

#endif
