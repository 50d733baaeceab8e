#include "config.h"

#include "client/post.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/exits.h"
#include "base/text.h"
#include "http/curl_api.h"

#define CONNECT_TIMEOUT_MS 10000L
#define TIMEOUT_MS 60000L

/* One request on its way.  Its handle keeps the connection for the next. */
struct slot {
	CURL *easy;
	bool busy;
	int64_t index;
	struct post_request request;
	struct buf answer;
	char server[64];
	int64_t date_ms;
	char error[CURL_ERROR_SIZE];
	struct curl_slist headers[3];	/* borrowed strings, linked here */
};

struct post {
	const struct post_batch *batch;
	struct curl_api curl;
	CURLM *multi;
	struct slot *slots;
	size_t slot_count;
	int64_t next;			/* the number to be sent next */
	int64_t under_way;
	struct buf *why;
};

/* Keep the beginning of an answer; the rest is read and dropped. */
static size_t
keep_answer(char *bytes, size_t size, size_t count, void *arg)
{
	struct slot *slot = arg;
	size_t len = size * count, room = POST_ANSWER_MAX - slot->answer.len;

	buf_add(&slot->answer, bytes, len < room ? len : room);
	return len;
}

/* The value of the header ${name} in ${line}, cut to what fits; false: another header. */
static bool
take_header(const char *line, size_t len, const char *name, char *value,
    size_t size)
{
	size_t name_len = strlen(name);

	if (len < name_len || strncasecmp(line, name, name_len) != 0)
		return false;
	line += name_len;
	len -= name_len;
	while (len > 0 && (*line == ' ' || *line == '\t')) {
		line++;
		len--;
	}
	while (len > 0 && (line[len - 1] == '\r' || line[len - 1] == '\n' ||
	    line[len - 1] == ' '))
		len--;
	if (len >= size)
		len = size - 1;
	memcpy(value, line, len);
	value[len] = '\0';
	return true;
}

static size_t
keep_header(char *line, size_t size, size_t count, void *arg)
{
	struct slot *slot = arg;
	char date[64];

	(void)take_header(line, size * count, "Server:", slot->server,
	    sizeof(slot->server));
	if (take_header(line, size * count, "Date:", date, sizeof(date)))
		(void)text_parse_http_date(date, &slot->date_ms);
	return size * count;
}

/* What stays the same from one request of a slot to the next. */
static int
open_slot(struct post *post, struct slot *slot)
{
	const struct curl_api *curl = &post->curl;

	if ((slot->easy = curl->easy_init()) == NULL) {
		buf_puts(post->why, "out of memory");
		return -1;
	}
	curl->easy_setopt(slot->easy, CURLOPT_PRIVATE, slot);
	curl->easy_setopt(slot->easy, CURLOPT_NOSIGNAL, 1L);
	curl->easy_setopt(slot->easy, CURLOPT_PROXY, "");
	/* Over HTTP/2 no header as large as a large lead's token can be sent. */
	curl->easy_setopt(slot->easy, CURLOPT_HTTP_VERSION,
	    (long)CURL_HTTP_VERSION_1_1);
	curl->easy_setopt(slot->easy, CURLOPT_SSLVERSION,
	    (long)CURL_SSLVERSION_TLSv1_2);
	curl->easy_setopt(slot->easy, CURLOPT_USERAGENT,
	    "leadrelay/" PACKAGE_VERSION);
	curl->easy_setopt(slot->easy, CURLOPT_CONNECTTIMEOUT_MS,
	    CONNECT_TIMEOUT_MS);
	curl->easy_setopt(slot->easy, CURLOPT_TIMEOUT_MS, TIMEOUT_MS);
	curl->easy_setopt(slot->easy, CURLOPT_ERRORBUFFER, slot->error);
	curl->easy_setopt(slot->easy, CURLOPT_HEADERFUNCTION, keep_header);
	curl->easy_setopt(slot->easy, CURLOPT_HEADERDATA, slot);
	curl->easy_setopt(slot->easy, CURLOPT_WRITEFUNCTION, keep_answer);
	curl->easy_setopt(slot->easy, CURLOPT_WRITEDATA, slot);
	return 0;
}

static struct curl_slist *
link_headers(struct slot *slot)
{
	static char content_type[] = "Content-Type: application/json";
	static char no_expect[] = "Expect:";

	slot->headers[0] = (struct curl_slist){ content_type, &slot->headers[1] };
	slot->headers[1] = (struct curl_slist){ no_expect, NULL };
	if (slot->request.authorization.len > 0) {
		slot->headers[1].next = &slot->headers[2];
		slot->headers[2].data = slot->request.authorization.data;
		slot->headers[2].next = NULL;
	}
	return slot->headers;
}

/* An empty request again; the memory of its parts is kept. */
static void
reset_slot(struct slot *slot)
{
	struct post_request *request = &slot->request;

	buf_reset(&request->body);
	buf_reset(&request->authorization);
	buf_reset(&request->url);
	request->get = false;
	request->from = NULL;
	buf_reset(&slot->answer);
	slot->error[0] = slot->server[0] = '\0';
	slot->date_ms = 0;
}

