/*
 * forge: tokens that must not get in, to prove that they do not.
 *
 * Each signs ${payload} in a way of its own.  A string the caller frees, or
 * NULL without memory, randomness or a secret.
 */
#ifndef LEADRELAY_CLI_FORGE_H
#define LEADRELAY_CLI_FORGE_H

#include "base/buf.h"
#include "config/secret.h"

typedef char *forge_token(const struct buf *payload, const struct secret *secret);

forge_token forge_honest;		/* the token LeadPro makes, for comparison */
forge_token forge_secret;		/* signed with a secret made up just now */
forge_token forge_algorithm;		/* rightly signed, but with HS512 */
forge_token forge_none;			/* "alg":"none", and no signature */
forge_token forge_cut_payload;		/* honest, but ends in its payload */
forge_token forge_cut_signature;	/* honest, but ends in its signature */

#endif
