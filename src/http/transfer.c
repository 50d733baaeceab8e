/*
 * One libcurl handle, used again and again.  A status counts only when the head was whole
 * and the request had been on its way; anything less is "no answer", with the reason.
 */
#include "http/transfer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "config/config.h"
#include "http/transport.h"

/*
 * Keep the beginning of the answer.  More than that nobody reads, so the rest
 * is not waited for: the transfer ends, and its status counts.
 */
static size_t
take_body(char *bytes, size_t size, size_t count, void *arg)
{
	struct transfer *tr = arg;
	size_t n = size * count, room = tr->answer_max - tr->answer.len;

	buf_add(&tr->answer, bytes, n < room ? n : room);
	return n <= room ? n : 0;
}

/*
 * The one header field that matters, and the head's end, an empty line: to libcurl
 * a connection that ends before it ends the answer well.  A new status line starts
 * a new answer.
 */
static size_t
take_header(char *bytes, size_t size, size_t count, void *arg)
{
	static const char name[] = "retry-after:";
	struct transfer *tr = arg;
	size_t n = size * count, len;

	if (n >= 5 && strncasecmp(bytes, "HTTP/", 5) == 0) {
		tr->retry_after[0] = '\0';
		tr->head_ended = false;
	} else if (n != 0 && (bytes[0] == '\r' || bytes[0] == '\n')) {
		tr->head_ended = true;
	} else if (n >= sizeof(name) - 1 &&
	    strncasecmp(bytes, name, sizeof(name) - 1) == 0) {
		len = n - (sizeof(name) - 1);
		if (len >= sizeof(tr->retry_after))
			len = 0;			/* junk */
		memcpy(tr->retry_after, bytes + sizeof(name) - 1, len);
		tr->retry_after[len] = '\0';
	}
	return n;
}

/*
 * The request goes out now.  On a kept connection that turns out to be dead libcurl
 * sends it once more of its own accord, which would be past limits and records.
 */
static int
allow_once(void *arg, char *remote, char *local, int remote_port, int local_port)
{
	struct transfer *tr = arg;
	bool again = tr->once && tr->sent;

	(void)remote;
	(void)local;
	(void)remote_port;
	(void)local_port;
	tr->sent = true;
	return again ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

/* As libcurl would, but tell why it failed. */
static curl_socket_t
open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct transfer *tr = arg;
	int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);

	(void)purpose;
	if (fd == -1 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
	    errno == ENOMEM))
		tr->lack = errno;
	return fd != -1 ? fd : CURL_SOCKET_BAD;
}

static CURLcode
set_up(struct transfer *tr, const struct config_destination *config,
    const char *ca_file)
{
	const struct curl_api *curl = tr->curl;
	CURLcode rc;

	if ((rc = transport_setup(curl, tr->easy, config, ca_file)) != CURLE_OK ||
	    (rc = curl->easy_setopt(tr->easy, CURLOPT_PRIVATE, tr)) != CURLE_OK ||
	    (rc = curl->easy_setopt(tr->easy, CURLOPT_ERRORBUFFER, tr->error)) != CURLE_OK ||
	    (rc = curl->easy_setopt(tr->easy, CURLOPT_WRITEFUNCTION, take_body)) != CURLE_OK ||
	    (rc = curl->easy_setopt(tr->easy, CURLOPT_WRITEDATA, tr)) != CURLE_OK ||
	    (rc = curl->easy_setopt(tr->easy, CURLOPT_HEADERFUNCTION, take_header)) != CURLE_OK ||
	    (rc = curl->easy_setopt(tr->easy, CURLOPT_HEADERDATA, tr)) != CURLE_OK ||
	    (rc = curl->easy_setopt(tr->easy, CURLOPT_PREREQFUNCTION, allow_once)) != CURLE_OK ||
	    (rc = curl->easy_setopt(tr->easy, CURLOPT_PREREQDATA, tr)) != CURLE_OK ||
	    (rc = curl->easy_setopt(tr->easy, CURLOPT_OPENSOCKETFUNCTION, open_socket)) != CURLE_OK ||
	    (rc = curl->easy_setopt(tr->easy, CURLOPT_OPENSOCKETDATA, tr)) != CURLE_OK)
		return rc;
	return curl->easy_setopt(tr->easy, CURLOPT_POST, 1L);
}

int
transfer_init(struct transfer *tr, const struct http_client *http,
    const struct config_destination *config, size_t answer_max)
{
	CURLcode rc = CURLE_OUT_OF_MEMORY;

	tr->curl = &http->curl;
	tr->answer_max = answer_max;
	if ((tr->easy = tr->curl->easy_init()) != NULL &&
	    (rc = set_up(tr, config, http->ca_file)) == CURLE_OK)
		return 0;
	log_err("%s: libcurl: %s", config->name, tr->curl->easy_strerror(rc));
	transfer_destroy(tr);
	tr->easy = NULL;
	return -1;
}

void
transfer_destroy(struct transfer *tr)
{
	if (tr->easy != NULL)
		tr->curl->easy_cleanup(tr->easy);
	free(tr->lines);
	buf_free(&tr->answer);
}

