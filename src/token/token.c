/*
 * Steps from the cheapest on, each of which refuses or leaves it to the next: the
 * three segments, the header, the signature's form, the payload; then libjwt.
 */
#include "token/token.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/types.h>

#include "base/base64url.h"
#include "base/buf.h"
#include "base/json.h"
#include "token/jwt.h"

#define BEARER "Bearer"
#define HS256_HEADER "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"
#define HS256_VALUE "\"HS256\""		/* as a JSON value, unescaped */
#define SIGNATURE_LEN 43		/* DIGEST_SIZE bytes in base64url */

/* The three segments, borrowed from the text. */
struct segments {
	const char *header;
	size_t header_len;
	const char *payload;
	size_t payload_len;
	const char *signature;
	size_t signature_len;
	size_t signed_len;		/* header.payload, from the start of the text */
};

/* The verdict, and why. */
static enum token_verdict
conclude(struct token *out, enum token_verdict verdict, const char *why)
{
	out->why = why;
	return verdict;
}

/*
 * Find the segments.  The last may be empty here: "alg":"none" tokens end so,
 * and are to be called by their name.
 */
static bool
split(const char *text, size_t len, struct segments *s)
{
	const char *end = text + len;
	const char *dot1 = memchr(text, '.', len);
	const char *dot2 = dot1 == NULL ? NULL :
	    memchr(dot1 + 1, '.', (size_t)(end - dot1 - 1));

	if (dot2 == NULL)
		return false;
	s->header = text;
	s->header_len = (size_t)(dot1 - text);
	s->payload = dot1 + 1;
	s->payload_len = (size_t)(dot2 - s->payload);
	s->signature = dot2 + 1;
	s->signature_len = (size_t)(end - s->signature);
	s->signed_len = (size_t)(dot2 - text);
	return s->header_len > 0 && s->payload_len > 0 &&
	    memchr(s->signature, '.', s->signature_len) == NULL;
}

/*
 * The JOSE header: one strict JSON object, alg the plain string HS256 (an
 * escaped spelling is refused with the rest), and nothing that changes what is
 * signed or brings a key of its own.  Other members decide nothing.
 */
static enum token_verdict
check_header(const struct segments *s, struct token *out)
{
	struct json_member members[] = {
		{ .name = "alg" }, { .name = "crit" }, { .name = "b64" },
		{ .name = "jwk" }, { .name = "jku" }, { .name = "x5c" },
		{ .name = "x5u" },
	};
	const size_t count = sizeof(members) / sizeof(members[0]);
	const struct json_member *alg = &members[0];
	char json[BASE64URL_DECODED_MAX(BASE64URL_ENCODED_SIZE(TOKEN_HEADER_MAX))];
	ssize_t len;
	size_t at;

	if (s->header_len >= BASE64URL_ENCODED_SIZE(TOKEN_HEADER_MAX))
		return conclude(out, TOKEN_MALFORMED, "header longer than 1 KB");
	len = base64url_decode(s->header, s->header_len, (unsigned char *)json);
	if (len == -1)
		return conclude(out, TOKEN_MALFORMED, "header is not base64url");
	if (json_scan(json, (size_t)len, members, count, &at) != NULL)
		return conclude(out, TOKEN_MALFORMED, "header is not a JSON object");
	if (alg->value == NULL || alg->len != sizeof(HS256_VALUE) - 1 ||
	    memcmp(alg->value, HS256_VALUE, alg->len) != 0)
		return conclude(out, TOKEN_ALGORITHM, "alg is not HS256");
	for (size_t i = 1; i < count; i++)
		if (members[i].value != NULL)
			return conclude(out, TOKEN_ALGORITHM,
			    "header has crit, b64, or a key of its own");
	return TOKEN_OK;
}

static bool
in_alphabet(const char *str, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (str[i] == '\0' || strchr(base64url_alphabet, str[i]) == NULL)
			return false;
	return true;
}

/*
 * Decode the signature.  One that is too short or has stray last bits is wrong
 * rather than malformed: a token that was cut on its way looks like that.
 */
static enum token_verdict
read_signature(const struct segments *s, uint8_t mac[DIGEST_SIZE], struct token *out)
{
	unsigned char bytes[BASE64URL_DECODED_MAX(SIGNATURE_LEN)];

	if (s->signature_len == 0)
		return conclude(out, TOKEN_MALFORMED, "no signature");
	if (!in_alphabet(s->signature, s->signature_len))
		return conclude(out, TOKEN_MALFORMED, "signature is not base64url");
	if (s->signature_len != SIGNATURE_LEN)
		return conclude(out, TOKEN_SIGNATURE,
		    "signature is not 43 characters long: was the token cut?");
	if (base64url_decode(s->signature, SIGNATURE_LEN, bytes) != DIGEST_SIZE)
		return conclude(out, TOKEN_SIGNATURE, "no secret signs it so");
	memcpy(mac, bytes, DIGEST_SIZE);
	return TOKEN_OK;
}

/* Decode the payload into memory of its own, with a NUL behind it. */
static enum token_verdict
read_payload(const struct segments *s, struct token *out)
{
	ssize_t len;

	out->payload = malloc(BASE64URL_DECODED_MAX(s->payload_len) + 1);
	if (out->payload == NULL)
		return conclude(out, TOKEN_FAULT, "out of memory");
	len = base64url_decode(s->payload, s->payload_len, (unsigned char *)out->payload);
	if (len == -1)
		return conclude(out, TOKEN_MALFORMED, "payload is not base64url");
	out->payload[len] = '\0';
	out->payload_len = (size_t)len;
	return TOKEN_OK;
}

