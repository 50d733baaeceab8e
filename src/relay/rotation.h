/*
 * rotation: the refresh token that a provider put in place of the one in the
 * operator's file, and its way to the outbox.
 *
 * The former one is often worth nothing from then on, so the new one is stored
 * at once; a try that failed is repeated until it is on disk.  It counts as long
 * as the operator's file holds the token it came of (its origin).  The relay's
 * thread only, but for rotation_load.
 */
#ifndef LEADRELAY_RELAY_ROTATION_H
#define LEADRELAY_RELAY_ROTATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/digest.h"
#include "outbox/mailbox.h"

struct rotation_job;

struct rotation {
	struct mailbox *box;
	int64_t number;			/* of the destination */
	const char *name;		/* its name, for the log */
	struct buf token;		/* empty: there is none */
	uint8_t origin[DIGEST_SIZE];
	struct rotation_job *saving;
	bool unsaved;
	bool failing;			/* the last try failed */
	int64_t tried_mono_ms;

	/* Who asks with one, and the origin of the one that was last asked with. */
	const void *asking;
	uint8_t asked_with[DIGEST_SIZE];
};

/* For the store's destination ${number}; ${name} is borrowed. */
void rotation_init(struct rotation *r, struct mailbox *box, int64_t number,
    const char *name);

/* No job of its own may be under way. */
void rotation_destroy(struct rotation *r);

/* Read what was kept, unless we have what is newer; in a transaction.  -1: store->fault. */
int rotation_load(struct rotation *r, struct store *store);

/* What to use where the file holds the token whose digest is ${origin}; NULL: that one. */
const char *rotation_token(const struct rotation *r,
    const uint8_t origin[DIGEST_SIZE]);

/* From now on ${token} is good in place of the one whose digest is ${origin}. */
void rotation_keep(struct rotation *r, const uint8_t origin[DIGEST_SIZE],
    const struct buf *token);

/* Store what is not yet on disk, when it is time for another try; soon with ${hurry}. */
void rotation_step(struct rotation *r, bool hurry);

/* Is all on disk? */
bool rotation_saved(const struct rotation *r);

#endif
