#include "config.h"

#include "relay/oauth.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "config/config.h"
#include "config/secret.h"
#include "outbox/store.h"
#include "relay/credentials.h"
#include "relay/engine.h"
#include "relay/grant.h"
#include "relay/transport.h"

#define SAVE_AGAIN_MS 5000

/* A refresh token on its way to the outbox, in a copy of its own. */
struct save_job {
	struct mailbox_job job;
	struct oauth *oauth;
	uint8_t origin[DIGEST_SIZE];
	struct buf token;
};

struct oauth {
	struct engine_task task;	/* first */
	struct engine *engine;
	const struct config_destination *config;
	struct credentials *credentials;
	int64_t number;

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

	/* a refresh token that came in place of the file's, whose digest is origin */
	struct buf rotated;
	uint8_t origin[DIGEST_SIZE];
	uint8_t asked_with[DIGEST_SIZE];	/* of the file's, when the request went off */
	struct save_job *saving;
	bool unsaved;
	int64_t save_mono_ms;
};

static void ended(struct engine_task *task, CURLcode code);

struct oauth *
oauth_new(struct engine *engine, const struct config_destination *config,
    struct credentials *credentials, int64_t number)
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
	o->engine = engine;
	o->config = config;
	o->credentials = credentials;
	o->number = number;
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
		o->engine->curl.easy_cleanup(o->easy);
	secret_wipe(&o->form);
	secret_wipe(&o->answer);
	secret_wipe(&o->rotated);
	buf_free(&o->error);
	free(o);
}

int
oauth_load(struct oauth *o, struct store *store)
{
	char *token;

	if (store->ops->load_token(store, o->number, o->origin, &token) == -1)
		return -1;
	secret_wipe(&o->rotated);
	if (token == NULL)
		return 0;
	buf_puts(&o->rotated, token);
	explicit_bzero(token, strlen(token));
	free(token);
	return 0;
}

/* --- a refresh token that changes ----------------------------------------- */

static int
save_run(struct store *store, struct mailbox_job *base)
{
	struct save_job *job = (struct save_job *)base;

	return store->ops->save_token(store, job->oauth->number, job->origin,
	    job->token.data);
}

static void
save_finish(struct mailbox_job *base, const struct store_fault *fault)
{
	struct save_job *job = (struct save_job *)base;
	struct oauth *o = job->oauth;

	o->saving = NULL;
	if (fault != NULL) {
		log_err("destination %s: its new refresh token is not stored yet, "
		    "trying again: %s", o->config->name, fault->text);
		o->unsaved = true;
		o->save_mono_ms = clock_mono_ms() + SAVE_AGAIN_MS;
	}
	secret_wipe(&job->token);
	free(job);
}

static void
save_rotated(struct oauth *o)
{
	struct save_job *job;

	if ((job = calloc(1, sizeof(*job))) == NULL)
		return;
	job->job.run = save_run;
	job->job.finish = save_finish;
	job->oauth = o;
	memcpy(job->origin, o->origin, sizeof(job->origin));
	buf_add(&job->token, o->rotated.data, o->rotated.len);
	if (!buf_ok(&job->token)) {
		secret_wipe(&job->token);
		free(job);
		return;
	}
	o->unsaved = false;
	o->saving = job;
	mailbox_submit(&o->engine->mailbox, &job->job);
}

/* The refresh token to ask with, or NULL where there is none. */
static const char *
refresh_token(struct oauth *o)
{
	const char *token = credentials_refresh_token(o->credentials);

	if (token == NULL ||
	    digest_sha256(token, strlen(token), o->asked_with) == -1)
		return token;
	if (o->rotated.len != 0 &&
	    memcmp(o->origin, o->asked_with, sizeof(o->origin)) == 0)
		return o->rotated.data;
	return token;
}

