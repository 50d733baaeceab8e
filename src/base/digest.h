/*
 * digest: SHA-256 and HMAC-SHA-256 by libcrypto, and FNV-1a where nobody attacks.
 */
#ifndef LEADRELAY_BASE_DIGEST_H
#define LEADRELAY_BASE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIGEST_SIZE 32
#define DIGEST_HEX_SIZE (2 * DIGEST_SIZE + 1)

/* Return 0, or -1 when libcrypto fails (out of memory, FIPS policy). */
int digest_sha256(const void *bytes, size_t len, uint8_t out[DIGEST_SIZE]);
int digest_hmac_sha256(const void *key, size_t key_len, const void *bytes,
    size_t len, uint8_t out[DIGEST_SIZE]);

/* Compare without an early exit. */
bool digest_equal(const uint8_t a[DIGEST_SIZE], const uint8_t b[DIGEST_SIZE]);

/*
 * Go on hashing with FNV-1a, from DIGEST_FNV1A: quick, for what nobody means to make
 * collide.
 */
#define DIGEST_FNV1A UINT64_C(0xcbf29ce484222325)
uint64_t digest_fnv1a(uint64_t hash, const void *bytes, size_t len);

/* Lower-case hexadecimal with a NUL; returns ${out}. */
char *digest_hex(const uint8_t digest[DIGEST_SIZE], char out[DIGEST_HEX_SIZE]);

#endif
