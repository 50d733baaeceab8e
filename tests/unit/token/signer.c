#include "signer.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *
need(void *memory)
{
	if (memory == NULL)
		abort();
	return memory;
}

char *
signer_encode(const void *bytes, size_t len)
{
	char *out = need(malloc((len + 2) / 3 * 4 + 1));

	EVP_EncodeBlock((unsigned char *)out, bytes, (int)len);
	out[strcspn(out, "=")] = '\0';
	for (char *c = out; *c != '\0'; c++)
		*c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
	return out;
}

char *
signer_sign_text(const char *header, const char *payload, const char *hash,
    const char *secret)
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned int mac_len = 0;
	char *text = need(malloc(strlen(header) + strlen(payload) + 256));
	char *signature;
	int len = sprintf(text, "%s.%s", header, payload);

	if (HMAC(EVP_get_digestbyname(hash), secret, (int)strlen(secret),
	    (unsigned char *)text, (size_t)len, mac, &mac_len) == NULL)
		abort();
	signature = signer_encode(mac, mac_len);
	sprintf(text + len, ".%s", signature);
	free(signature);
	return text;
}

char *
signer_sign(const char *header, const void *payload, size_t payload_len,
    const char *secret)
{
	char *h = signer_encode(header, strlen(header));
	char *p = signer_encode(payload, payload_len);
	char *token = signer_sign_text(h, p, "SHA256", secret);

	free(h);
	free(p);
	return token;
}
