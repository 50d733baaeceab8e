/* What is forged is made by hand: no library would. */
#include "client/forged.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>
#include <sys/random.h>

#include "base/base64url.h"
#include "token/token.h"

#define HS512_HEADER "{\"alg\":\"HS512\",\"typ\":\"JWT\"}"
#define NONE_HEADER "{\"alg\":\"none\",\"typ\":\"JWT\"}"

/* header.payload */
static void
add_signed_part(struct buf *out, const char *header, const struct buf *payload)
{
	base64url_add(out, header, strlen(header));
	buf_putc(out, '.');
	base64url_add(out, payload->data, payload->len);
}

char *
forged_honest(const struct buf *payload, const struct secret *secret)
{
	return token_sign(payload->data, payload->len, secret);
}

char *
forged_secret(const struct buf *payload, const struct secret *secret)
{
	unsigned char bytes[32];
	struct secret made_up = { .bytes = (char *)bytes, .len = sizeof(bytes) };

	(void)secret;
	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return NULL;
	return token_sign(payload->data, payload->len, &made_up);
}

char *
forged_algorithm(const struct buf *payload, const struct secret *secret)
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned mac_len = 0;
	struct buf out = { 0 };

	add_signed_part(&out, HS512_HEADER, payload);
	if (!buf_ok(&out) || HMAC(EVP_sha512(), secret->bytes, (int)secret->len,
	    (const unsigned char *)out.data, out.len, mac, &mac_len) == NULL) {
		buf_free(&out);
		return NULL;
	}
	buf_putc(&out, '.');
	base64url_add(&out, mac, mac_len);
	return buf_detach(&out);
}

char *
forged_none(const struct buf *payload, const struct secret *secret)
{
	struct buf out = { 0 };

	(void)secret;
	add_signed_part(&out, NONE_HEADER, payload);
	buf_putc(&out, '.');
	return buf_detach(&out);
}

char *
forged_cut_payload(const struct buf *payload, const struct secret *secret)
{
	char *token = forged_honest(payload, secret);

	if (token != NULL)
		token[strlen(token) * 2 / 3] = '\0';
	return token;
}

char *
forged_cut_signature(const struct buf *payload, const struct secret *secret)
{
	char *token = forged_honest(payload, secret);

	if (token != NULL)
		token[strlen(token) - 16] = '\0';
	return token;
}
