/*
 * ask: one request of doctor's, and what came of it.
 */
#ifndef LEADRELAY_CLIENT_ASK_H
#define LEADRELAY_CLIENT_ASK_H

#include <stddef.h>
#include <stdint.h>

#include "base/secret.h"
#include "client/post.h"

/* Fill the first part, zero the rest; post_answer_free releases the answer. */
struct ask {
	const char *url;
	const char *page;		/* GET this below the URL; NULL: post a probe */
	const char *from;		/* local address to ask from; NULL: any */
	size_t token_len;		/* of the probe's token, in characters */
	const char *asks;		/* what it asks the worker for: a JSON array */
	const struct secret *secret;

	struct post_answer answer;
	int64_t answered_ms;		/* by our clock */
};

/* Ask, (again) from the start.  -1: it cannot be asked at all; that has been said. */
int ask(struct ask *q);

#endif
