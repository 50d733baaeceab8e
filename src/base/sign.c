/*
 * The signed text is id.timestamp.body; one signature for each secret.
 */
#include "base/sign.h"

#include <inttypes.h>
#include <limits.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/digest.h"

#define ENCODED_MAX ((SIGN_KEY_MAX + 2) / 3 * 4)

/* The key a line stands for, or 0 bytes when it cannot be one. */
static size_t
decode_key(const struct secret *secret, unsigned char key[ENCODED_MAX])
{
	static const char prefix[] = "whsec_";
	const char *text = secret->bytes;
	size_t len = secret->len;
	int n;

	if (strncmp(text, prefix, sizeof(prefix) - 1) == 0) {
		text += sizeof(prefix) - 1;
		len -= sizeof(prefix) - 1;
	}
	if (len > ENCODED_MAX || len % 4 != 0 || len < 4)
		return 0;
	if ((n = EVP_DecodeBlock(key, (const unsigned char *)text,
	    (int)len)) == -1)
		return 0;
	/* EVP_DecodeBlock counts the padding as zero bytes. */
	n -= (text[len - 1] == '=') + (text[len - 2] == '=');
	return n >= SIGN_KEY_MIN && n <= SIGN_KEY_MAX ? (size_t)n : 0;
}

const char *
sign_check(const struct secret_list *secrets)
{
	unsigned char key[ENCODED_MAX];
	const char *why = NULL;
	size_t i;

	for (i = 0; i < secrets->count; i++)
		if (decode_key(&secrets->items[i], key) == 0)
			why = "holds a line that is not whsec_ and base64 of "
			    "24 to 64 bytes";
	explicit_bzero(key, sizeof(key));
	return why;
}

int
sign_message(const struct secret_list *secrets, const char *id,
    int64_t timestamp_s, const char *body, size_t len, struct buf *out)
{
	unsigned char key[ENCODED_MAX], text[ENCODED_MAX];
	uint8_t mac[DIGEST_SIZE];
	struct buf signed_text = { 0 };
	size_t i, key_len;
	int rc = 0;

	buf_printf(&signed_text, "%s.%" PRId64 ".", id, timestamp_s);
	buf_add(&signed_text, body, len);
	if (!buf_ok(&signed_text))
		rc = -1;
	for (i = 0; rc == 0 && i < secrets->count; i++) {
		if ((key_len = decode_key(&secrets->items[i], key)) == 0 ||
		    digest_hmac_sha256(key, key_len, signed_text.data,
		    signed_text.len, mac) == -1) {
			rc = -1;
			break;
		}
		EVP_EncodeBlock(text, mac, sizeof(mac));
		buf_printf(out, "%sv1,%s", i != 0 ? " " : "",
		    (const char *)text);
	}
	explicit_bzero(key, sizeof(key));
	buf_free(&signed_text);
	return buf_ok(out) ? rc : -1;
}
