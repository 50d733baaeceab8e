/*
 * signer: tokens made by libcrypto alone, so that a test does not trust the
 * code it tests.
 */
#ifndef LEADRELAY_TESTS_SIGNER_H
#define LEADRELAY_TESTS_SIGNER_H

#include <stddef.h>

/* ${len} bytes in base64url; a string the caller frees. */
char *signer_encode(const void *bytes, size_t len);

/*
 * "header.payload.signature": the first two as texts already encoded, signed
 * with HMAC and the hash named ("SHA256").  A string the caller frees.
 */
char *signer_sign_text(const char *header, const char *payload, const char *hash,
    const char *secret);

/* The same from bytes, with SHA-256. */
char *signer_sign(const char *header, const void *payload, size_t payload_len,
    const char *secret);

#endif
