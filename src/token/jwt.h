/*
 * jwt: the one door to libjwt, with an implementation per library generation
 * (jwt1.c: 1.10 to 2.x; jwt3.c: 3.x), chosen by configure.
 */
#ifndef LEADRELAY_TOKEN_JWT_H
#define LEADRELAY_TOKEN_JWT_H

#include <stdbool.h>

#include "base/secret.h"

/*
 * Does libjwt accept ${token} (NUL-terminated, policy already applied, at most
 * TOKEN_TEXT_MAX long) as HS256 under ${secret}?  exp and nbf are not judged
 * here.  Never under an empty secret.  False also when memory runs out: libjwt does
 * not tell, but errno is then ENOMEM, as the allocator left it.
 */
bool jwt_accepts(const char *token, const struct secret *secret);

#endif
