/*
 * libfcgi's own lookup over the parameters that fastcgi.c read.
 */
#include "intake/request.h"

#include <fcgiapp.h>
#include <stdio.h>
#include <string.h>

#include "config/config.h"

/* Pieces of a split Authorization header: mod_proxy_fcgi lets 16 KB through in each. */
#define AUTH_CHUNKS_MAX 64

const char *
request_param(const struct request *rq, const char *name)
{
	return FCGX_GetParam(name, rq->params);
}

/* LR_AUTH_0, LR_AUTH_1 … up to the first that is absent or empty, as one. */
static void
request_join_chunks(const struct request *rq, struct buf *joined)
{
	const char *chunk;
	char name[sizeof("LR_AUTH_") + 12];

	for (int i = 0; i < AUTH_CHUNKS_MAX; i++) {
		(void)snprintf(name, sizeof(name), "LR_AUTH_%d", i);
		chunk = request_param(rq, name);
		if (chunk == NULL || *chunk == '\0')
			break;
		buf_puts(joined, chunk);
	}
}

const char *
request_authorization(const struct request *rq, struct buf *joined,
    const char **value, size_t *len)
{
	static const char *const names[] = {
		"HTTP_AUTHORIZATION",
		"REDIRECT_HTTP_AUTHORIZATION",		/* after a rewrite of Apache's */
		"REDIRECT_REDIRECT_HTTP_AUTHORIZATION",
		"Authorization",			/* FcgidPassHeader */
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		*value = request_param(rq, names[i]);
		if (*value == NULL || **value == '\0')
			continue;
		*len = strlen(*value);
		return names[i];
	}
	request_join_chunks(rq, joined);
	*value = joined->data;
	*len = joined->len;
	return joined->len > 0 && buf_ok(joined) ? "LR_AUTH_0" : NULL;
}

const char *
request_path(const struct request *rq, size_t *len)
{
	const char *uri, *host;

	*len = 0;
	if ((uri = request_param(rq, "REQUEST_URI")) == NULL)
		return "";
	/* The absolute form (RFC 9112 section 3.2.2) comes through unchanged. */
	if (*uri != '/' && (host = strstr(uri, "://")) != NULL) {
		uri = host + 3;
		uri += strcspn(uri, "/?#");
	}
	*len = strcspn(uri, "?#");
	return uri;
}

bool
request_is_head(const struct request *rq)
{
	const char *method = request_param(rq, "REQUEST_METHOD");

	return method != NULL && strcmp(method, "HEAD") == 0;
}

size_t
request_body_keep(const struct config *config)
{
	uint64_t keep = 0;

	for (size_t i = 0; config != NULL && i < config->source_count; i++)
		if (config->sources[i].verify == CONFIG_VERIFY_NONE &&
		    config->sources[i].max_body > keep)
			keep = config->sources[i].max_body;
	return keep < SIZE_MAX / 4 ? (size_t)keep : SIZE_MAX / 4;
}
