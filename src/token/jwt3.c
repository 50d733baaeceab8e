/*
 * libjwt 3.x: a checker made for one token.
 *
 * Its key is a JWK that names no "alg" of its own.  The header's alg is then
 * compared with the one given to jwt_checker_setkey; were there an "alg" in the
 * key, libjwt 3.3 would compare only those two and believe the header.
 */
#include <string.h>

#include <config.h>
#include <jwt.h>

#include "base/base64url.h"
#include "token/jwt.h"

/* The least key these versions take for HS256, in bytes. */
#define KEY_MIN 32

/*
 * Write ${secret} as a JWK; secret_wipe it.  A short one is filled up with zero
 * bytes, because libjwt 3 refuses it: HMAC itself fills every key up to its block of
 * 64 bytes so (RFC 2104 section 2), the signature is the same.  How long a secret
 * must be is the provider's choice.
 */
static void
put_jwk(const struct secret *secret, struct buf *jwk)
{
	unsigned char filled[KEY_MIN] = { 0 };
	bool is_short = secret->len < KEY_MIN;

	/* Room for all of it at once: what realloc leaves behind is not wiped. */
	(void)buf_reserve(jwk, BASE64URL_ENCODED_SIZE(secret->len + KEY_MIN) + 32);
	buf_puts(jwk, "{\"kty\":\"oct\",\"k\":\"");
	if (is_short)
		memcpy(filled, secret->bytes, secret->len);
	base64url_add(jwk, is_short ? (const void *)filled : secret->bytes,
	    is_short ? KEY_MIN : secret->len);
	buf_puts(jwk, "\"}");
	explicit_bzero(filled, sizeof(filled));
}

/* Read the key; jwks_free the set, which is NULL when it could not be made. */
static const jwk_item_t *
load_key(const struct secret *secret, jwk_set_t **set)
{
	struct buf jwk = { 0 };

	put_jwk(secret, &jwk);
	if (buf_ok(&jwk))
		*set = jwks_create(jwk.data);
	secret_wipe(&jwk);
	if (*set == NULL || jwks_error_any(*set) != 0)
		return NULL;
	return jwks_item_get(*set, 0);
}

bool
jwt_accepts(const char *token, const struct secret *secret)
{
	jwk_set_t *set = NULL;
	jwt_checker_t *checker = NULL;
	const jwk_item_t *key;
	bool ok = false;

	if (secret->len == 0)
		return false;
	key = load_key(secret, &set);
	checker = jwt_checker_new();
	if (key == NULL || checker == NULL)
		goto out;
	/* -1 turns a time claim's check off: those are judged later, from the payload. */
	if (jwt_checker_setkey(checker, JWT_ALG_HS256, key) != 0 ||
	    jwt_checker_time_leeway(checker, JWT_CLAIM_EXP, -1) != 0 ||
	    jwt_checker_time_leeway(checker, JWT_CLAIM_NBF, -1) != 0)
		goto out;
	ok = jwt_checker_verify(checker, token) == 0;
out:
	jwt_checker_free(checker);
	jwks_free(set);
	return ok;
}
