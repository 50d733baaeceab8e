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
#define POST_ERROR_SIZE 256		/* libcurl's CURL_ERROR_SIZE */
#define POST_ANSWER_MAX 16384		/* bytes of an answer that are kept */

struct post_request {
	struct buf body;		/* JSON */
	char *token;			/* of the Authorization header; malloc'd, or NULL */
	struct buf url;			/* empty: the batch's */
	bool get;			/* a GET, without body */
	const char *from;		/* local address to send from; NULL: any */
};

struct post_answer {
	int status;			/* 0: there was no answer, for the reason in error */
	int64_t took_us;
	char error[POST_ERROR_SIZE];
	struct buf body;		/* its beginning */
	struct json_object *object;	/* the body, when it is JSON; else NULL */
	char server[64];		/* Server header; "" when there was none */
	int64_t date_ms;		/* Date header; 0 when there was none */
};

/* Release what it holds, and zero it. */
void post_answer_free(struct post_answer *answer);

struct post_batch {
	const char *command;		/* what sends, for messages */
	const char *url;
	int64_t count;
	int64_t concurrency;
	/* Fill the empty request for number ${index}.  -1: it cannot be signed. */
	int (*make)(void *arg, int64_t index, struct post_request *request);
	/* It is freed behind this: who wants to keep it leaves a zeroed one. */
	void (*answered)(void *arg, int64_t index, struct post_answer *answer);
	void *arg;
};

/*
 * Post them all.  EXIT_DONE when each was answered or found no answer;
 * EXIT_UNAVAILABLE without libcurl, else EXIT_SOFTWARE: said.  The callbacks run
 * one at a time, on any thread.
 */
int post_run(const struct post_batch *batch);

#endif
