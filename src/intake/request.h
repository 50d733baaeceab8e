/*
 * request: one webhook on its way through, whatever brought it (FastCGI or CGI).
 *
 * A front end fills the request, hands it to receive_start, and gets it back
 * through ${respond}, exactly once, on any thread, with the answer filled in.
 * Until then the request must stay where it is.
 */
#ifndef LEADRELAY_INTAKE_REQUEST_H
#define LEADRELAY_INTAKE_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "intake/answer.h"

struct request {
	char **params;			/* "NAME=VALUE" strings, then NULL; libfcgi's FCGX_ParamArray */
	bool params_too_large;		/* more came than the front end keeps: the list is empty */
	const char *body;		/* what was kept of it; borrowed */
	size_t body_len;
	uint64_t body_total;		/* what came, kept or not */
	bool tcp;			/* came over a TCP listener */
	int64_t arrived_ms;		/* wall clock */
	int64_t arrived_mono_ms;	/* and monotonic, for how long it took */
	struct answer answer;
	void (*respond)(struct request *rq);
	void *front;			/* the front end's own */
};

/* The value of the first parameter ${name}, or NULL. */
const char *request_param(const struct request *rq, const char *name);

/*
 * The Authorization header, wherever the front server put it: one of
 * HTTP_AUTHORIZATION, REDIRECT_HTTP_AUTHORIZATION,
 * REDIRECT_REDIRECT_HTTP_AUTHORIZATION, Authorization, or LR_AUTH_0…n joined.
 * An empty one counts as none.  *value points into the request or into
 * ${joined}, which the caller frees.  Returns the parameter's name as a
 * constant, or NULL when there is none.
 */
const char *request_authorization(const struct request *rq, struct buf *joined,
    const char **value, size_t *len);

/*
 * The request's path: REQUEST_URI without query and without scheme and host,
 * as the client wrote it (nothing is decoded).  Points into the request; *len
 * is 0 when there is none.
 */
const char *request_path(const struct request *rq, size_t *len);

/* Is this a HEAD request?  Its answer has no body. */
bool request_is_head(const struct request *rq);

/*
 * The most bytes of a body that any front end need keep: what is never looked
 * at (a source that is verified by its token) is counted, not kept.
 */
struct config;
size_t request_body_keep(const struct config *config);

#endif
