/*
 * forged: tokens that must not get in, to prove that they do not.
 *
 * Each signs ${payload} in a way of its own.  A string the caller frees, or
 * NULL without memory, randomness or a secret.
 */
#ifndef LEADRELAY_CLIENT_FORGED_H
#define LEADRELAY_CLIENT_FORGED_H

#include "base/buf.h"
#include "base/secret.h"

typedef char *forged_token(const struct buf *payload, const struct secret *secret);

forged_token forged_honest;		/* the token LeadPro makes, for comparison */
forged_token forged_secret;		/* signed with a secret made up just now */
forged_token forged_algorithm;		/* rightly signed, but with HS512 */
forged_token forged_none;			/* "alg":"none", and no signature */
forged_token forged_cut_payload;		/* honest, but ends in its payload */
forged_token forged_cut_signature;	/* honest, but ends in its signature */

#endif
