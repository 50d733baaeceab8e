/*
 * Each sender is a thread with a libcurl handle of its own, and so a connection:
 * it takes the next number, makes the request, waits for the answer.  All but the
 * waiting is done under the lock, so a batch's callbacks never run side by side.
 */
#include "config.h"

#include "client/post.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <json-c/json.h>

#include "base/exits.h"
#include "base/text.h"
#include "cli/print.h"
#include "config/config.h"
#include "http/transport.h"

#define NO_MEMORY "out of memory"

struct post {
	const struct post_batch *batch;
	struct curl_api curl;
	pthread_mutex_t lock;		/* of what follows */
	int64_t next;			/* the number to be sent next */
	const char *fault;		/* why nothing further is sent; or NULL */
};

struct sender {
	struct post *post;
	pthread_t thread;
	CURL *easy;
	struct post_request request;
	struct buf authorization;	/* the header line of its token */
	struct post_answer answer;
	struct curl_slist headers[3];	/* borrowed strings, linked here */
};

void
post_answer_free(struct post_answer *answer)
{
	buf_free(&answer->body);
	json_object_put(answer->object);
	*answer = (struct post_answer){ 0 };
}

/* Keep the beginning of an answer; the rest is read and dropped. */
static size_t
keep_answer(char *bytes, size_t size, size_t count, void *arg)
{
	struct sender *sender = arg;
	struct buf *body = &sender->answer.body;
	size_t len = size * count, room = POST_ANSWER_MAX - body->len;

	buf_add(body, bytes, len < room ? len : room);
	return len;
}

static size_t
keep_header(char *bytes, size_t size, size_t count, void *arg)
{
	struct post_answer *answer = &((struct sender *)arg)->answer;
	char line[128], *value;
	size_t len;

	snprintf(line, sizeof(line), "%.*s", (int)(size * count), bytes);
	for (len = strlen(line); len > 0 && strchr("\r\n ", line[len - 1]); len--)
		line[len - 1] = '\0';
	value = line + strcspn(line, ":");
	value += strspn(value, ": \t");
	if (strncasecmp(line, "Server:", 7) == 0)
		snprintf(answer->server, sizeof(answer->server), "%s", value);
	else if (strncasecmp(line, "Date:", 5) == 0)
		(void)text_parse_http_date(value, &answer->date_ms);
	return size * count;
}

/* What stays the same from one request of a sender to the next.  -1: no memory. */
static int
open_sender(struct post *post, struct sender *sender)
{
	static const struct config_destination server = {
		.connect_timeout_ms = 10000, .timeout_ms = 60000
	};
	const struct curl_api *curl = &post->curl;
	CURL *easy = curl->easy_init();

	if (easy == NULL)
		return -1;
	sender->post = post;
	sender->easy = easy;
	(void)transport_setup(curl, easy, &server, transport_ca_file());
	/* Over HTTP/2 no header as large as a large lead's token can be sent. */
	curl->easy_setopt(easy, CURLOPT_HTTP_VERSION,
	    (long)CURL_HTTP_VERSION_1_1);
	curl->easy_setopt(easy, CURLOPT_USERAGENT,
	    "leadrelay/" PACKAGE_VERSION);
	curl->easy_setopt(easy, CURLOPT_ERRORBUFFER, sender->answer.error);
	curl->easy_setopt(easy, CURLOPT_HEADERFUNCTION, keep_header);
	curl->easy_setopt(easy, CURLOPT_HEADERDATA, sender);
	curl->easy_setopt(easy, CURLOPT_WRITEFUNCTION, keep_answer);
	curl->easy_setopt(easy, CURLOPT_WRITEDATA, sender);
	return 0;
}

static struct curl_slist *
link_headers(struct sender *sender)
{
	static char content_type[] = "Content-Type: application/json";
	static char no_expect[] = "Expect:";
	struct curl_slist *list = sender->headers;

	list[0] = (struct curl_slist){ content_type, &list[1] };
	list[1] = (struct curl_slist){ no_expect, NULL };
	if (sender->request.token != NULL) {
		buf_printf(&sender->authorization, "Authorization: Bearer %s",
		    sender->request.token);
		list[1].next = &list[2];
		list[2] = (struct curl_slist){ sender->authorization.data, NULL };
	}
	return list;
}

/* An empty request again. */
static void
reset_sender(struct sender *sender)
{
	buf_free(&sender->request.body);
	buf_free(&sender->request.url);
	free(sender->request.token);
	sender->request = (struct post_request){ 0 };
	buf_free(&sender->authorization);
	post_answer_free(&sender->answer);
}

