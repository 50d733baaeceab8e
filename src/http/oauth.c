/*
 * States: a token is good; it is being fetched (under_way); fetching failed, and that is
 * not told yet (failed); none of these: the next call fetches.  A token refused with 401
 * is thrown away once; if its successor is refused too, the destination is at fault.
 */
#include "config.h"

#include "http/oauth.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/secret.h"
#include "config/config.h"
#include "http/client.h"
#include "http/credentials.h"
#include "http/oauth_grant.h"
#include "http/refresh_token.h"
#include "http/transfer.h"

struct oauth {
	struct transfer http;		/* first: the request to the token endpoint */
	struct http_client *client;
	const struct config_destination *config;
	struct credentials *credentials;
	struct buf form;
	bool failed;			/* not yet told */
	struct buf error;

	/* the access token in use, which credentials hold */
	enum {
		TOKEN_NONE,
		TOKEN_GOOD,
		TOKEN_REFUSED,		/* the one there was: what is fetched next is in its place */
		TOKEN_RENEWED		/* good, in place of a refused one, and not yet accepted */
	} token;
	unsigned serial;
	int64_t until_mono_ms;

	/* of the refresh token's file, and of the token asked with, when the request went off */
	struct refresh_token *kept;
	bool refreshing;
	uint8_t origin[DIGEST_SIZE];
	uint8_t asked_with[DIGEST_SIZE];
};

static void ended(struct http_task *task, CURLcode code);

struct oauth *
oauth_new(struct http_client *http, const struct config_destination *config,
    struct credentials *credentials)
{
	struct oauth *o;

	if ((o = calloc(1, sizeof(*o))) == NULL)
		return NULL;
	o->client = http;
	o->config = config;
	o->credentials = credentials;
	return o;
}

void
oauth_free(struct oauth *o)
{
	if (o == NULL)
		return;
	oauth_cancel(o);
	secret_wipe(&o->form);
	secret_wipe(&o->http.answer);
	transfer_destroy(&o->http);
	buf_free(&o->error);
	free(o);
}

void
oauth_attach(struct oauth *o, struct refresh_token *kept)
{
	o->kept = kept;
}

/* --- the refresh token ---------------------------------------------------- */

/*
 * The refresh token to ask with, or NULL where there is none.  The file's digest
 * is noted, and that of the token itself.
 */
static const char *
refresh_token(struct oauth *o)
{
	const char *token = credentials_refresh_token(o->credentials), *fresh;

	if (token == NULL ||
	    digest_sha256(token, strlen(token), o->origin) == -1)
		return token;
	if ((fresh = refresh_token_for(o->kept, o->origin)) != NULL)
		token = fresh;
	(void)digest_sha256(token, strlen(token), o->asked_with);
	return token;
}

/*
 * Has somebody else, with former settings, asked the same place with the same
 * file's token, and not been answered yet?  His answer may end that token.
 */
static bool
must_wait(struct oauth *o)
{
	const struct oauth *other = o->kept->asking;

	return other != NULL && other != o && refresh_token(o) != NULL &&
	    digest_equal(other->origin, o->origin) &&
	    strcmp(other->config->oauth_token_url, o->config->oauth_token_url) == 0;
}

/* The answer held ${fresh}: from now on that one is good. */
static void
rotate(struct oauth *o, const struct buf *fresh)
{
	uint8_t digest[DIGEST_SIZE];

	if (!o->refreshing || fresh->len == 0 ||
	    digest_sha256(fresh->data, fresh->len, digest) == -1 ||
	    digest_equal(digest, o->asked_with))
		return;
	/* Unless the operator has put another one into his file, and that was asked with. */
	if (digest_equal(o->kept->asked_with, o->origin))
		refresh_token_replace(o->kept, o->origin, fresh);
}

/* --- asking --------------------------------------------------------------- */

static void
fail(struct oauth *o, const char *why)
{
	buf_reset(&o->error);
	buf_printf(&o->error, "token endpoint: %s", why);
	o->failed = true;
}

