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

/* One CGI parameter; both strings are NUL-terminated. */
struct request_param {
	const char *name;
	const char *value;
	size_t value_len;
};

struct answer {
	int status;
	const char *content_type;	/* a constant */
	const char *allow;		/* Allow header, or NULL */
	int retry_after_s;		/* 0: none */
	const char *challenge;		/* WWW-Authenticate, or NULL; a constant */
	struct buf body;
};

struct request {
	const struct request_param *params;
	size_t param_count;
	const char *body;		/* what was read of it; borrowed */
	size_t body_len;
	bool body_too_large;		/* more came than body_limit allows */
	bool tcp;			/* came over a TCP listener */
	int64_t arrived_ms;		/* wall clock */
	struct answer answer;
	void (*respond)(struct request *rq);
	void *front;			/* the front end's own */
	void *stage;			/* the pipeline's own */
};

/* The value of the first parameter ${name}, or NULL. */
const struct request_param *request_param(const struct request *rq,
    const char *name);

/*
 * The Authorization header, wherever the front server put it: one of
 * HTTP_AUTHORIZATION, REDIRECT_HTTP_AUTHORIZATION,
 * REDIRECT_REDIRECT_HTTP_AUTHORIZATION, Authorization, or LR_AUTH_0…n joined.
 * *value points into the request or into ${joined}, which the caller frees.
 * Returns the parameter's name as a constant, or NULL when there is none.
 */
const char *request_authorization(const struct request *rq, struct buf *joined,
    const char **value, size_t *len);

/* The request's path: REQUEST_URI without query and without scheme and host. */
void request_path(const struct request *rq, struct buf *path);

/* Print the answer as a CGI response (RFC 3875 section 6): Status, headers, body. */
void answer_print(const struct answer *answer, bool head, struct buf *out);

#endif