/* String the headers together, without the "Expect" libcurl would add. */
static bool
string_headers(struct transfer *tr, const struct transfer_request *rq)
{
	static char no_expect[] = "Expect:";
	struct curl_slist *lines;
	size_t i, count = rq->header_count + 1;

	if (count > tr->line_cap) {
		if ((lines = realloc(tr->lines, count * sizeof(*lines))) == NULL)
			return false;
		tr->lines = lines;
		tr->line_cap = count;
	}
	for (i = 0; i < count; i++) {
		/* libcurl only reads them. */
		tr->lines[i].data = i < rq->header_count ?
		    (char *)(uintptr_t)rq->headers[i] : no_expect;
		tr->lines[i].next = i + 1 < count ? &tr->lines[i + 1] : NULL;
	}
	return true;
}

CURLcode
transfer_start(struct transfer *tr, CURLM *multi, const struct transfer_request *rq)
{
	const struct curl_api *curl = tr->curl;
	CURLcode rc;

	buf_reset(&tr->answer);
	tr->retry_after[0] = '\0';
	tr->error[0] = '\0';
	tr->head_ended = false;
	tr->sent = false;
	tr->lack = 0;
	tr->started_ms = clock_wall_ms();
	tr->started_mono_ms = clock_mono_ms();
	if (!string_headers(tr, rq))
		return CURLE_OUT_OF_MEMORY;
	if ((rc = curl->easy_setopt(tr->easy, CURLOPT_URL, rq->url)) != CURLE_OK ||
	    (rc = curl->easy_setopt(tr->easy, CURLOPT_CUSTOMREQUEST,
	    strcmp(rq->method, "POST") != 0 ? rq->method : NULL)) != CURLE_OK ||
	    (rc = curl->easy_setopt(tr->easy, CURLOPT_POSTFIELDS, rq->body)) != CURLE_OK ||
	    (rc = curl->easy_setopt(tr->easy, CURLOPT_POSTFIELDSIZE_LARGE,
	    (curl_off_t)rq->body_len)) != CURLE_OK ||
	    (rc = curl->easy_setopt(tr->easy, CURLOPT_HTTPHEADER, tr->lines)) != CURLE_OK ||
	    /* Only where HTTP/2 may be spoken is it worth waiting for a connection. */
	    (rc = curl->easy_setopt(tr->easy, CURLOPT_PIPEWAIT,
	    strncasecmp(rq->url, "https:", 6) == 0 ? 1L : 0L)) != CURLE_OK)
		return rc;
	if (curl->multi_add_handle(multi, tr->easy) != CURLM_OK)
		return CURLE_OUT_OF_MEMORY;
	tr->under_way = true;
	return CURLE_OK;
}

void
transfer_cancel(struct transfer *tr, CURLM *multi)
{
	if (tr->under_way)
		(void)tr->curl->multi_remove_handle(multi, tr->easy);
	tr->under_way = false;
}

void
transfer_reset(struct transfer *tr)
{
	if (tr->answer.cap > TRANSFER_ANSWER_MAX)
		buf_free(&tr->answer);
}

/* There was no whole answer, because of ${code}: say so, and how far it came. */
static void
describe(struct transfer *tr, CURLcode code, long status)
{
	char said[CURL_ERROR_SIZE];

	(void)snprintf(said, sizeof(said), "%s", tr->error[0] != '\0' ? tr->error :
	    code != CURLE_OK ? tr->curl->easy_strerror(code) : "its head has no end");
	if (status >= 200)
		(void)snprintf(tr->error, sizeof(tr->error),
		    "the answer broke off after status %ld: %.200s", status, said);
	else
		(void)snprintf(tr->error, sizeof(tr->error), "%s", said);
}

void
transfer_finish(struct transfer *tr, CURLM *multi, CURLcode code)
{
	const struct curl_api *curl = tr->curl;
	struct transfer_end *end = &tr->end;
	curl_off_t until_sending = 0;
	long status = 0;

	if (tr->under_way) {
		(void)curl->easy_getinfo(tr->easy, CURLINFO_RESPONSE_CODE, &status);
		(void)curl->easy_getinfo(tr->easy, CURLINFO_PRETRANSFER_TIME_T,
		    &until_sending);
	}
	transfer_cancel(tr, multi);
	memset(end, 0, sizeof(*end));
	end->took_ms = clock_mono_ms() - tr->started_mono_ms;
	end->sending = until_sending > 0;
	end->stale = tr->sent && code == CURLE_ABORTED_BY_CALLBACK;
	end->lack = code != CURLE_OK ? tr->lack : 0;
	/*
	 * Half an answer is none: who broke it off may have dropped the lead, too.  A
	 * write error is our own doing: enough had been read.
	 */
	if (end->sending && status >= 200 && tr->head_ended &&
	    (code == CURLE_OK || code == CURLE_WRITE_ERROR)) {
		end->status = (int)status;
		return;
	}
	end->code = (int)code;
	describe(tr, code, status);
	end->error = tr->error;
}
