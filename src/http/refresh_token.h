/*
 * refresh_token: the refresh token that a provider put in place of the one in the
 * operator's file (RFC 6749 section 6).
 *
 * It counts as long as the operator's file holds the token it came of, its origin.
 * Who holds this struct sees to it that a new one gets on disk: the former is often
 * worth nothing from then on.  One thread.
 */
#ifndef LEADRELAY_HTTP_REFRESH_TOKEN_H
#define LEADRELAY_HTTP_REFRESH_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/digest.h"

struct refresh_token {
	struct buf token;		/* empty: there is none */
	uint8_t origin[DIGEST_SIZE];
	bool unsaved;			/* new: to be put on disk, and this cleared */

	/* Who asks with one, and the origin of the one that was last asked with. */
	const void *asking;
	uint8_t asked_with[DIGEST_SIZE];
};

/* What to use where the file holds the token whose digest is ${origin}; NULL: that one. */
const char *refresh_token_for(const struct refresh_token *r,
    const uint8_t origin[DIGEST_SIZE]);

/* From now on ${token} is good in place of the one whose digest is ${origin}. */
void refresh_token_replace(struct refresh_token *r,
    const uint8_t origin[DIGEST_SIZE], const struct buf *token);

/* Overwrite and free. */
void refresh_token_destroy(struct refresh_token *r);

#endif
