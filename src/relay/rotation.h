/*
 * rotation: a destination's refresh token on its way to the outbox.
 *
 * A new one is stored at once; a try that failed is repeated until it is on disk.
 * The relay's thread only, but for rotation_load.
 */
#ifndef LEADRELAY_RELAY_ROTATION_H
#define LEADRELAY_RELAY_ROTATION_H

#include <stdbool.h>
#include <stdint.h>

#include "http/refresh_token.h"
#include "outbox/mailbox.h"

struct rotation_job;

struct rotation {
	struct mailbox *box;
	int64_t number;			/* of the destination */
	const char *name;		/* its name, for the log */
	struct refresh_token kept;
	struct rotation_job *saving;
	bool failing;			/* the last try failed */
	int64_t tried_mono_ms;
};

/* For the store's destination ${number}; ${name} is borrowed. */
void rotation_init(struct rotation *r, struct mailbox *box, int64_t number,
    const char *name);

/* No job of its own may be under way. */
void rotation_destroy(struct rotation *r);

/* Read what was kept, unless we have what is newer; in a transaction.  -1: store->fault. */
int rotation_load(struct rotation *r, struct store *store);

/* Store what is not yet on disk, when it is time for another try; soon with ${hurry}. */
void rotation_step(struct rotation *r, bool hurry);

/* Is all on disk? */
bool rotation_saved(const struct rotation *r);

#endif
