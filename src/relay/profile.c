/*
 * Everything here is made for one configuration and never changes with the next: a
 * former profile stays behind the present one until its last attempt is at rest.
 */
#include "relay/profile.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/log.h"
#include "config/config.h"
#include "http/credentials.h"
#include "http/oauth.h"
#include "http/transport.h"
#include "program/programs.h"
#include "relay/attempt.h"
#include "relay/engine.h"

#define REFRESH_MS 1000	/* how often the credentials' files are looked at */

/*
 * 1 when a file that libcurl reads whenever it connects is not what it was when
 * last asked: connections made with the former one are no longer wanted.
 */
static int
files_changed(struct profile *o)
{
	const char *const paths[PROFILE_FILES] = { o->config->ca_file,
	    o->config->client_cert, o->config->client_key };
	int i, changed = 0;

	for (i = 0; i < PROFILE_FILES; i++)
		if (paths[i] != NULL && stamp_take(&o->files[i], paths[i]) == 1)
			changed = 1;
	return changed;
}

struct profile *
profile_new(struct engine *engine, struct config *config, size_t index,
    struct buf *why)
{
	struct profile *o;

	if ((o = calloc(1, sizeof(*o))) == NULL) {
		buf_puts(why, "out of memory");
		return NULL;
	}
	o->engine = engine;
	o->shared = config_share(config);
	o->config = &config->destinations[index];
	(void)files_changed(o);
	if ((o->credentials = credentials_new(o->config)) == NULL)
		buf_puts(why, "out of memory");
	else if (o->config->oauth_token_url != NULL &&
	    (o->oauth = oauth_new(&engine->http, o->config, o->credentials)) == NULL)
		buf_puts(why, "out of memory");
	else if ((o->programs = programs_new(engine->pool, o->config, why)) != NULL)
		return o;
	profile_free(o);
	return NULL;
}

void
profile_free(struct profile *o)
{
	struct attempt *at;

	if (o == NULL)
		return;
	while ((at = o->pool) != NULL) {
		o->pool = at->next;
		attempt_free(at);
	}
	oauth_free(o->oauth);
	credentials_free(o->credentials);
	signing_destroy(&o->signing);
	programs_free(o->programs);
	config_free(o->shared);
	free(o);
}

bool
profile_fits(struct profile *o, const struct profile *other)
{
	return config_same_destination(o->config, other->config) &&
	    !files_changed(o);
}

/* Is all there that a request needs, and may it go where it is to go? */
static bool
is_ready(const struct profile *o, struct buf *why)
{
	const struct curl_api *curl = &o->engine->http.curl;
	const char *url = credentials_url(o->credentials);

	return credentials_complete(o->credentials) &&
	    (o->config->sign_secret_file == NULL || o->signing.secrets.count != 0) &&
	    url != NULL && transport_check_url(curl, o->config, url, why) == 0 &&
	    (o->oauth == NULL || transport_check_url(curl, o->config,
	    o->config->oauth_token_url, why) == 0);
}

void
profile_refresh(struct profile *o, int64_t now_ms)
{
	struct buf why = { 0 };

	if (now_ms >= o->refresh_ms - REFRESH_MS && now_ms < o->refresh_ms)
		return;
	o->refresh_ms = now_ms + REFRESH_MS;
	(void)credentials_refresh(o->credentials, &why);
	(void)signing_refresh(&o->signing, o->config, &why);
	o->ready = is_ready(o, &why);
	if (why.len != 0 && !o->complained)
		log_err("destination %s: %s: %s", o->config->name,
		    o->ready ? "the former credential stays in use" : "its leads wait",
		    why.data);
	else if (why.len == 0 && o->complained)
		log_info("destination %s: its credentials are good again",
		    o->config->name);
	o->complained = why.len != 0;
	buf_free(&why);
}

bool
profile_idle(const struct profile *o)
{
	return o->in_use == 0 && (o->oauth == NULL || !oauth_busy(o->oauth));
}
