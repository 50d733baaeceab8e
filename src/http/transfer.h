/*
 * transfer: one request on its way by libcurl, and what came back.
 *
 * A transfer is made once and used for many requests to one destination.
 */
#ifndef LEADRELAY_HTTP_TRANSFER_H
#define LEADRELAY_HTTP_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "http/client.h"

struct config_destination;

/* Bytes of an answer for which memory is kept between two requests. */
#define TRANSFER_ANSWER_MAX 16384
#define TRANSFER_RETRY_AFTER_SIZE 64

/* How a request ended.  ${error} lives until the transfer is started again. */
struct transfer_end {
	int status;			/* 0: no answer, or none that was whole */
	int code;			/* libcurl's, when there was no answer */
	bool sending;			/* the request was on its way */
	bool stale;			/* once: it went out on a kept connection, which then ended */
	int lack;			/* errno, where we could open no socket: nobody else's fault */
	const char *error;		/* a phrase when there was no answer */
	int64_t took_ms;
};

/* What to send.  All of it is borrowed until the transfer has ended. */
struct transfer_request {
	const char *method;
	const char *url;
	const char *const *headers;	/* "Name: value" */
	size_t header_count;
	const char *body;
	size_t body_len;
};

struct transfer {
	struct http_task task;		/* first; its owner sets ended */
	const struct curl_api *curl;
	CURL *easy;
	struct curl_slist *lines;	/* the headers as libcurl wants them */
	size_t line_cap;
	bool under_way;			/* libcurl has it */
	bool once;			/* the owner counts: libcurl may not send it again by itself */
	bool sent;			/* libcurl has begun to send it */
	int lack;
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
 * Make the zeroed ${tr} ready for requests to ${config}, of whose answers the first
 * ${answer_max} bytes are read.  -1: out of memory, or libcurl objects to a setting
 * (said in the log).
 */
int transfer_init(struct transfer *tr, const struct http_client *http,
    const struct config_destination *config, size_t answer_max);

/* It must not be under way.  A zeroed one is fine. */
void transfer_destroy(struct transfer *tr);

/* Send ${rq}.  When that fails, transfer_finish is next, with the code returned. */
CURLcode transfer_start(struct transfer *tr, CURLM *multi,
    const struct transfer_request *rq);

/* It ended with ${code}: take it from libcurl, and tr->end says how. */
void transfer_finish(struct transfer *tr, CURLM *multi, CURLcode code);

/* Forget what it had; keep the memory that will be needed again. */
void transfer_reset(struct transfer *tr);

/* Break it off, if it is under way. */
void transfer_cancel(struct transfer *tr, CURLM *multi);

#endif
