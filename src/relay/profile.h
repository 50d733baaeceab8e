/*
 * profile: what a dispatcher works with under one configuration: the settings, their
 * credentials and access token, the programs, and the attempts set up for them.
 *
 * A reload that changes a destination gives its dispatcher another profile.  What was
 * sent with the former one is finished with it, and it is put away when nothing
 * needs it any more.  The relay's thread only, but for profile_new.
 */
#ifndef LEADRELAY_RELAY_PROFILE_H
#define LEADRELAY_RELAY_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/stamp.h"
#include "http/signing.h"

struct attempt;
struct buf;
struct config;
struct config_destination;
struct credentials;
struct engine;
struct oauth;
struct programs;

#define PROFILE_FILES 3

struct profile {
	struct profile *former;		/* the dispatcher's one before this, while it is needed */
	struct engine *engine;
	struct config *shared;		/* a share: config is part of it */
	const struct config_destination *config;
	struct credentials *credentials;
	struct oauth *oauth;		/* NULL: the destination wants no tokens */
	struct signing signing;
	struct programs *programs;
	struct attempt *pool;		/* at rest */
	size_t in_use;			/* attempts that are not */
	uint64_t files[PROFILE_FILES];	/* those that nobody looks at again */
	bool ready;			/* credentials complete, URL allowed */
	bool complained;
	int64_t refresh_ms;
};

/*
 * For the ${index}th destination of ${config}, of which a share is taken.
 * ${engine} is borrowed.  NULL: a phrase in ${why}.  Any thread.
 */
struct profile *profile_new(struct engine *engine, struct config *config,
    size_t index, struct buf *why);

/* Its attempts must be at rest.  NULL is fine. */
void profile_free(struct profile *o);

/*
 * Are ${o} and ${other} for the same settings, and ${o}'s files the same as when
 * it was made?  Of files that are read again when they change nothing is asked.
 */
bool profile_fits(struct profile *o, const struct profile *other);

/* Look at the credentials' files, once a second; what is wrong is said once. */
void profile_refresh(struct profile *o, int64_t now_ms);

/* Can it be put away? */
bool profile_idle(const struct profile *o);

#endif
