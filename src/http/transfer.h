/*
 * transfer: one request on its way by libcurl, and what came back.
 *
 * A transfer is made once and used for many requests to one destination.
 */
#ifndef LEADRELAY_HTTP_TRANSFER_H
#define LEADRELAY_HTTP_TRANSFER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "http/client.h"
#include "http/request.h"

struct config_destination;

/* Bytes of an answer that are read: more where a program looks at it. */
#define TRANSFER_ANSWER_MAX 16384
#define TRANSFER_RETRY_AFTER_SIZE 64

/* How a request ended.  ${error} lives until the transfer is started again. */
struct transfer_end {
	int status;			/* 0: no answer, or none that was whole */
	int code;			/* libcurl's, when there was no answer */
	bool sending;			/* the request was on its way */
	bool repeated;			/* it went out more than once, as far as libcurl tells */
	const char *error;		/* a phrase when there was no answer */
	int64_t took_ms;
};

struct transfer {
	struct http_task task;		/* first; its owner sets ended */
	const struct curl_api *curl;
	CURL *easy;
	struct http_request request;
	struct curl_slist *lines;	/* the request's headers as libcurl wants them */
	size_t line_cap;
	bool under_way;			/* libcurl has it */
	int sendings;			/* how often libcurl sent it */
	int64_t started_ms;		/* wall clock */
	int64_t started_mono_ms;
	struct transfer_end end;	/* once it has ended */
	size_t answer_max;
	struct buf answer;
	bool head_ended;		/* of the answer that came last */
	char retry_after[TRANSFER_RETRY_AFTER_SIZE];	/* "" when absent */
	char error[CURL_ERROR_SIZE];
};

/*
 * Make the zeroed ${tr} ready for requests to ${config}.  -1: out of memory, or
 * libcurl objects to a setting (said in the log); destroy it then, too.
 */
int transfer_init(struct transfer *tr, const struct curl_api *curl,
    const struct config_destination *config, const char *ca_file);

/* It must not be under way. */
void transfer_destroy(struct transfer *tr);

/*
 * Start what tr->request asks for.  When that fails, transfer_finish is next,
 * with the code returned.
 */
CURLcode transfer_start(struct transfer *tr, CURLM *multi);

/* It ended with ${code}: take it from libcurl, and tr->end says how. */
void transfer_finish(struct transfer *tr, CURLM *multi, CURLcode code);

/* Forget what it had; keep the memory that will be needed again. */
void transfer_reset(struct transfer *tr);

/* Break it off, if it is under way. */
void transfer_cancel(struct transfer *tr, CURLM *multi);

#endif
