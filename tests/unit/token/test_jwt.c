#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "signer.h"
#include "token/jwt.h"

/*
 * The bare door, without the policy that stands before it: what libjwt itself
 * must decide rightly, whatever its generation.
 */

#define KEY "a signing secret of 32 bytes, ok"

static bool
accepts(const char *header, const char *payload, const char *hash,
    const char *signed_with, const char *secret)
{
	struct secret s = { .bytes = (char *)(uintptr_t)secret, .len = strlen(secret) };
	char *h = signer_encode(header, strlen(header));
	char *p = signer_encode(payload, strlen(payload));
	char *text = signer_sign_text(h, p, hash, signed_with);
	bool ok = jwt_accepts(text, &s);

	free(text);
	free(p);
	free(h);
	return ok;
}

static void
test_accepts(void **state)
{
	static const struct {
		const char *name;
		const char *alg;
		const char *payload;
		const char *hash;
		const char *signed_with;
		const char *secret;
		bool ok;
	} cases[] = {
		{ "right", "HS256", "{}", "SHA256", KEY, KEY, true },
		{ "short secret", "HS256", "{}", "SHA256", "k", "k", true },
		{ "expired", "HS256", "{\"exp\":1}", "SHA256", KEY, KEY, true },
		{ "not yet", "HS256", "{\"nbf\":99999999999}", "SHA256", KEY, KEY, true },
		{ "exp a string", "HS256", "{\"exp\":\"1\"}", "SHA256", KEY, KEY, true },
		{ "wrong secret", "HS256", "{}", "SHA256", "other", KEY, false },
		{ "part of the secret", "HS256", "{}", "SHA256", "a", "aa", false },
		{ "HS384", "HS384", "{}", "SHA384", KEY KEY, KEY KEY, false },
		{ "HS512", "HS512", "{}", "SHA512", KEY KEY, KEY KEY, false },
		{ "none", "none", "{}", "SHA256", KEY, KEY, false },
		{ "empty secret", "HS256", "{}", "SHA256", "", "", false },
		{ "no JSON", "HS256", "{", "SHA256", KEY, KEY, false },
	};
	char header[32];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		snprintf(header, sizeof(header), "{\"alg\":\"%s\"}", cases[i].alg);
		if (accepts(header, cases[i].payload, cases[i].hash, cases[i].signed_with,
		    cases[i].secret) != cases[i].ok)
			fail_msg("%s: %s", cases[i].name,
			    cases[i].ok ? "refused" : "accepted");
	}
}

/* Fill what is left of the memory, and ask; the child's answer. */
static int
ask_without_memory(const char *text)
{
	struct secret s = { .bytes = (char *)(uintptr_t)KEY, .len = strlen(KEY) };
	struct rlimit none = { 0, 0 };

	(void)jwt_accepts(text, &s);		/* what is made once is made */
	(void)setrlimit(RLIMIT_AS, &none);
	for (size_t size = 1 << 20; size >= 16; size /= 2)
		while (malloc(size) != NULL)
			continue;
	errno = 0;
	return !jwt_accepts(text, &s) && errno == ENOMEM ? 0 : 1;
}

/* No memory is no verdict on the token. */
static void
test_no_memory(void **state)
{
	static const char header[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";
	char *h, *p, *text;
	int status;
	pid_t pid;

	(void)state;
	if (getenv("LEADRELAY_SANITIZER") != NULL)
		skip();			/* it needs memory itself */
	h = signer_encode(header, strlen(header));
	p = signer_encode("{}", 2);
	text = signer_sign_text(h, p, "SHA256", KEY);
	if ((pid = fork()) == 0)
		_exit(ask_without_memory(text));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	free(text);
	free(p);
	free(h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepts),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
