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
#include "http/transport.h"

struct oauth {
	struct http_task task;	/* first */
	struct http_client *http;
	const struct config_destination *config;
	struct credentials *credentials;

	/* the request to the token endpoint */
	CURL *easy;			/* made when it is first needed */
	struct curl_slist lines[3];
	struct buf form, answer;
	char curl_error[CURL_ERROR_SIZE];
	bool busy;
	bool failed;			/* not yet told */
	struct buf error;

	/* the access token in use, which credentials hold */
	bool good;
	unsigned serial;
	int64_t until_mono_ms;
	bool renewing;			/* the former one was refused: what is fetched next is renewed */
	bool renewed;			/* in place of a refused one, and not yet accepted */

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
	static char lines[][64] = {
		"Content-Type: application/x-www-form-urlencoded",
		"Accept: application/json",
		"User-Agent: leadrelay/" PACKAGE_VERSION,
	};
	struct oauth *o;
	size_t i, n = sizeof(lines) / sizeof(lines[0]);

	if ((o = calloc(1, sizeof(*o))) == NULL)
		return NULL;
	o->task.ended = ended;
	o->http = http;
	o->config = config;
	o->credentials = credentials;
	for (i = 0; i < n; i++)
		o->lines[i] = (struct curl_slist){ .data = lines[i],
		    .next = i + 1 < n ? &o->lines[i + 1] : NULL };
	return o;
}

void
oauth_free(struct oauth *o)
{
	if (o == NULL)
		return;
	oauth_cancel(o);
	if (o->easy != NULL)
		o->http->curl.easy_cleanup(o->easy);
	secret_wipe(&o->form);
	secret_wipe(&o->answer);
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

static size_t
take_answer(char *bytes, size_t size, size_t count, void *arg)
{
	struct oauth *o = arg;
	size_t n = size * count;

	if (n > OAUTH_GRANT_ANSWER_MAX - o->answer.len)
		return 0;
	buf_add(&o->answer, bytes, n);
	return n;
}

static void
fail(struct oauth *o, const char *why)
{
	buf_reset(&o->error);
	buf_printf(&o->error, "token endpoint: %s", why);
	o->failed = true;
}

/* The handle, with all that does not change. */
static CURLcode
set_up(struct oauth *o)
{
	const struct curl_api *curl = &o->http->curl;
	CURLcode rc;

	if (o->easy != NULL)
		return CURLE_OK;
	if ((o->easy = curl->easy_init()) == NULL)
		return CURLE_OUT_OF_MEMORY;
	if ((rc = transport_setup(curl, o->easy, o->config, o->http->ca_file)) != CURLE_OK ||
	    (rc = curl->easy_setopt(o->easy, CURLOPT_PRIVATE, o)) != CURLE_OK ||
	    (rc = curl->easy_setopt(o->easy, CURLOPT_ERRORBUFFER, o->curl_error)) != CURLE_OK ||
	    (rc = curl->easy_setopt(o->easy, CURLOPT_WRITEFUNCTION, take_answer)) != CURLE_OK ||
	    (rc = curl->easy_setopt(o->easy, CURLOPT_WRITEDATA, o)) != CURLE_OK ||
	    (rc = curl->easy_setopt(o->easy, CURLOPT_HTTPHEADER, o->lines)) != CURLE_OK ||
	    (rc = curl->easy_setopt(o->easy, CURLOPT_URL, o->config->oauth_token_url)) != CURLE_OK)
		goto fail;
	return CURLE_OK;
fail:
	curl->easy_cleanup(o->easy);
	o->easy = NULL;
	return rc;
}

static void
ask(struct oauth *o)
{
	const struct curl_api *curl = &o->http->curl;
	const char *refresh = refresh_token(o);
	CURLcode rc;

	secret_wipe(&o->form);
	buf_reset(&o->answer);
	o->curl_error[0] = '\0';
	o->refreshing = refresh != NULL;
	oauth_grant_form(o->config, credentials_client_secret(o->credentials),
	    refresh, &o->form);
	rc = buf_ok(&o->form) ? set_up(o) : CURLE_OUT_OF_MEMORY;
	if (rc == CURLE_OK)
		rc = curl->easy_setopt(o->easy, CURLOPT_POSTFIELDS, o->form.data);
	if (rc == CURLE_OK && curl->multi_add_handle(o->http->multi, o->easy) != CURLM_OK)
		rc = CURLE_OUT_OF_MEMORY;
	if (rc != CURLE_OK) {
		fail(o, curl->easy_strerror(rc));
		return;
	}
	o->busy = true;
	if (o->refreshing) {
		o->kept->asking = o;
		memcpy(o->kept->asked_with, o->origin, sizeof(o->origin));
	}
}

/* A new access token is ours. */
static void
take_grant(struct oauth *o, const struct oauth_grant *grant)
{
	credentials_set_token(o->credentials, o->config->oauth_scheme, grant->access.data);
	rotate(o, &grant->refresh);
	o->good = true;
	o->serial++;
	o->until_mono_ms = grant->lifetime_ms != 0 ?
	    clock_mono_ms() + grant->lifetime_ms : INT64_MAX;
	o->renewed = o->renewing;
	o->renewing = false;
	log_debug("destination %s: a new access token", o->config->name);
}

static void
ended(struct http_task *task, CURLcode code)
{
	struct oauth *o = (struct oauth *)task;
	const struct curl_api *curl = &o->http->curl;
	struct oauth_grant grant = { 0 };
	struct buf why = { 0 };
	long status = 0;

	(void)curl->easy_getinfo(o->easy, CURLINFO_RESPONSE_CODE, &status);
	oauth_cancel(o);
	if (code == CURLE_WRITE_ERROR)
		fail(o, "its answer is too long");
	else if (code != CURLE_OK)
		fail(o, o->curl_error[0] != '\0' ? o->curl_error :
		    curl->easy_strerror(code));
	else if (oauth_grant_read((int)status, o->answer.data, o->answer.len, &grant,
	    &why) == -1)
		fail(o, why.data != NULL ? why.data : "out of memory");
	else
		take_grant(o, &grant);
	oauth_grant_free(&grant);
	buf_free(&why);
	secret_wipe(&o->form);
	secret_wipe(&o->answer);
}

enum oauth_state
oauth_token(struct oauth *o, int64_t mono_ms)
{
	if (o->good && mono_ms >= o->until_mono_ms) {
		o->good = false;
		credentials_set_token(o->credentials, o->config->oauth_scheme, NULL);
	}
	if (o->good)
		return OAUTH_READY;
	if (!o->busy && !o->failed && !must_wait(o))
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
	if (status != 401) {
		if (status != 0 && serial == o->serial)
			o->renewed = false;
		return false;
	}
	if (serial != o->serial || !o->good)
		return true;
	o->good = false;
	o->renewing = true;
	credentials_set_token(o->credentials, o->config->oauth_scheme, NULL);
	return !o->renewed;
}

bool
oauth_busy(const struct oauth *o)
{
	return o->busy;
}

void
oauth_cancel(struct oauth *o)
{
	if (o->busy)
		(void)o->http->curl.multi_remove_handle(o->http->multi, o->easy);
	o->busy = false;
	if (o->kept != NULL && o->kept->asking == o)
		o->kept->asking = NULL;
}

void
oauth_leave(struct oauth *o)
{
	if (!o->refreshing)
		oauth_cancel(o);
}
