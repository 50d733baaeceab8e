/*
 * libjwt 1.10 to 2.x.
 */
#include <limits.h>

#include <config.h>
#include <jwt.h>

#include "token/jwt.h"

bool
jwt_accepts(const char *token, const struct secret *secret)
{
	jwt_t *jwt = NULL;
	bool ok;

	/* Without a key these versions decode without verifying, and succeed. */
	if (secret->len == 0 || secret->len > INT_MAX)
		return false;
	if (jwt_decode(&jwt, token, (const unsigned char *)secret->bytes,
	    (int)secret->len) != 0)
		return false;
	/* The token's own alg chose the hash; HS384 and HS512 got through too. */
	ok = jwt_get_alg(jwt) == JWT_ALG_HS256;
	jwt_free(jwt);
	return ok;
}
