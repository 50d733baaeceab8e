/*
 * ask: one request of doctor's, and what came of it.
 */
#ifndef LEADRELAY_CLIENT_ASK_H
#define LEADRELAY_CLIENT_ASK_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/secret.h"

struct json_object;

/* Fill the first part, zero the rest; ask_free releases the rest. */
struct ask {
	const char *url;
	const char *page;		/* GET this below the URL; NULL: post a probe */
	const char *from;		/* local address to ask from; NULL: any */
	size_t token_len;		/* of the probe's token, in characters */
	const char *asks;		/* what it asks the worker for: a JSON array */
	const struct secret *secret;

	int status;			/* 0: no answer, for the reason in error */
	struct buf body;
	struct json_object *object;	/* the body, when it is JSON; else NULL */
	struct buf error;
	char server[64];		/* Server header; "" for none */
	int64_t date_ms;		/* Date header; 0 for none */
	int64_t took_us;
	int64_t answered_ms;		/* by our clock */
};

/* Ask, (again) from the start.  -1: it cannot be asked at all; that has been said. */
int ask(struct ask *q);

void ask_free(struct ask *q);

#endif
