/*
 * bulk: retry, release or discard of everything that matches, or of what was named.
 *
 * Done a few hundred events to a transaction, with a rest after each as long as
 * it took, so that a worker that accepts leads meanwhile hardly notices.
 */
#ifndef LEADRELAY_CLI_BULK_H
#define LEADRELAY_CLI_BULK_H

#include <stdbool.h>

#include "cli/names.h"
#include "cli/setup.h"

/* The three actions differ in words and in whether they may be forced. */
struct act {
	enum store_action action;
	const char *verb;		/* "retry" */
	const char *done;		/* "will be sent again" */
	const char *would;		/* "would be sent again" */
	const char *cannot;		/* why an event is left as it is */
	bool can_force;
};

/*
 * Act on every event that matches ${filter}, oldest first, up to the newest one
 * there is now; or on those whose ids are in ${named}, in their order, at the
 * filter's destination.  ${how} is the store's.  Says what was done; returns the
 * exit status: EXIT_NO when something had to stay as it is.
 */
int bulk_act(struct setup *setup, const struct act *act,
    const struct store_filter *filter, const struct names *named, unsigned how);

#endif
