/*
 * No store here: whoever owns one sees unsaved and puts it on disk.
 */
#include "http/refresh_token.h"

#include <string.h>

#include "base/secret.h"

const char *
refresh_token_for(const struct refresh_token *r, const uint8_t origin[DIGEST_SIZE])
{
	return r->token.len != 0 && digest_equal(r->origin, origin) ?
	    r->token.data : NULL;
}

void
refresh_token_replace(struct refresh_token *r, const uint8_t origin[DIGEST_SIZE],
    const struct buf *token)
{
	secret_wipe(&r->token);
	buf_add(&r->token, token->data, token->len);
	memcpy(r->origin, origin, sizeof(r->origin));
	r->unsaved = buf_ok(&r->token);
}

void
refresh_token_destroy(struct refresh_token *r)
{
	secret_wipe(&r->token);
}
