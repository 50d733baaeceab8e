/*
 * digest: libcrypto's one-shot forms; FNV-1a is our own.
 */
#include "base/digest.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

int
digest_sha256(const void *bytes, size_t len, uint8_t out[DIGEST_SIZE])
{
	/* The one-shot form: no context, no fetch of an algorithm by name. */
	return SHA256(bytes, len, out) != NULL ? 0 : -1;
}

int
digest_hmac_sha256(const void *key, size_t key_len, const void *bytes,
    size_t len, uint8_t out[DIGEST_SIZE])
{
	unsigned int out_len = DIGEST_SIZE;

	if (key_len > INT_MAX)
		return -1;
	return HMAC(EVP_sha256(), key, (int)key_len, bytes, len, out,
	    &out_len) != NULL ? 0 : -1;
}

bool
digest_equal(const uint8_t a[DIGEST_SIZE], const uint8_t b[DIGEST_SIZE])
{
	return CRYPTO_memcmp(a, b, DIGEST_SIZE) == 0;
}

uint64_t
digest_fnv1a(uint64_t hash, const void *bytes, size_t len)
{
	const unsigned char *byte = bytes;

	for (; len > 0; len--)
		hash = (hash ^ *byte++) * UINT64_C(0x100000001b3);
	return hash;
}

char *
digest_hex(const uint8_t digest[DIGEST_SIZE], char out[DIGEST_HEX_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	int i;

	for (i = 0; i < DIGEST_SIZE; i++) {
		out[2 * i] = digits[digest[i] >> 4];
		out[2 * i + 1] = digits[digest[i] & 15];
	}
	out[2 * DIGEST_SIZE] = '\0';
	return out;
}