static void
ask(struct oauth *o)
{
	static const char *const lines[] = {
		"Content-Type: application/x-www-form-urlencoded",
		"Accept: application/json",
		"User-Agent: leadrelay/" PACKAGE_VERSION,
	};
	const char *refresh = refresh_token(o);
	CURLcode rc = CURLE_OUT_OF_MEMORY;

	secret_wipe(&o->form);
	o->http.task.ended = ended;
	o->refreshing = refresh != NULL;
	oauth_grant_form(o->config, credentials_client_secret(o->credentials),
	    refresh, &o->form);
	/* The handle is made when it is first needed. */
	if (buf_ok(&o->form) && (o->http.easy != NULL || transfer_init(&o->http,
	    o->client, o->config, OAUTH_GRANT_ANSWER_MAX) == 0))
		rc = transfer_start(&o->http, o->client->multi,
		    &(struct transfer_request){ "POST", o->config->oauth_token_url,
		    lines, sizeof(lines) / sizeof(lines[0]), o->form.data, o->form.len });
	if (rc != CURLE_OK) {
		fail(o, o->client->curl.easy_strerror(rc));
		return;
	}
	if (o->refreshing) {
		o->kept->asking = o;
		memcpy(o->kept->asked_with, o->origin, sizeof(o->origin));
	}
}

/* No request is under way. */
static void
asked(struct oauth *o)
{
	if (o->kept != NULL && o->kept->asking == o)
		o->kept->asking = NULL;
}

/* A new access token is ours. */
static void
take_grant(struct oauth *o, const struct oauth_grant *grant)
{
	credentials_set_token(o->credentials, o->config->oauth_scheme, grant->access.data);
	rotate(o, &grant->refresh);
	o->token = o->token == TOKEN_REFUSED ? TOKEN_RENEWED : TOKEN_GOOD;
	o->serial++;
	o->until_mono_ms = grant->lifetime_ms != 0 ?
	    clock_mono_ms() + grant->lifetime_ms : INT64_MAX;
	log_debug("destination %s: a new access token", o->config->name);
}

static void
ended(struct http_task *task, CURLcode code)
{
	struct oauth *o = (struct oauth *)task;
	const struct transfer_end *end = &o->http.end;
	struct buf *answer = &o->http.answer, why = { 0 };
	struct oauth_grant grant = { 0 };

	transfer_finish(&o->http, o->client->multi, code);
	asked(o);
	if (end->status == 0)
		fail(o, end->error);
	else if (answer->len == OAUTH_GRANT_ANSWER_MAX)
		fail(o, "its answer is too long");
	else if (oauth_grant_read(end->status, answer->data, answer->len, &grant,
	    &why) == -1)
		fail(o, why.data != NULL ? why.data : "out of memory");
	else
		take_grant(o, &grant);
	oauth_grant_free(&grant);
	buf_free(&why);
	secret_wipe(&o->form);
	secret_wipe(answer);
}

static bool
is_good(const struct oauth *o)
{
	return o->token == TOKEN_GOOD || o->token == TOKEN_RENEWED;
}

enum oauth_state
oauth_token(struct oauth *o, int64_t mono_ms)
{
	if (is_good(o) && mono_ms >= o->until_mono_ms) {
		o->token = TOKEN_NONE;
		credentials_set_token(o->credentials, o->config->oauth_scheme, NULL);
	}
	if (is_good(o))
		return OAUTH_READY;
	if (!o->http.under_way && !o->failed && !must_wait(o))
		ask(o);
	if (!o->failed)
		return OAUTH_FETCHING;
	o->failed = false;
	return OAUTH_FAILED;
}

const char *
oauth_error(const struct oauth *o)
{
	return buf_ok(&o->error) ? o->error.data : "token endpoint: out of memory";
}

unsigned
oauth_serial(const struct oauth *o)
{
	return o->serial;
}

bool
oauth_answered(struct oauth *o, unsigned serial, int status)
{
	bool renewed = o->token == TOKEN_RENEWED;

	if (status != 401) {
		if (status != 0 && serial == o->serial && renewed)
			o->token = TOKEN_GOOD;
		return false;
	}
	if (serial != o->serial || !is_good(o))
		return true;
	o->token = TOKEN_REFUSED;
	credentials_set_token(o->credentials, o->config->oauth_scheme, NULL);
	return !renewed;
}

bool
oauth_busy(const struct oauth *o)
{
	return o->http.under_way;
}

void
oauth_cancel(struct oauth *o)
{
	transfer_cancel(&o->http, o->client->multi);
	asked(o);
}

void
oauth_leave(struct oauth *o)
{
	if (!o->refreshing)
		oauth_cancel(o);
}
