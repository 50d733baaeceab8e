/*
 * answer: what goes back to the client, and how it is written down.
 */
#ifndef LEADRELAY_INTAKE_ANSWER_H
#define LEADRELAY_INTAKE_ANSWER_H

#include <stdbool.h>

#include "base/buf.h"

/* The strings are constants. */
struct answer {
	int status;
	const char *content_type;
	const char *allow;		/* Allow header, or NULL */
	int retry_after_s;		/* 0: none */
	const char *challenge;		/* WWW-Authenticate, or NULL */
	struct buf body;
};

/* Make it one of ${status} without further headers or a body, whose memory it keeps. */
void answer_begin(struct answer *answer, int status, const char *content_type);

/*
 * Append the answer to ${out} as a CGI response (RFC 3875 section 6): Status,
 * headers, body.  With ${head} the body is left out, its length still named.
 */
void answer_print(const struct answer *answer, bool head, struct buf *out);

#endif