/* Does libjwt let the token in under one of the secrets?  Never under an empty one. */
static bool
any_accepts(const char *token, const struct secret_list *secrets)
{
	for (size_t i = 0; i < secrets->count; i++)
		if (jwt_accepts(token, &secrets->items[i]))
			return true;
	return false;
}

/*
 * libjwt said no: forged, or authentic and beyond it?  An empty secret is no
 * secret: anybody can sign with it.
 */
static enum token_verdict
find_signer(const char *token, size_t signed_len, const uint8_t mac[DIGEST_SIZE],
    const struct secret_list *secrets, struct token *out)
{
	uint8_t expected[DIGEST_SIZE];

	for (size_t i = 0; i < secrets->count; i++) {
		const struct secret *s = &secrets->items[i];

		if (s->len == 0)
			continue;
		if (digest_hmac_sha256(s->bytes, s->len, token, signed_len, expected) == -1)
			return conclude(out, TOKEN_FAULT, "libcrypto made no HMAC");
		if (digest_equal(expected, mac))
			return conclude(out, TOKEN_UNREADABLE,
			    "signed rightly, but libjwt cannot read it");
	}
	return conclude(out, TOKEN_SIGNATURE, "no secret signs it so");
}

/* Shape and policy held: who signed it? */
static enum token_verdict
authenticate(const char *text, size_t len, const struct segments *s,
    const uint8_t mac[DIGEST_SIZE], const struct secret_list *secrets, struct token *out)
{
	enum token_verdict verdict;
	char *token = strndup(text, len);	/* libjwt wants a NUL */

	if (token == NULL)
		return conclude(out, TOKEN_FAULT, "out of memory");
	errno = 0;
	if (any_accepts(token, secrets))
		verdict = TOKEN_OK;
	else if (errno == ENOMEM)
		/* Our own trouble, which must not be told as the token's. */
		verdict = conclude(out, TOKEN_FAULT, "out of memory");
	else
		verdict = find_signer(token, s->signed_len, mac, secrets, out);
	if (verdict == TOKEN_OK && memchr(out->payload, '\0', out->payload_len) != NULL)
		/* libjwt read it as a string, and saw only what is before the NUL. */
		verdict = conclude(out, TOKEN_UNREADABLE, "signed rightly, but holds a NUL");
	free(token);
	return verdict;
}

static enum token_verdict
verify(const char *text, size_t len, const struct secret_list *secrets, struct token *out)
{
	struct segments s;
	uint8_t mac[DIGEST_SIZE];
	enum token_verdict verdict;

	if (len == 0)
		return conclude(out, TOKEN_MISSING, "no token");
	if (len > TOKEN_TEXT_MAX)
		return conclude(out, TOKEN_MALFORMED, "longer than 128 KB");
	if (!split(text, len, &s))
		return conclude(out, TOKEN_MALFORMED,
		    "not three segments: was the token cut?");
	if ((verdict = check_header(&s, out)) != TOKEN_OK ||
	    (verdict = read_signature(&s, mac, out)) != TOKEN_OK ||
	    (verdict = read_payload(&s, out)) != TOKEN_OK)
		return verdict;
	verdict = authenticate(text, len, &s, mac, secrets, out);
	if ((verdict == TOKEN_OK || verdict == TOKEN_UNREADABLE) &&
	    digest_sha256(text, s.signed_len, out->digest) == -1)
		return conclude(out, TOKEN_FAULT, "libcrypto made no SHA-256");
	return verdict;
}

enum token_verdict
token_verify(const char *text, size_t len, const struct secret_list *secrets,
    struct token *out)
{
	enum token_verdict verdict;

	*out = (struct token){ .why = "authentic" };
	verdict = verify(text, len, secrets, out);
	if (verdict != TOKEN_OK && verdict != TOKEN_UNREADABLE)
		token_free(out);
	return verdict;
}

void
token_free(struct token *token)
{
	free(token->payload);
	token->payload = NULL;
	token->payload_len = 0;
}

static void
skip_blanks(const char **from, const char **to)
{
	while (*to > *from && ((*to)[-1] == ' ' || (*to)[-1] == '\t'))
		(*to)--;
	while (*from < *to && (**from == ' ' || **from == '\t'))
		(*from)++;
}

const char *
token_from_header(const char *value, size_t value_len, size_t *len)
{
	const size_t scheme = sizeof(BEARER) - 1;
	const char *end = value + value_len;

	skip_blanks(&value, &end);
	if ((size_t)(end - value) >= scheme && strncasecmp(value, BEARER, scheme) == 0 &&
	    (value + scheme == end || value[scheme] == ' ' || value[scheme] == '\t'))
		value += scheme;
	skip_blanks(&value, &end);
	*len = (size_t)(end - value);
	return value;
}

/*
 * Not by libjwt, which prints the payload anew, members sorted and numbers
 * rounded: what is signed here must be the caller's bytes.
 */
char *
token_sign(const char *payload, size_t payload_len, const struct secret *secret)
{
	struct buf b = { 0 };
	uint8_t mac[DIGEST_SIZE];

	if (secret->len == 0)
		return NULL;
	base64url_add(&b, HS256_HEADER, sizeof(HS256_HEADER) - 1);
	buf_putc(&b, '.');
	base64url_add(&b, payload, payload_len);
	if (!buf_ok(&b) || digest_hmac_sha256(secret->bytes, secret->len, b.data, b.len,
	    mac) == -1) {
		buf_free(&b);
		return NULL;
	}
	buf_putc(&b, '.');
	base64url_add(&b, mac, sizeof(mac));
	return buf_detach(&b);
}
