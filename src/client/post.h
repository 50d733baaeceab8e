/*
 * post: many requests to one server, several at a time, over libcurl.
 */
#ifndef LEADRELAY_CLIENT_POST_H
#define LEADRELAY_CLIENT_POST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct json_object;

#define POST_CONCURRENCY_MAX 256
#define POST_ANSWER_MAX 16384		/* bytes of an answer that are kept */

struct post_request {
	struct buf body;		/* JSON */
	char *token;			/* of the Authorization header; malloc'd, or NULL */
	struct buf url;			/* empty: the batch's */
	bool get;			/* a GET, without body */
	const char *from;		/* local address to send from; NULL: any */
};

struct post_answer {
	int status;			/* 0: there was no answer */
	int64_t took_us;
	const char *error;		/* why there was none, else NULL */
	const struct buf *body;
	struct json_object *object;	/* the body, when it is JSON; else NULL */
	const char *server;		/* Server header; "" when there was none */
	int64_t date_ms;		/* Date header; 0 when there was none */
};

struct post_batch {
	const char *command;		/* what sends, for messages */
	const char *url;
	int64_t count;
	int64_t concurrency;
	/* Fill the empty request for number ${index}.  -1: it cannot be signed. */
	int (*make)(void *arg, int64_t index, struct post_request *request);
	void (*answered)(void *arg, int64_t index,
	    const struct post_answer *answer);
	void *arg;
};

/*
 * Post them all.  EXIT_DONE when each was answered or found no answer;
 * EXIT_UNAVAILABLE without libcurl, else EXIT_SOFTWARE: said.  The callbacks run
 * one at a time, on any thread.
 */
int post_run(const struct post_batch *batch);

#endif
