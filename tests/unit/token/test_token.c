#include "unit.h"

#include <openssl/sha.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "signer.h"
#include "token/token.h"

#define SECRET "a signing secret of 32 bytes, ok"
#define HS256 "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"
#define PAYLOAD "{\"event\":\"lead.created\",\"data\":{\"id\":1}}"
#define TEXT(s) s, sizeof(s) - 1
#define RING_SIZE 64

/* Secrets made of strings; nothing to free. */
struct ring {
	struct secret items[RING_SIZE];
	struct secret_list list;
};

static void
ring_add(struct ring *ring, const char *secret)
{
	ring->items[ring->list.count++] = (struct secret){
		.bytes = (char *)(uintptr_t)secret, .len = strlen(secret)
	};
	ring->list.items = ring->items;
}

static enum token_verdict
verify_with(const char *text, size_t len, const char *secret, struct token *out)
{
	struct ring ring = { 0 };

	ring_add(&ring, secret);
	return token_verify(text, len, &ring.list, out);
}

static bool
authentic(enum token_verdict verdict)
{
	return verdict == TOKEN_OK || verdict == TOKEN_UNREADABLE;
}

/*
 * Verify ${text} from memory that ends with it, so that a read beyond shows
 * under a sanitizer, and expect ${verdict}.
 */
static void
expect_text(const char *name, const char *text, size_t len, const char *secret,
    enum token_verdict verdict)
{
	struct token token;
	char *exact = malloc(len > 0 ? len : 1);
	enum token_verdict got;

	assert_non_null(exact);
	memcpy(exact, text, len);
	got = verify_with(exact, len, secret, &token);
	if (got != verdict)
		fail_msg("%s: %d (%s), not %d", name, got, token.why, verdict);
	assert_non_null(token.why);
	assert_int_equal(token.payload != NULL, authentic(got));
	token_free(&token);
	token_free(&token);
	free(exact);
}

/* Sign it here, verify it there: the payload must come back byte for byte. */
static void
expect_signed(const char *name, const char *header, const void *payload, size_t len,
    enum token_verdict verdict)
{
	char *text = signer_sign(header, payload, len, SECRET);
	unsigned char digest[SHA256_DIGEST_LENGTH];
	struct token token;

	expect_text(name, text, strlen(text), SECRET, verdict);
	expect_text(name, text, strlen(text), "another secret",
	    authentic(verdict) ? TOKEN_SIGNATURE : verdict);
	if (authentic(verdict)) {
		verify_with(text, strlen(text), SECRET, &token);
		assert_int_equal(token.payload_len, len);
		assert_memory_equal(token.payload, payload, len);
		assert_int_equal(token.payload[len], '\0');
		SHA256((unsigned char *)text, (size_t)(strrchr(text, '.') - text), digest);
		assert_memory_equal(token.digest, digest, sizeof(digest));
		token_free(&token);
	}
	free(text);
}

