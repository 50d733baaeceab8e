/*
 * libjwt 3.x: a checker made for one token.
 *
 * Its key is a JWK that names no "alg" of its own.  The header's alg is then
 * compared with the one given to jwt_checker_setkey; were there an "alg" in the
 * key, libjwt 3.3 would compare only those two and believe the header.
 */
#include <stdlib.h>
#include <string.h>

#include <config.h>
#include <jwt.h>

#include "base/base64url.h"
#include "token/jwt.h"

#define JWK_HEAD "{\"kty\":\"oct\",\"k\":\""
#define JWK_TAIL "\"}"

/* The least key these versions take for HS256, in bytes. */
#define KEY_MIN 32

/*
 * Write ${secret} as a JWK; a string the caller frees, or NULL without memory.
 * A short one is filled up with zero bytes, because libjwt 3 refuses it: HMAC
 * itself fills every key up to its block of 64 bytes so (RFC 2104 section 2),
 * the signature is the same.  How long a secret must be is the provider's choice.
 */
static char *
make_jwk(const struct secret *secret)
{
	size_t len = secret->len < KEY_MIN ? KEY_MIN : secret->len;
	size_t room = sizeof(JWK_HEAD) + BASE64URL_ENCODED_SIZE(len) + sizeof(JWK_TAIL);
	unsigned char *key = calloc(1, len);
	char *jwk = malloc(room);
	char *end;

	if (key == NULL || jwk == NULL) {
		free(jwk);
		jwk = NULL;
		goto out;
	}
	memcpy(key, secret->bytes, secret->len);
	end = stpcpy(jwk, JWK_HEAD);
	base64url_encode(key, len, end);
	strcat(end, JWK_TAIL);
out:
	if (key != NULL)
		explicit_bzero(key, len);
	free(key);
	return jwk;
}

/* Read the key; jwks_free the set, which is NULL when it could not be made. */
static const jwk_item_t *
load_key(const struct secret *secret, jwk_set_t **set)
{
	char *jwk = make_jwk(secret);

	if (jwk == NULL)
		return NULL;
	*set = jwks_create(jwk);
	explicit_bzero(jwk, strlen(jwk));
	free(jwk);
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

const char *
jwt_library(void)
{
	return "libjwt " LIBJWT_VERSION;
}