/* What differs from one request to the next. */
static void
set_request(struct post *post, struct slot *slot)
{
	const struct curl_api *curl = &post->curl;
	struct post_request *request = &slot->request;

	curl->easy_setopt(slot->easy, CURLOPT_URL, request->url.len > 0 ?
	    request->url.data : post->batch->url);
	curl->easy_setopt(slot->easy, CURLOPT_INTERFACE, request->from);
	curl->easy_setopt(slot->easy, CURLOPT_HTTPHEADER, link_headers(slot));
	if (request->get) {
		curl->easy_setopt(slot->easy, CURLOPT_HTTPGET, 1L);
		return;
	}
	curl->easy_setopt(slot->easy, CURLOPT_POST, 1L);
	curl->easy_setopt(slot->easy, CURLOPT_POSTFIELDS,
	    request->body.data != NULL ? request->body.data : "");
	curl->easy_setopt(slot->easy, CURLOPT_POSTFIELDSIZE_LARGE,
	    (curl_off_t)request->body.len);
}

/* Send the next one from ${slot}. */
static int
start(struct post *post, struct slot *slot)
{
	struct post_request *request = &slot->request;

	reset_slot(slot);
	slot->index = post->next;
	if (post->batch->make(post->batch->arg, slot->index, request) == -1)
		return -1;
	if (!buf_ok(&request->body) || !buf_ok(&request->authorization) ||
	    !buf_ok(&request->url)) {
		buf_puts(post->why, "out of memory");
		return -1;
	}
	set_request(post, slot);
	if (post->curl.multi_add_handle(post->multi, slot->easy) != CURLM_OK) {
		buf_puts(post->why, "libcurl takes no further request");
		return -1;
	}
	slot->busy = true;
	post->next++;
	post->under_way++;
	return 0;
}

static void
finish(struct post *post, struct slot *slot, CURLcode code)
{
	const struct curl_api *curl = &post->curl;
	struct post_answer answer = { .body = &slot->answer,
	    .server = slot->server, .date_ms = slot->date_ms };
	curl_off_t took_us = 0;
	long status = 0;

	curl->easy_getinfo(slot->easy, CURLINFO_TOTAL_TIME_T, &took_us);
	if (code == CURLE_OK)
		curl->easy_getinfo(slot->easy, CURLINFO_RESPONSE_CODE, &status);
	else
		answer.error = slot->error[0] != '\0' ? slot->error :
		    curl->easy_strerror(code);
	answer.status = (int)status;
	answer.took_us = took_us;
	curl->multi_remove_handle(post->multi, slot->easy);
	slot->busy = false;
	post->under_way--;
	post->batch->answered(post->batch->arg, slot->index, &answer);
}

static void
finish_done(struct post *post)
{
	CURLMsg *message;
	int left;

	while ((message = post->curl.multi_info_read(post->multi,
	    &left)) != NULL) {
		CURLcode code = message->data.result;
		char *slot = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		post->curl.easy_getinfo(message->easy_handle, CURLINFO_PRIVATE,
		    &slot);
		finish(post, (struct slot *)(void *)slot, code);
	}
}

static int
start_more(struct post *post)
{
	for (size_t i = 0; i < post->slot_count &&
	    post->next < post->batch->count; i++)
		if (!post->slots[i].busy &&
		    start(post, &post->slots[i]) == -1)
			return -1;
	return 0;
}

static int
run(struct post *post)
{
	const struct curl_api *curl = &post->curl;
	int running;

	for (;;) {
		if (start_more(post) == -1)
			return -1;
		if (post->under_way == 0)
			return 0;
		if (curl->multi_perform(post->multi, &running) != CURLM_OK)
			break;
		finish_done(post);
		if (running > 0 && curl->multi_poll(post->multi, NULL, 0, 1000,
		    NULL) != CURLM_OK)
			break;
	}
	buf_puts(post->why, "libcurl cannot go on");
	return -1;
}

static void
close_slots(struct post *post)
{
	for (size_t i = 0; i < post->slot_count; i++) {
		struct slot *slot = &post->slots[i];

		if (slot->busy)
			post->curl.multi_remove_handle(post->multi, slot->easy);
		if (slot->easy != NULL)
			post->curl.easy_cleanup(slot->easy);
		buf_free(&slot->request.body);
		buf_free(&slot->request.authorization);
		buf_free(&slot->request.url);
		buf_free(&slot->answer);
	}
	free(post->slots);
}

int
post_run(const struct post_batch *batch, struct buf *why)
{
	struct post post = { .batch = batch, .why = why };
	int64_t slots = batch->concurrency < batch->count ?
	    batch->concurrency : batch->count;
	int status = EXIT_SOFTWARE;

	if (curl_api_load(&post.curl, why) == -1)
		return EXIT_UNAVAILABLE;
	post.multi = post.curl.multi_init();
	post.slots = calloc((size_t)slots, sizeof(*post.slots));
	if (post.multi == NULL || post.slots == NULL) {
		buf_puts(why, "out of memory");
		goto out;
	}
	post.slot_count = (size_t)slots;
	for (size_t i = 0; i < post.slot_count; i++)
		if (open_slot(&post, &post.slots[i]) == -1)
			goto out;
	if (run(&post) == 0)
		status = EXIT_DONE;
out:
	close_slots(&post);
	if (post.multi != NULL)
		post.curl.multi_cleanup(post.multi);
	return status;
}
