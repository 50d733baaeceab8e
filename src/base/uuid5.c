/*
 * uuid5: the first 16 bytes of SHA-1 over namespace and name.
 */
#include "base/uuid5.h"

#include <openssl/evp.h>
#include <stdio.h>

#include "base/buf.h"

const unsigned char uuid5_leadrelay[UUID5_NAMESPACE_SIZE] = {
	0x6e, 0xed, 0xaf, 0xe2, 0x33, 0x11, 0x46, 0xd3,
	0xb0, 0x4d, 0xb4, 0x23, 0xeb, 0x49, 0xfc, 0xb7
};

int
uuid5_make(const unsigned char space[UUID5_NAMESPACE_SIZE], const void *name,
    size_t len, char out[UUID5_SIZE])
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	struct buf text = { 0 };
	size_t at = 0;
	int i, rc;

	buf_add(&text, space, UUID5_NAMESPACE_SIZE);
	buf_add(&text, name, len);
	rc = buf_ok(&text) && EVP_Digest(text.data, text.len, hash, NULL,
	    EVP_sha1(), NULL) == 1 ? 0 : -1;
	buf_free(&text);
	if (rc == -1)
		return -1;
	hash[6] = (unsigned char)((hash[6] & 0x0f) | 0x50);	/* version 5 */
	hash[8] = (unsigned char)((hash[8] & 0x3f) | 0x80);	/* the RFC's variant */
	for (i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			out[at++] = '-';
		(void)snprintf(out + at, 3, "%02x", hash[i]);
		at += 2;
	}
	return 0;
}
