#include "unit.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "http/credentials.h"

struct world {
	char folder[64];
	char bearer[96], basic[96], header[96], url[96];
	struct config_destination config;
	struct credentials *c;
	struct buf why;
};

/* Replace the file as an editor or a secret manager does: by a new one. */
static void
put(const char *path, const char *text)
{
	char fresh[128];
	int fd;

	snprintf(fresh, sizeof(fresh), "%s.new", path);
	fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd != -1);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	assert_int_equal(rename(fresh, path), 0);
}

static int
set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	strcpy(w->folder, "/tmp/leadrelay-test-XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	snprintf(w->bearer, sizeof(w->bearer), "%s/bearer", w->folder);
	snprintf(w->basic, sizeof(w->basic), "%s/basic", w->folder);
	snprintf(w->header, sizeof(w->header), "%s/header", w->folder);
	snprintf(w->url, sizeof(w->url), "%s/url", w->folder);
	*state = w;
	return 0;
}

static int
tear_down(void **state)
{
	struct world *w = *state;

	credentials_free(w->c);
	buf_free(&w->why);
	(void)unlink(w->bearer);
	(void)unlink(w->basic);
	(void)unlink(w->header);
	(void)unlink(w->url);
	assert_int_equal(rmdir(w->folder), 0);
	free(w);
	return 0;
}

static void
test_none(void **state)
{
	struct world *w = *state;
	char url[] = "https://crm.example/";

	w->config.url = url;
	w->c = credentials_new(&w->config);
	assert_true(credentials_complete(w->c));
	assert_int_equal(credentials_refresh(w->c, &w->why), 0);
	assert_int_equal(credentials_header_count(w->c), 0);
	assert_string_equal(credentials_url(w->c), url);
}

static void
test_lines(void **state)
{
	struct world *w = *state;

	put(w->bearer, "s3cr3t-token\n");
	put(w->basic, "Aladdin:open sesame\n");
	put(w->header, "X-Api-Key: k-1234567\n");
	put(w->url, "https://hooks.example/catch/abc\n");
	w->config.bearer_file = w->bearer;
	w->config.basic_file = w->basic;
	w->config.header_file = w->header;
	w->config.url_file = w->url;
	w->c = credentials_new(&w->config);
	assert_false(credentials_complete(w->c));
	assert_int_equal(credentials_refresh(w->c, &w->why), 0);
	assert_true(credentials_complete(w->c));
	assert_string_equal(credentials_url(w->c), "https://hooks.example/catch/abc");
	assert_int_equal(credentials_header_count(w->c), 3);
	assert_string_equal(credentials_header(w->c, 0),
	    "Authorization: Bearer s3cr3t-token");
	assert_string_equal(credentials_header(w->c, 1),
	    "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");	/* RFC 7617 */
	assert_string_equal(credentials_header(w->c, 2), "X-Api-Key: k-1234567");
}

static void
test_padding(void **state)
{
	static const struct {
		const char *text, *line;
	} cases[] = {
		{ "a:b", "Authorization: Basic YTpi" },
		{ "a:bc", "Authorization: Basic YTpiYw==" },
		{ "a:bcd", "Authorization: Basic YTpiY2Q=" },
		{ ":>?~", "Authorization: Basic Oj4/fg==" },
	};
	struct world *w = *state;
	size_t i;

	w->config.basic_file = w->basic;
	w->c = credentials_new(&w->config);
	for (i = 0; i < COUNT(cases); i++) {
		put(w->basic, cases[i].text);
		assert_int_equal(credentials_refresh(w->c, &w->why), 0);
		assert_string_equal(credentials_header(w->c, 0), cases[i].line);
	}
}

static void
test_bad_file_keeps_the_former(void **state)
{
	struct world *w = *state;

	w->config.basic_file = w->basic;
	w->c = credentials_new(&w->config);
	assert_int_equal(credentials_refresh(w->c, &w->why), -1);
	assert_false(credentials_complete(w->c));
	assert_non_null(strstr(w->why.data, "basic_file: "));
	put(w->basic, "no colon");
	assert_int_equal(credentials_refresh(w->c, &w->why), -1);
	assert_false(credentials_complete(w->c));
	put(w->basic, "a:b");
	assert_int_equal(credentials_refresh(w->c, &w->why), 0);
	put(w->basic, "no colon");
	buf_reset(&w->why);
	assert_int_equal(credentials_refresh(w->c, &w->why), -1);
	assert_null(strstr(w->why.data, "no colon"));
	assert_true(credentials_complete(w->c));
	assert_string_equal(credentials_header(w->c, 0), "Authorization: Basic YTpi");
	assert_int_equal(unlink(w->basic), 0);
	assert_int_equal(credentials_refresh(w->c, &w->why), -1);
	assert_string_equal(credentials_header(w->c, 0), "Authorization: Basic YTpi");
}

static void
test_scrub(void **state)
{
	static const struct {
		const char *before, *after;
	} cases[] = {
		{ "", "" },
		{ "bad token s3cr3t/tok", "bad token **********" },
		{ "s3cr3t/tok,s3cr3t/toks3cr3t/tok", "**********,********************" },
		{ "s3cr3t\\/tok", "***********" },
		{ "s3cr3t/to", "s3cr3t/to" },
		{ "\\s3cr3t/tok", "\\**********" },
		{ "user Aladdin:open sesame", "user *******************" },
		{ "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Basic **************************==" },
	};
	struct world *w = *state;
	char text[128];
	size_t i;

	put(w->bearer, "s3cr3t/tok");
	put(w->basic, "Aladdin:open sesame");
	w->config.bearer_file = w->bearer;
	w->config.basic_file = w->basic;
	w->c = credentials_new(&w->config);
	assert_int_equal(credentials_refresh(w->c, &w->why), 0);
	for (i = 0; i < COUNT(cases); i++) {
		strcpy(text, cases[i].before);
		credentials_scrub(w->c, text, strlen(text));
		assert_string_equal(text, cases[i].after);
	}
}

/* A token that was granted, and what OAuth's own files hold. */
static void
test_granted(void **state)
{
	struct world *w = *state;
	char url[] = "https://crm.example/";
	char answer[] = "first-token second-token client-word refresh-word";

	put(w->basic, "client-word");
	put(w->header, "refresh-word");
	w->config.url = url;
	w->config.oauth_client_secret_file = w->basic;
	w->config.oauth_refresh_token_file = w->header;
	w->c = credentials_new(&w->config);
	assert_false(credentials_complete(w->c));
	assert_int_equal(credentials_refresh(w->c, &w->why), 0);
	assert_true(credentials_complete(w->c));
	assert_string_equal(credentials_client_secret(w->c), "client-word");
	assert_string_equal(credentials_refresh_token(w->c), "refresh-word");
	assert_int_equal(credentials_header_count(w->c), 0);

	credentials_set_token(w->c, "Zoho-oauthtoken", "first-token");
	assert_int_equal(credentials_header_count(w->c), 1);
	assert_string_equal(credentials_header(w->c, 0),
	    "Authorization: Zoho-oauthtoken first-token");
	credentials_set_token(w->c, "Bearer", NULL);
	assert_int_equal(credentials_header_count(w->c), 0);
	credentials_set_token(w->c, "Bearer", "second-token");
	assert_string_equal(credentials_header(w->c, 0),
	    "Authorization: Bearer second-token");
	credentials_scrub(w->c, answer, strlen(answer));
	assert_string_equal(answer,
	    "*********** ************ *********** ************");
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_none),
		T(test_lines),
		T(test_padding),
		T(test_bad_file_keeps_the_former),
		T(test_scrub),
		T(test_granted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
