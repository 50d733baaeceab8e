/*
 * outfit: what a lane works with under one configuration: the settings, their
 * credentials and access token, the programs, and the transfers set up for them.
 *
 * A reload that changes a destination gives its lane another outfit.  What was
 * sent with the former one is finished with it, and it is put away when nothing
 * needs it any more.  The relay's thread only, but for outfit_new.
 */
#ifndef LEADRELAY_RELAY_OUTFIT_H
#define LEADRELAY_RELAY_OUTFIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/stamp.h"
#include "relay/signing.h"

struct buf;
struct config;
struct config_destination;
struct credentials;
struct engine;
struct oauth;
struct programs;
struct transfer;

#define OUTFIT_FILES 3

struct outfit {
	struct outfit *former;		/* the lane's one before this, while it is needed */
	struct engine *engine;
	struct config *shared;		/* a share: config is part of it */
	const struct config_destination *config;
	struct credentials *credentials;
	struct oauth *oauth;		/* NULL: the destination wants no tokens */
	struct signing signing;
	struct programs *programs;
	struct transfer *pool;		/* at rest */
	size_t in_use;			/* transfers that are not */
	struct stamp files[OUTFIT_FILES];	/* those that nobody looks at again */
	bool ready;			/* credentials complete, URL allowed */
	bool complained;
	int64_t refresh_ms;
};

/*
 * For the ${index}th destination of ${config}, of which a share is taken.
 * ${engine} is borrowed.  NULL: a phrase in ${why}.  Any thread.
 */
struct outfit *outfit_new(struct engine *engine, struct config *config,
    size_t index, struct buf *why);

/* Its transfers must be at rest.  NULL is fine. */
void outfit_free(struct outfit *o);

/*
 * Are ${o} and ${other} for the same settings, and ${o}'s files the same as when
 * it was made?  Of files that are read again when they change nothing is asked.
 */
bool outfit_fits(struct outfit *o, const struct outfit *other);

/* Look at the credentials' files, once a second; what is wrong is said once. */
void outfit_refresh(struct outfit *o, int64_t now_ms);

/* Can it be put away? */
bool outfit_idle(const struct outfit *o);

#endif
