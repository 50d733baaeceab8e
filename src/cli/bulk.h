/*
 * bulk: retry, release or discard of everything that matches.
 *
 * Done a few hundred events to a transaction, with a rest after each as long as
 * it took, so that a worker that accepts leads meanwhile hardly notices.
 */
#ifndef LEADRELAY_CLI_BULK_H
#define LEADRELAY_CLI_BULK_H

#include <stdbool.h>

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
 * Say why the event ${id} was left as it is.  ${named}: it was asked for by its id,
 * so what helps is said at once.  EXIT_NO.
 */
int bulk_left(const struct act *act, const char *id,
    const struct store_act_out *out, bool named);

/*
 * Act on every event that matches ${filter}, oldest first, up to the newest one
 * there is now.  ${how} is the store's.  Says what was done; returns the exit
 * status: EXIT_NO when something that matched had to stay as it is.
 */
int bulk_act(struct setup *setup, const struct act *act,
    const struct store_filter *filter, unsigned how);

#endif