/* Make number ${index} and hand it to libcurl.  NULL, or why that cannot be. */
static const char *
prepare(struct sender *sender, int64_t index)
{
	const struct post_batch *batch = sender->post->batch;
	const struct curl_api *curl = &sender->post->curl;
	struct post_request *request = &sender->request;

	reset_sender(sender);
	if (batch->make(batch->arg, index, request) == -1)
		return "cannot sign";
	curl->easy_setopt(sender->easy, CURLOPT_HTTPHEADER, link_headers(sender));
	if (!buf_ok(&request->body) || !buf_ok(&request->url) ||
	    !buf_ok(&sender->authorization))
		return NO_MEMORY;
	curl->easy_setopt(sender->easy, CURLOPT_URL, request->url.len > 0 ?
	    request->url.data : batch->url);
	curl->easy_setopt(sender->easy, CURLOPT_INTERFACE, request->from);
	if (request->get) {
		curl->easy_setopt(sender->easy, CURLOPT_HTTPGET, 1L);
		return NULL;
	}
	curl->easy_setopt(sender->easy, CURLOPT_POST, 1L);
	curl->easy_setopt(sender->easy, CURLOPT_POSTFIELDS,
	    request->body.data != NULL ? request->body.data : "");
	curl->easy_setopt(sender->easy, CURLOPT_POSTFIELDSIZE_LARGE,
	    (curl_off_t)request->body.len);
	return NULL;
}

static void
finish(struct sender *sender, int64_t index, CURLcode code)
{
	const struct post_batch *batch = sender->post->batch;
	const struct curl_api *curl = &sender->post->curl;
	struct post_answer *answer = &sender->answer;
	curl_off_t took_us = 0;
	long status = 0;

	curl->easy_getinfo(sender->easy, CURLINFO_TOTAL_TIME_T, &took_us);
	if (code == CURLE_OK)
		curl->easy_getinfo(sender->easy, CURLINFO_RESPONSE_CODE, &status);
	else if (answer->error[0] == '\0')
		snprintf(answer->error, sizeof(answer->error), "%s",
		    curl->easy_strerror(code));
	answer->status = (int)status;
	answer->took_us = took_us;
	if (answer->body.len > 0)
		answer->object = json_tokener_parse(answer->body.data);
	batch->answered(batch->arg, index, answer);
}

/* The life of a sender. */
static void *
run(void *arg)
{
	struct sender *sender = arg;
	struct post *post = sender->post;
	CURLcode code;
	int64_t index;

	pthread_mutex_lock(&post->lock);
	while (post->fault == NULL && post->next < post->batch->count) {
		index = post->next++;
		if ((post->fault = prepare(sender, index)) != NULL)
			break;
		pthread_mutex_unlock(&post->lock);
		code = post->curl.easy_perform(sender->easy);
		pthread_mutex_lock(&post->lock);
		finish(sender, index, code);
	}
	pthread_mutex_unlock(&post->lock);
	return NULL;
}

/* Send from all of them; the first is this thread. */
static void
run_all(struct post *post, struct sender *senders, size_t count)
{
	size_t started = 1;

	while (started < count && pthread_create(&senders[started].thread, NULL,
	    run, &senders[started]) == 0)
		started++;
	if (started < count) {
		pthread_mutex_lock(&post->lock);
		post->fault = "no further thread can be started";
		pthread_mutex_unlock(&post->lock);
	}
	(void)run(&senders[0]);
	while (--started > 0)
		(void)pthread_join(senders[started].thread, NULL);
}

int
post_run(const struct post_batch *batch)
{
	struct post post = { .batch = batch, .lock = PTHREAD_MUTEX_INITIALIZER };
	size_t opened = 0, count = (size_t)(batch->concurrency < batch->count ?
	    batch->concurrency : batch->count);
	struct sender *senders;
	struct buf why = { 0 };

	if (curl_api_load(&post.curl, &why) == -1) {
		print_fail(EXIT_UNAVAILABLE, "%s: %s", batch->command,
		    why.data != NULL ? why.data : NO_MEMORY);
		buf_free(&why);
		return EXIT_UNAVAILABLE;
	}
	senders = calloc(count, sizeof(*senders));
	while (senders != NULL && opened < count &&
	    open_sender(&post, &senders[opened]) == 0)
		opened++;
	if (opened < count)
		post.fault = NO_MEMORY;
	else
		run_all(&post, senders, count);
	while (opened-- > 0) {
		reset_sender(&senders[opened]);
		post.curl.easy_cleanup(senders[opened].easy);
	}
	free(senders);
	return post.fault == NULL ? EXIT_DONE : print_fail(EXIT_SOFTWARE,
	    "%s: %s", batch->command, post.fault);
}
