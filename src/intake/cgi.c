/*
 * One request from the environment and standard input; the body is read to its end, or
 * thrown away, before anything is answered.
 */
#include "intake/cgi.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/exits.h"
#include "base/log.h"
#include "base/text.h"

#define CGI_STALL_MS 30000		/* how long a silent front server is waited for */
#define CGI_DRAIN_MAX (16 * 1024 * 1024) /* a longer body is not even read */

static void
cgi_respond(struct request *rq)
{
	*(bool *)rq->front = true;
}

/* Wait until ${fd} is ready for ${events}. */
static bool
cgi_wait(int fd, short events)
{
	struct pollfd pfd = { .fd = fd, .events = events };
	int n;

	do
		n = poll(&pfd, 1, CGI_STALL_MS);
	while (n == -1 && errno == EINTR);
	return n > 0;
}

/* How many bytes of body to read at most: as announced, or until a chunked one ends. */
static int64_t
cgi_body_length(const struct request *rq)
{
	const char *text = request_param(rq, "CONTENT_LENGTH");
	int64_t length;

	if (text != NULL && *text != '\0')
		return text_parse_int(text, 0, CGI_DRAIN_MAX, &length) == 0 ?
		    length : 0;
	return request_param(rq, "HTTP_TRANSFER_ENCODING") != NULL ?
	    CGI_DRAIN_MAX : 0;
}

/*
 * Read the body, keeping the first ${keep} bytes.  What is not kept is read all
 * the same: a front server whose pipe breaks may drop the answer.
 */
static void
cgi_read_body(struct request *rq, size_t keep, struct buf *body)
{
	char chunk[16384];
	int64_t left = cgi_body_length(rq);
	ssize_t n;

	while (left > 0 && cgi_wait(STDIN_FILENO, POLLIN)) {
		n = read(STDIN_FILENO, chunk, left < (int64_t)sizeof(chunk) ?
		    (size_t)left : sizeof(chunk));
		if (n == -1 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			break;
		left -= n;
		rq->body_total += (uint64_t)n;
		buf_add(body, chunk, (size_t)n < keep - body->len ?
		    (size_t)n : keep - body->len);
	}
	rq->body = body->data;
	rq->body_len = body->len;
}

/* Write all of it; -1 when nobody reads. */
static int
cgi_write(const struct buf *out)
{
	size_t at;
	ssize_t n;

	for (at = 0; at < out->len; at += (size_t)n) {
		n = write(STDOUT_FILENO, out->data + at, out->len - at);
		if (n == -1 && (errno == EINTR ||
		    (errno == EAGAIN && cgi_wait(STDOUT_FILENO, POLLOUT))))
			n = 0;
		else if (n == -1) {
			log_warn("cgi: writing the answer: %s", strerror(errno));
			return -1;
		}
	}
	return 0;
}

int
cgi_run(struct receiver *rx, char **environment)
{
	bool answered = false;
	struct request rq = {
		.params = environment,
		.arrived_ms = clock_wall_ms(),
		.arrived_mono_ms = clock_mono_ms(),
		.respond = cgi_respond,
		.front = &answered,
	};
	struct buf body = { 0 }, out = { 0 };
	int status = EXIT_SOFTWARE;

	cgi_read_body(&rq, atomic_load(&rx->snapshot.body_keep), &body);
	receive_start(rx, &rq);
	if (answered) {
		answer_print(&rq.answer, request_is_head(&rq), &out);
		if (buf_ok(&out))
			status = cgi_write(&out) == 0 ? EXIT_DONE : EXIT_IOERR;
	}
	buf_free(&rq.answer.body);
	buf_free(&body);
	buf_free(&out);
	return status;
}
