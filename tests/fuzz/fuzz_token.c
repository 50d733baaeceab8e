/*
 * fuzz_token: whatever bytes come as an Authorization value, nothing crashes,
 * and nothing unsigned gets in.
 *
 * Built and run by tests/run fuzz.
 *
 * (-I. finds a config.h, which may be empty.)  The first byte chooses: an even
 * one takes the rest as the value; with an odd one the rest is header, NUL and
 * payload, encoded and signed here, so that the fuzzer also gets past the
 * signature.  With -DREPLAY and any compiler: judges the files named as arguments.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64url.h"
#include "base/digest.h"
#include "token/token.h"
#include "replay.h"

#define SECRET "fuzz"

static void
require(bool held)
{
	if (!held)
		abort();
}

/* Is ${text} rightly signed?  Decided here, on its own. */
static bool
is_signed(const char *text, size_t len)
{
	uint8_t mac[DIGEST_SIZE];
	char encoded[BASE64URL_ENCODED_SIZE(DIGEST_SIZE)];
	const size_t tail = sizeof(encoded);	/* the dot, and no NUL */

	if (len < tail || text[len - tail] != '.')
		return false;
	require(digest_hmac_sha256(SECRET, strlen(SECRET), text, len - tail, mac) == 0);
	base64url_encode(mac, sizeof(mac), encoded);
	return memcmp(encoded, text + len - tail + 1, tail - 1) == 0;
}

static enum token_verdict
verify(const char *text, size_t len, struct token *token)
{
	struct secret secrets[] = {
		{ .bytes = (char[]){ "" }, .len = 0 },
		{ .bytes = (char[]){ "another" }, .len = 7 },
		{ .bytes = (char[]){ SECRET }, .len = strlen(SECRET) },
	};
	struct secret_list list = { .items = secrets, .count = 3 };
	enum token_verdict verdict = token_verify(text, len, &list, token);

	require(token->why != NULL);
	require((token->payload != NULL) ==
	    (verdict == TOKEN_OK || verdict == TOKEN_UNREADABLE));
	require(token->payload == NULL || is_signed(text, len));
	require(token->payload == NULL || token->payload[token->payload_len] == '\0');
	return verdict;
}

static void
fuzz_value(const char *value, size_t value_len)
{
	struct token token;
	size_t len;
	const char *text = token_from_header(value, value_len, &len);

	require(text >= value && text + len <= value + value_len);
	verify(text, len, &token);
	token_free(&token);
}

/* Rightly signed: refused for its header alone, or the payload is what was signed. */
static void
fuzz_signed(const char *header, size_t header_len, const char *payload, size_t payload_len)
{
	char *text = malloc(BASE64URL_ENCODED_SIZE(header_len) +
	    BASE64URL_ENCODED_SIZE(payload_len) + BASE64URL_ENCODED_SIZE(DIGEST_SIZE) + 2);
	uint8_t mac[DIGEST_SIZE];
	struct token token;
	enum token_verdict verdict;
	size_t len;

	require(text != NULL);
	base64url_encode((const unsigned char *)header, header_len, text);
	strcat(text, ".");
	len = strlen(text);
	base64url_encode((const unsigned char *)payload, payload_len, text + len);
	len = strlen(text);
	require(digest_hmac_sha256(SECRET, strlen(SECRET), text, len, mac) == 0);
	text[len++] = '.';
	base64url_encode(mac, sizeof(mac), text + len);
	verdict = verify(text, strlen(text), &token);
	require(verdict != TOKEN_SIGNATURE && verdict != TOKEN_FAULT);
	if (token.payload != NULL) {
		require(token.payload_len == payload_len);
		require(memcmp(token.payload, payload, payload_len) == 0);
	}
	token_free(&token);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data + 1;
	const char *nul;

	if (size < 2)
		return 0;
	size--;
	nul = memchr(text, '\0', size);
	if ((data[0] & 1) == 0)
		fuzz_value(text, size);
	else if (nul != NULL)
		fuzz_signed(text, (size_t)(nul - text), nul + 1,
		    size - (size_t)(nul - text) - 1);
	return 0;
}