static void
test_headers(void **state)
{
	static const struct {
		const char *header;
		enum token_verdict verdict;
	} cases[] = {
		/* another algorithm, or none */
		{ "{\"alg\":\"none\"}", TOKEN_ALGORITHM },
		{ "{\"alg\":\"None\",\"typ\":\"JWT\"}", TOKEN_ALGORITHM },
		{ "{\"alg\":\"HS384\"}", TOKEN_ALGORITHM },
		{ "{\"alg\":\"HS512\"}", TOKEN_ALGORITHM },
		{ "{\"alg\":\"RS256\"}", TOKEN_ALGORITHM },
		{ "{\"alg\":\"ES256\"}", TOKEN_ALGORITHM },
		{ "{\"alg\":\"hs256\"}", TOKEN_ALGORITHM },
		{ "{\"alg\":\"Hs256\"}", TOKEN_ALGORITHM },
		{ "{\"alg\":\"HS256 \"}", TOKEN_ALGORITHM },
		{ "{\"alg\":\"HS2567\"}", TOKEN_ALGORITHM },
		{ "{\"alg\":\"HS25\"}", TOKEN_ALGORITHM },
		{ "{\"alg\":\"\\u0048S256\"}", TOKEN_ALGORITHM },
		{ "{\"alg\":\"HS256\\u0000\"}", TOKEN_ALGORITHM },
		{ "{\"alg\":\"\"}", TOKEN_ALGORITHM },
		{ "{\"alg\":null}", TOKEN_ALGORITHM },
		{ "{\"alg\":256}", TOKEN_ALGORITHM },
		{ "{\"alg\":[\"HS256\"]}", TOKEN_ALGORITHM },
		{ "{\"ALG\":\"HS256\"}", TOKEN_ALGORITHM },
		{ "{\"x\":{\"alg\":\"HS256\"}}", TOKEN_ALGORITHM },
		{ "{\"typ\":\"JWT\"}", TOKEN_ALGORITHM },
		{ "{}", TOKEN_ALGORITHM },
		/* what changes what is signed, or brings a key */
		{ "{\"alg\":\"HS256\",\"crit\":[\"exp\"]}", TOKEN_ALGORITHM },
		{ "{\"alg\":\"HS256\",\"crit\":null}", TOKEN_ALGORITHM },
		{ "{\"alg\":\"HS256\",\"\\u0063rit\":[\"exp\"]}", TOKEN_ALGORITHM },
		{ "{\"b64\":false,\"alg\":\"HS256\",\"crit\":[\"b64\"]}", TOKEN_ALGORITHM },
		{ "{\"b64\":true,\"alg\":\"HS256\"}", TOKEN_ALGORITHM },
		{ "{\"alg\":\"HS256\",\"jwk\":{\"kty\":\"oct\",\"k\":\"AA\"}}", TOKEN_ALGORITHM },
		{ "{\"alg\":\"HS256\",\"jku\":\"https://keys.example/\"}", TOKEN_ALGORITHM },
		{ "{\"alg\":\"HS256\",\"x5c\":[]}", TOKEN_ALGORITHM },
		{ "{\"alg\":\"HS256\",\"x5u\":\"https://keys.example/\"}", TOKEN_ALGORITHM },
		/* no strict JSON object */
		{ "HS256", TOKEN_MALFORMED },
		{ "\"HS256\"", TOKEN_MALFORMED },
		{ "[\"HS256\"]", TOKEN_MALFORMED },
		{ "{\"alg\":\"HS256\"", TOKEN_MALFORMED },
		{ "{\"alg\":\"HS256\"}}", TOKEN_MALFORMED },
		{ "{\"alg\":\"HS256\",}", TOKEN_MALFORMED },
		{ "{'alg':'HS256'}", TOKEN_MALFORMED },
		{ "{\"alg\":\"none\",\"alg\":\"HS256\"}", TOKEN_MALFORMED },
		{ "{\"alg\":\"HS256\",\"alg\":\"none\"}", TOKEN_MALFORMED },
		{ "{\"alg\":\"HS256\",\"\\u0061lg\":\"none\"}", TOKEN_MALFORMED },
		{ "{\"alg\":\"HS256\",\"kid\":\"a\",\"kid\":\"b\"}", TOKEN_MALFORMED },
		{ "{\"alg\":\"HS256\",\"kid\":NaN}", TOKEN_MALFORMED },
		{ "{\"alg\":\"HS256\",\"kid\":\"\xff\"}", TOKEN_MALFORMED },
		{ "\xef\xbb\xbf{\"alg\":\"HS256\"}", TOKEN_MALFORMED },
		{ "{\"alg\":\"HS256\"} // no", TOKEN_MALFORMED },
		{ "{\"alg\\u0000\":\"HS256\"}", TOKEN_MALFORMED },
		/* what decides nothing */
		{ "{\"alg\":\"HS256\"}", TOKEN_OK },
		{ HS256, TOKEN_OK },
		{ "{\"typ\":\"JWT\",\"alg\":\"HS256\"}", TOKEN_OK },
		{ "{\"alg\": \"HS256\", \"typ\": \"JWT\"}", TOKEN_OK },
		{ " {\r\n\t\"alg\" : \"HS256\" } \n", TOKEN_OK },
		{ "{\"alg\":\"HS256\",\"kid\":\"2024\",\"cty\":\"JSON\"}", TOKEN_OK },
		{ "{\"alg\":\"HS256\",\"x5t\":\"abc\",\"unknown\":{\"crit\":[]}}", TOKEN_OK },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		expect_signed(cases[i].header, cases[i].header, TEXT(PAYLOAD),
		    cases[i].verdict);
}

/* A NUL and what follows it are part of the header: libjwt would stop before it. */
static void
test_header_with_nul(void **state)
{
	char *header = signer_encode(TEXT("{\"alg\":\"HS256\"}\0,\"crit\":[]"));
	char *payload = signer_encode(TEXT(PAYLOAD));
	char *text = signer_sign_text(header, payload, "SHA256", SECRET);

	(void)state;
	expect_text("NUL", text, strlen(text), SECRET, TOKEN_MALFORMED);
	free(text);
	free(payload);
	free(header);
}

/* A header that libjwt refuses does not make a token forged. */
static void
test_header_beyond_libjwt(void **state)
{
	static const char *const headers[] = {
		"{\"alg\":\"HS256\",\"typ\":\"at+jwt\"}",	/* libjwt 3 takes it */
		"{\"alg\":\"HS256\",\"kid\":1e400}",
		"{\"alg\":\"HS256\",\"kid\":\"\\u0000\"}",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(headers); i++) {
		char *text = signer_sign(headers[i], TEXT(PAYLOAD), SECRET);
		struct token token;
		enum token_verdict verdict = verify_with(text, strlen(text), SECRET, &token);

		assert_true(verdict == TOKEN_UNREADABLE || (i == 0 && verdict == TOKEN_OK));
		assert_string_equal(token.payload, PAYLOAD);
		token_free(&token);
		expect_text(headers[i], text, strlen(text), "another secret", TOKEN_SIGNATURE);
		free(text);
	}
}

/* The right secret, but the hash that the header names: never. */
static void
test_other_hashes(void **state)
{
	static const struct {
		const char *header;
		const char *hash;
		enum token_verdict verdict;
	} cases[] = {
		{ "{\"alg\":\"HS384\"}", "SHA384", TOKEN_ALGORITHM },
		{ "{\"alg\":\"HS512\"}", "SHA512", TOKEN_ALGORITHM },
		{ "{\"alg\":\"hs256\"}", "SHA256", TOKEN_ALGORITHM },
		{ "{\"alg\":\"HS256\"}", "SHA384", TOKEN_SIGNATURE },
		{ "{\"alg\":\"HS256\"}", "SHA512", TOKEN_SIGNATURE },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *header = signer_encode(cases[i].header, strlen(cases[i].header));
		char *payload = signer_encode(TEXT(PAYLOAD));
		char *text = signer_sign_text(header, payload, cases[i].hash, SECRET);

		expect_text(cases[i].header, text, strlen(text), SECRET, cases[i].verdict);
		free(text);
		free(payload);
		free(header);
	}
}

static void
test_header_size(void **state)
{
	char header[TOKEN_HEADER_MAX + 2];

	(void)state;
	for (int over = 0; over <= 1; over++) {
		int pad = TOKEN_HEADER_MAX + over - (int)strlen("{\"alg\":\"HS256\"}");

		snprintf(header, sizeof(header), "{\"alg\":\"HS256\"%*s}", pad, "");
		assert_int_equal(strlen(header), TOKEN_HEADER_MAX + over);
		expect_signed(over ? "1025 bytes" : "1024 bytes", header, TEXT(PAYLOAD),
		    over ? TOKEN_MALFORMED : TOKEN_OK);
	}
}

/* What libjwt cannot read, or would read otherwise than it was signed. */
static void
test_payloads(void **state)
{
	static const struct {
		const char *name;
		const char *bytes;
		size_t len;
		enum token_verdict verdict;
	} cases[] = {
		{ "compact", TEXT(PAYLOAD), TOKEN_OK },
		{ "order, spaces and numbers as written",
		    TEXT(" {\"b\": 0.10, \"a\": 1e2,\n\"c\":\"\\/\"} "), TOKEN_OK },
		{ "beyond Latin", TEXT("{\"a\":\"\xe4\xbd\xa0\xf0\x9f\x8f\xa0\"}"), TOKEN_OK },
		{ "expired", TEXT("{\"exp\":1}"), TOKEN_OK },
		{ "not yet valid", TEXT("{\"nbf\":9999999999}"), TOKEN_OK },
		{ "exp is no number", TEXT("{\"exp\":\"soon\",\"nbf\":null}"), TOKEN_OK },
		{ "duplicate members", TEXT("{\"a\":1,\"a\":2}"), TOKEN_OK },
		{ "array", TEXT("[{\"a\":1}]"), TOKEN_OK },
		{ "2^63-1", TEXT("{\"a\":9223372036854775807}"), TOKEN_OK },
		{ "2^63", TEXT("{\"a\":9223372036854775808}"), TOKEN_UNREADABLE },
		{ "1e400", TEXT("{\"a\":1e400}"), TOKEN_UNREADABLE },
		{ "\\u0000", TEXT("{\"a\":\"\\u0000\"}"), TOKEN_UNREADABLE },
		{ "invalid UTF-8", TEXT("{\"a\":\"\xff\"}"), TOKEN_UNREADABLE },
		{ "lone surrogate", TEXT("{\"a\":\"\\ud800\"}"), TOKEN_UNREADABLE },
		{ "BOM", TEXT("\xef\xbb\xbf{}"), TOKEN_UNREADABLE },
		{ "trailing text", TEXT("{} x"), TOKEN_UNREADABLE },
		{ "scalar", TEXT("1"), TOKEN_UNREADABLE },
		{ "no JSON", TEXT("event=lead.created"), TOKEN_UNREADABLE },
		{ "one byte", TEXT("{"), TOKEN_UNREADABLE },
		{ "NUL, then garbage", TEXT(PAYLOAD "\0garbage"), TOKEN_UNREADABLE },
		{ "NUL at the end", TEXT("{}\0"), TOKEN_UNREADABLE },
		{ "NUL first", TEXT("\0{}"), TOKEN_UNREADABLE },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		expect_signed(cases[i].name, HS256, cases[i].bytes, cases[i].len,
		    cases[i].verdict);
}

/* ${depth} arrays inside each other, as a payload. */
static void
expect_nested(size_t depth, enum token_verdict verdict)
{
	struct buf payload = { 0 };

	buf_puts(&payload, "{\"a\":");
	for (size_t i = 0; i < depth; i++)
		buf_putc(&payload, '[');
	for (size_t i = 0; i < depth; i++)
		buf_putc(&payload, ']');
	buf_putc(&payload, '}');
	assert_true(buf_ok(&payload));
	expect_signed("nested", HS256, payload.data, payload.len, verdict);
	buf_free(&payload);
}

static void
test_nesting(void **state)
{
	(void)state;
	expect_nested(1600, TOKEN_OK);
	expect_nested(3200, TOKEN_UNREADABLE);
	expect_nested(30000, TOKEN_UNREADABLE);
}

/* Texts that nobody signed; and what is wrong with them first. */
static void
test_shapes(void **state)
{
	static const struct {
		const char *text;
		enum token_verdict verdict;
	} cases[] = {
		{ "", TOKEN_MISSING },
		{ ".", TOKEN_MALFORMED },
		{ "..", TOKEN_MALFORMED },
		{ "...", TOKEN_MALFORMED },
		{ "a", TOKEN_MALFORMED },
		{ "a.b", TOKEN_MALFORMED },
		{ "e30", TOKEN_MALFORMED },
		{ ".e30.AA", TOKEN_MALFORMED },
		{ "e30..AA", TOKEN_MALFORMED },
		{ "e30.e30", TOKEN_MALFORMED },
		{ "e30.e30.", TOKEN_ALGORITHM },
		{ "e30.e30.AA.AA", TOKEN_MALFORMED },
		{ "e30.e30.AA.", TOKEN_MALFORMED },
		{ "e3.e30.AA", TOKEN_MALFORMED },
		{ "e30=.e30.AA", TOKEN_MALFORMED },
		{ "e3 0.e30.AA", TOKEN_MALFORMED },
		{ "Basic dXNlcjpwYXNz", TOKEN_MALFORMED },
		{ "Bearer e30.e30.AA", TOKEN_MALFORMED },
		{ "eyJhbGciOiJub25lIn0.e30.", TOKEN_ALGORITHM },
		{ "eyJhbGciOiJub25lIn0.e30", TOKEN_MALFORMED },
		{ "eyJhbGciOiJIUzI1NiJ9.e30.", TOKEN_MALFORMED },
		{ "eyJhbGciOiJIUzI1NiJ9.e30.A", TOKEN_SIGNATURE },
		{ "eyJhbGciOiJIUzI1NiJ9.e30.AA", TOKEN_SIGNATURE },
		{ "eyJhbGciOiJIUzI1NiJ9.e30.AA==", TOKEN_MALFORMED },
		{ "eyJhbGciOiJIUzI1NiJ9.e30."
		  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", TOKEN_SIGNATURE },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		expect_text(cases[i].text, cases[i].text, strlen(cases[i].text), SECRET,
		    cases[i].verdict);
}

/* Payload segments that are not base64url in its one form, rightly signed. */
static void
test_payload_alphabet(void **state)
{
	static const char *const payloads[] = {
		"", "e30=", "e3=0", "e3 0", "e3\n0", "e3+0", "e3/0", "e3~0", "e3\3770",
		"e30A4",		/* no byte string is that long */
		"e31",			/* the last two bits are not zero */
		"eyJhIjoxfR",		/* the last four */
	};
	char *header = signer_encode(TEXT(HS256));

	(void)state;
	for (size_t i = 0; i < COUNT(payloads); i++) {
		char *text = signer_sign_text(header, payloads[i], "SHA256", SECRET);

		expect_text(payloads[i], text, strlen(text), SECRET, TOKEN_MALFORMED);
		free(text);
	}
	free(header);
}

/* A NUL in the token ends it nowhere. */
static void
test_nul_in_token(void **state)
{
	char *text = signer_sign(HS256, TEXT(PAYLOAD), SECRET);
	size_t len = strlen(text);

	(void)state;
	expect_text("NUL behind it", text, len + 1, SECRET, TOKEN_MALFORMED);
	for (size_t i = 0; i < len; i++) {
		char kept = text[i];

		text[i] = '\0';
		expect_text("NUL inside", text, len, SECRET, TOKEN_MALFORMED);
		text[i] = kept;
	}
	free(text);
}

/* Every cut and every changed character is noticed. */
static void
test_every_character(void **state)
{
	char *text = signer_sign(HS256, TEXT(PAYLOAD), SECRET);
	size_t len = strlen(text);
	size_t payload = (size_t)(strchr(text, '.') - text) + 1;
	size_t signature = (size_t)(strrchr(text, '.') - text) + 1;
	struct token token;

	(void)state;
	for (size_t cut = 1; cut < len; cut++)
		expect_text("cut", text, cut, SECRET,
		    cut <= signature ? TOKEN_MALFORMED : TOKEN_SIGNATURE);
	for (size_t i = 0; i < len; i++) {
		char kept = text[i];
		enum token_verdict verdict;

		text[i] = kept == 'A' ? 'B' : 'A';
		verdict = verify_with(text, len, SECRET, &token);
		assert_true(verdict == TOKEN_MALFORMED || verdict == TOKEN_ALGORITHM ||
		    verdict == TOKEN_SIGNATURE);
		if (i >= signature || (i >= payload && i < signature - 2))
			assert_int_equal(verdict, TOKEN_SIGNATURE);
		assert_null(token.payload);
		text[i] = kept;
	}
	expect_text("unharmed", text, len, SECRET, TOKEN_OK);
	free(text);
}

/* The same 32 bytes in another spelling: 43 characters leave two bits over. */
static void
test_signature_spelling(void **state)
{
	static const char alphabet[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	static const char *const payloads[] = { PAYLOAD, "{\"a\":1e400}" };

	(void)state;
	for (size_t i = 0; i < COUNT(payloads); i++) {
		char *text = signer_sign(HS256, payloads[i], strlen(payloads[i]), SECRET);
		char *last = &text[strlen(text) - 1];

		*last = alphabet[(strchr(alphabet, *last) - alphabet) + 1];
		expect_text(payloads[i], text, strlen(text), SECRET, TOKEN_SIGNATURE);
		free(text);
	}
}

/* Rotation: whichever of the secrets signed it, wherever it stands in the list. */
static void
test_rotation(void **state)
{
	char *text = signer_sign(HS256, TEXT(PAYLOAD), SECRET);
	char *unreadable = signer_sign(HS256, TEXT("{\"a\":1e400}"), SECRET);

	(void)state;
	for (size_t place = 0; place < RING_SIZE; place += 21) {
		struct ring ring = { 0 };
		struct token token;

		for (size_t i = 0; i < RING_SIZE; i++)
			ring_add(&ring, i == place ? SECRET : "some other secret, long enough");
		assert_int_equal(token_verify(text, strlen(text), &ring.list, &token), TOKEN_OK);
		assert_string_equal(token.payload, PAYLOAD);
		token_free(&token);
		assert_int_equal(token_verify(unreadable, strlen(unreadable), &ring.list,
		    &token), TOKEN_UNREADABLE);
		token_free(&token);
		ring.items[place] = ring.items[place == 0];
		assert_int_equal(token_verify(text, strlen(text), &ring.list, &token),
		    TOKEN_SIGNATURE);
	}
	free(text);
	free(unreadable);
}

/* No secret, or an empty one, lets nobody in: not even who signed with it. */
static void
test_empty_secret(void **state)
{
	static const struct {
		const char *header;
		enum token_verdict verdict;
	} cases[] = {
		{ HS256, TOKEN_SIGNATURE },
		{ "{\"alg\":\"HS256\",\"typ\":\"at+jwt\"}", TOKEN_SIGNATURE },
		{ "{\"alg\":\"none\"}", TOKEN_ALGORITHM },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *text = signer_sign(cases[i].header, TEXT(PAYLOAD), "");
		size_t len = strlen(text);
		struct secret_list none = { 0 };
		struct ring ring = { 0 };
		struct token token;

		assert_int_equal(token_verify(text, len, &none, &token), cases[i].verdict);
		ring_add(&ring, "");
		assert_int_equal(token_verify(text, len, &ring.list, &token), cases[i].verdict);
		ring.items[0].bytes = NULL;
		assert_int_equal(token_verify(text, len, &ring.list, &token), cases[i].verdict);
		ring_add(&ring, SECRET);
		assert_int_equal(token_verify(text, len, &ring.list, &token), cases[i].verdict);
		free(text);
	}
}

/* Secrets of any length, and with any bytes but NUL, sign alike on both sides. */
static void
test_secret_sizes(void **state)
{
	static const size_t sizes[] = { 1, 2, 15, 16, 31, 32, 33, 63, 64, 65, 128, 4096 };

	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++) {
		char *secret = malloc(sizes[i] + 1);
		char *text;

		assert_non_null(secret);
		for (size_t j = 0; j < sizes[i]; j++)
			secret[j] = (char)(j % 255 + 1);
		secret[sizes[i]] = '\0';
		text = signer_sign(HS256, TEXT(PAYLOAD), secret);
		expect_text("its own", text, strlen(text), secret, TOKEN_OK);
		expect_text("another", text, strlen(text), SECRET, TOKEN_SIGNATURE);
		free(text);
		free(secret);
	}
}

/* A lead whose payload has ${size} bytes; the caller frees. */
#define LARGE_HEAD "{\"event\":\"lead.created\",\"data\":{\"message\":\""
#define LARGE_TAIL "\"}}"
#define LARGE_MIN (sizeof(LARGE_HEAD LARGE_TAIL) - 1)

static char *
large_payload(size_t size)
{
	char *payload = malloc(size + 1);

	assert_non_null(payload);
	memset(payload, 'm', size);
	memcpy(payload, LARGE_HEAD, sizeof(LARGE_HEAD) - 1);
	memcpy(payload + size - (sizeof(LARGE_TAIL) - 1), LARGE_TAIL, sizeof(LARGE_TAIL));
	return payload;
}

static void
test_sizes(void **state)
{
	static const size_t sizes[] = {
		LARGE_MIN, LARGE_MIN + 1, LARGE_MIN + 2, LARGE_MIN + 3, 1600, 8192, 16384,
		49152, 65536
	};

	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++) {
		char *payload = large_payload(sizes[i]);

		expect_signed("size", HS256, payload, sizes[i], TOKEN_OK);
		free(payload);
	}
}

/* What the largest token that is looked at, and the next larger one, came to. */
struct largest {
	enum token_verdict largest;
	enum token_verdict beyond;
};

static enum token_verdict
verify_payload_of(size_t size)
{
	char *payload = large_payload(size);
	char *text = signer_sign(HS256, payload, size, SECRET);
	struct token token;
	enum token_verdict verdict = verify_with(text, strlen(text), SECRET, &token);

	token_free(&token);
	free(text);
	free(payload);
	return verdict;
}

static void *
verify_largest(void *arg)
{
	/* Without the header, the signature and the dots, four characters for three bytes. */
	const size_t room = TOKEN_TEXT_MAX - 36 - 43 - 2;
	struct largest *l = arg;

	l->largest = verify_payload_of(room * 3 / 4);
	l->beyond = verify_payload_of(room * 3 / 4 + 1);
	return NULL;
}

/* On the least stack that the header asks for. */
static void
test_largest(void **state)
{
	struct largest l = { TOKEN_FAULT, TOKEN_FAULT };
	pthread_attr_t attr;
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_attr_init(&attr), 0);
	assert_int_equal(pthread_attr_setstacksize(&attr, TOKEN_STACK_MIN), 0);
	assert_int_equal(pthread_create(&thread, &attr, verify_largest, &l), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	pthread_attr_destroy(&attr);
	assert_int_equal(l.largest, TOKEN_OK);
	assert_int_equal(l.beyond, TOKEN_MALFORMED);
}

/* RFC 7515 appendix A.1, whose header and payload have line ends inside. */
static void
test_rfc7515(void **state)
{
	static const char secret[] =
	    "\x03\x23\x35\x4b\x2b\x0f\xa5\xbc\x83\x7e\x06\x65\x77\x7b\xa6\x8f"
	    "\x5a\xb3\x28\xe6\xf0\x54\xc9\x28\xa9\x0f\x84\xb2\xd2\x50\x2e\xbf"
	    "\xd3\xfb\x5a\x92\xd2\x06\x47\xef\x96\x8a\xb4\xc3\x77\x62\x3d\x22"
	    "\x3d\x2e\x21\x72\x05\x2e\x4f\x08\xc0\xcd\x9a\xf5\x67\xd0\x80\xa3";
	static const char text[] =
	    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9"
	    ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
	    "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
	    ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
	struct token token;

	(void)state;
	assert_int_equal(verify_with(text, sizeof(text) - 1, secret, &token), TOKEN_OK);
	assert_string_equal(token.payload, "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n"
	    " \"http://example.com/is_root\":true}");
	token_free(&token);
}

static void
test_from_header(void **state)
{
	static const struct {
		const char *value;
		const char *token;
	} cases[] = {
		{ "a.b.c", "a.b.c" },
		{ "Bearer a.b.c", "a.b.c" },
		{ "bearer a.b.c", "a.b.c" },
		{ "BEARER \t a.b.c", "a.b.c" },
		{ " \tbEaReR\ta.b.c\t ", "a.b.c" },
		{ "", "" },
		{ "  ", "" },
		{ "Bearer", "" },
		{ " Bearer ", "" },
		{ "Bearer.b.c", "Bearer.b.c" },
		{ "Bearera.b.c", "Bearera.b.c" },
		{ "Beare", "Beare" },
		{ "Bearer Bearer a.b.c", "Bearer a.b.c" },
		{ "Basic dXNlcg==", "Basic dXNlcg==" },
		{ "a.b .c", "a.b .c" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t value_len = strlen(cases[i].value), len = 999;
		char *exact = malloc(value_len + 1);
		const char *start;

		assert_non_null(exact);
		memcpy(exact, cases[i].value, value_len);
		exact[value_len] = 'x';		/* not part of it */
		start = token_from_header(exact, value_len, &len);
		assert_int_equal(len, strlen(cases[i].token));
		assert_memory_equal(start, cases[i].token, len);
		free(exact);
	}
}

static void
test_sign(void **state)
{
	const struct secret secret = {
		.bytes = (char[]){ SECRET }, .len = sizeof(SECRET) - 1
	};
	const struct secret empty = { .bytes = (char[]){ "" }, .len = 0 };
	static const char *const payloads[] = {
		"{}", PAYLOAD, "{\"b\":1.10,\"a\":1e2}", "no JSON"
	};

	(void)state;
	for (size_t i = 0; i < COUNT(payloads); i++) {
		char *ours = token_sign(payloads[i], strlen(payloads[i]), &secret);
		char *theirs = signer_sign(HS256, payloads[i], strlen(payloads[i]), SECRET);

		assert_string_equal(ours, theirs);
		free(ours);
		free(theirs);
	}
	assert_null(token_sign(TEXT(PAYLOAD), &empty));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_header_with_nul),
		cmocka_unit_test(test_header_beyond_libjwt),
		cmocka_unit_test(test_other_hashes),
		cmocka_unit_test(test_header_size),
		cmocka_unit_test(test_payloads),
		cmocka_unit_test(test_nesting),
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_payload_alphabet),
		cmocka_unit_test(test_nul_in_token),
		cmocka_unit_test(test_every_character),
		cmocka_unit_test(test_signature_spelling),
		cmocka_unit_test(test_rotation),
		cmocka_unit_test(test_empty_secret),
		cmocka_unit_test(test_secret_sizes),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_largest),
		cmocka_unit_test(test_rfc7515),
		cmocka_unit_test(test_from_header),
		cmocka_unit_test(test_sign),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
