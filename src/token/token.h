/*
 * token: proves who sent a webhook.
 *
 * A token is a JWS in compact form (RFC 7515), HS256 only.  libjwt decides who
 * gets in; this module is the policy round it, for what libjwt lets through,
 * and tells a forged token from an authentic one that libjwt cannot read.
 * Everything here is a pure function of its arguments: any thread.
 */
#ifndef LEADRELAY_TOKEN_TOKEN_H
#define LEADRELAY_TOKEN_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/secret.h"

/*
 * The longest token looked at, and the stack to give a thread that verifies:
 * libjwt copies a token there, and a sanitizer wants its share.
 */
#define TOKEN_TEXT_MAX (128 * 1024)
#define TOKEN_STACK_MIN (1024 * 1024)
#define TOKEN_HEADER_MAX 1024	/* bytes of decoded JOSE header */
#define TOKEN_LEEWAY_MS 60000	/* for exp and nbf */

enum token_verdict {
	TOKEN_OK,		/* authentic; payload is set */
	TOKEN_UNREADABLE,	/* authentic, but libjwt cannot read it; payload is set */
	TOKEN_MISSING,
	TOKEN_MALFORMED,	/* not three base64url segments; header no strict JSON or too long */
	TOKEN_ALGORITHM,	/* alg is not HS256, or crit, b64, jwk, jku, x5c, x5u */
	TOKEN_SIGNATURE,	/* no secret signs it so */
	TOKEN_FAULT		/* our own: out of memory */
};

struct token {
	char *payload;			/* the bytes that were signed; NUL-terminated */
	size_t payload_len;
	uint8_t digest[DIGEST_SIZE];	/* SHA-256 of the signed text, header.payload */
	const char *why;		/* a constant phrase for the log; never NULL */
};

/*
 * Verify the ${len} characters at ${text} (no "Bearer ", no blanks) against
 * each secret.  ${text} need not be NUL-terminated.  Whatever the verdict,
 * ${out} may be given to token_free; payload is non-NULL only for TOKEN_OK and
 * TOKEN_UNREADABLE, and digest is set only then.
 *
 * The header is judged first, then the signature's form, then the payload's.
 * base64url is taken strictly (base64url.h), so one text has one reading; a
 * payload that is not so, or empty, is malformed even when rightly signed: there
 * is no telling what bytes were meant.  A signature in the right alphabet but
 * of a wrong length, or with stray last bits, is TOKEN_SIGNATURE.
 */
enum token_verdict token_verify(const char *text, size_t len,
    const struct secret_list *secrets, struct token *out);

void token_free(struct token *token);

/*
 * Strip an optional "Bearer" (RFC 6750, any case) and blanks round the token;
 * returns where it starts in ${value} and sets *len (0: there is none).
 */
const char *token_from_header(const char *value, size_t value_len, size_t *len);

/*
 * Sign ${payload} (any bytes) with HS256 as LeadPro does; a string the caller
 * frees, or NULL without memory or with an empty secret.
 */
char *token_sign(const char *payload, size_t payload_len,
    const struct secret *secret);

#endif
