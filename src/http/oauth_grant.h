/*
 * oauth_grant: what is asked of a token endpoint, and what it answers (RFC 6749
 * sections 4.4.2, 5 and 6).  No network here.
 */
#ifndef LEADRELAY_HTTP_OAUTH_GRANT_H
#define LEADRELAY_HTTP_OAUTH_GRANT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define OAUTH_GRANT_ANSWER_MAX 65536		/* bytes of an answer that are read */

struct config_destination;

/*
 * Append the form.  ${secret} is the client's, or NULL; ${refresh} the refresh
 * token, or NULL for the client credentials grant.  The buffer then holds both:
 * end with secret_wipe.
 */
void oauth_grant_form(const struct config_destination *config, const char *secret,
    const char *refresh, struct buf *out);

struct oauth_grant {
	struct buf access;		/* the access token */
	struct buf refresh;		/* a new refresh token; empty: none came */
	int64_t lifetime_ms;		/* of the access token, less a margin; 0: not said */
};

/*
 * Read an answer.  0, or -1 with a phrase in ${why}, which quotes nothing but
 * the error code: "status 400 (invalid_client)".  oauth_grant_free in either case.
 */
int oauth_grant_read(int status, const char *answer, size_t len, struct oauth_grant *grant,
    struct buf *why);

/* Overwrite and free. */
void oauth_grant_free(struct oauth_grant *grant);

#endif