/* The answer held ${fresh}: from now on that one is good. */
static void
rotate(struct oauth *o, const struct buf *fresh)
{
	const char *former = refresh_token(o);

	if (fresh->len == 0 || former == NULL || strcmp(former, fresh->data) == 0)
		return;
	secret_wipe(&o->rotated);
	buf_add(&o->rotated, fresh->data, fresh->len);
	memcpy(o->origin, o->asked_with, sizeof(o->origin));
	o->unsaved = buf_ok(&o->rotated);
	o->save_mono_ms = 0;
	(void)oauth_saved(o);		/* at once: the former one is worth nothing now */
}

/* --- asking --------------------------------------------------------------- */

static size_t
take_answer(char *bytes, size_t size, size_t count, void *arg)
{
	struct oauth *o = arg;
	size_t n = size * count;

	if (n > GRANT_ANSWER_MAX - o->answer.len)
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
	const struct curl_api *curl = &o->engine->curl;
	CURLcode rc;

	if (o->easy != NULL)
		return CURLE_OK;
	if ((o->easy = curl->easy_init()) == NULL)
		return CURLE_OUT_OF_MEMORY;
	if ((rc = transport_setup(curl, o->easy, o->config, o->engine->ca_file)) != CURLE_OK ||
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
	const struct curl_api *curl = &o->engine->curl;
	CURLcode rc;

	secret_wipe(&o->form);
	buf_reset(&o->answer);
	o->curl_error[0] = '\0';
	grant_form(o->config, credentials_client_secret(o->credentials),
	    refresh_token(o), &o->form);
	rc = buf_ok(&o->form) ? set_up(o) : CURLE_OUT_OF_MEMORY;
	if (rc == CURLE_OK)
		rc = curl->easy_setopt(o->easy, CURLOPT_POSTFIELDS, o->form.data);
	if (rc == CURLE_OK && curl->multi_add_handle(o->engine->multi, o->easy) != CURLM_OK)
		rc = CURLE_OUT_OF_MEMORY;
	if (rc == CURLE_OK)
		o->busy = true;
	else
		fail(o, curl->easy_strerror(rc));
}

/* A new access token is ours. */
static void
take_grant(struct oauth *o, const struct grant *grant)
{
	credentials_grant(o->credentials, o->config->oauth_scheme, grant->access.data);
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
ended(struct engine_task *task, CURLcode code)
{
	struct oauth *o = (struct oauth *)task;
	const struct curl_api *curl = &o->engine->curl;
	struct grant grant = { 0 };
	struct buf why = { 0 };
	long status = 0;

	(void)curl->easy_getinfo(o->easy, CURLINFO_RESPONSE_CODE, &status);
	oauth_cancel(o);
	if (code == CURLE_WRITE_ERROR)
		fail(o, "its answer is too long");
	else if (code != CURLE_OK)
		fail(o, o->curl_error[0] != '\0' ? o->curl_error :
		    curl->easy_strerror(code));
	else if (grant_read((int)status, o->answer.data, o->answer.len, &grant,
	    &why) == -1)
		fail(o, why.data != NULL ? why.data : "out of memory");
	else
		take_grant(o, &grant);
	grant_free(&grant);
	buf_free(&why);
	secret_wipe(&o->form);
	secret_wipe(&o->answer);
}

bool
oauth_saved(struct oauth *o)
{
	if (o->unsaved && o->saving == NULL &&
	    clock_mono_ms() >= o->save_mono_ms)
		save_rotated(o);
	return !o->unsaved && o->saving == NULL;
}

enum oauth_state
oauth_token(struct oauth *o, int64_t mono_ms)
{
	(void)oauth_saved(o);
	if (o->good && mono_ms >= o->until_mono_ms) {
		o->good = false;
		credentials_grant(o->credentials, o->config->oauth_scheme, NULL);
	}
	if (o->good)
		return OAUTH_READY;
	if (!o->busy && !o->failed)
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
	credentials_grant(o->credentials, o->config->oauth_scheme, NULL);
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
		(void)o->engine->curl.multi_remove_handle(o->engine->multi, o->easy);
	o->busy = false;
}
