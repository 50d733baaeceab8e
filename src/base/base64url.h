/*
 * base64url: RFC 4648 section 5, without padding, as RFC 7515 uses it.
 */
#ifndef LEADRELAY_BASE_BASE64URL_H
#define LEADRELAY_BASE_BASE64URL_H

#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"

/* The 64 characters, as a string. */
extern const char base64url_alphabet[];

/* The most bytes that ${len} characters decode to. */
#define BASE64URL_DECODED_MAX(len) ((len) / 4 * 3 + 2)

/* The characters that ${len} bytes encode to, and a NUL. */
#define BASE64URL_ENCODED_SIZE(len) (((len) * 4 + 2) / 3 + 1)

/*
 * Decode ${len} characters into ${out} (BASE64URL_DECODED_MAX(len) bytes) and
 * return the number of bytes, or -1 when a character is outside the alphabet,
 * the length is impossible, or the unused last bits are not zero (one byte
 * string, one encoding).
 */
ssize_t base64url_decode(const char *str, size_t len, unsigned char *out);

/* Encode; ${out} has BASE64URL_ENCODED_SIZE(len) bytes and gets a NUL. */
void base64url_encode(const unsigned char *bytes, size_t len, char *out);

/* Append ${len} bytes, encoded. */
void base64url_add(struct buf *out, const void *bytes, size_t len);

#endif
