/*
 * signing: the secrets a destination's requests are signed with, read again when
 * their file changes.
 */
#ifndef LEADRELAY_HTTP_SIGNING_H
#define LEADRELAY_HTTP_SIGNING_H

#include "base/buf.h"
#include "base/secret.h"
#include "base/stamp.h"

struct config_destination;

/* A zeroed one holds nothing yet. */
struct signing {
	struct secret_list secrets;	/* empty: not configured, or not read yet */
	uint64_t stamp;			/* of their file */
};

/*
 * Read ${config}'s sign_secret_file if it changed.  0, or -1 with a phrase added
 * to ${why}: what was read before stays.
 */
int signing_refresh(struct signing *s, const struct config_destination *config,
    struct buf *why);

/* Wipes what it holds. */
void signing_destroy(struct signing *s);

#endif
