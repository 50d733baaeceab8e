/*
 * sink: a small HTTP/1.1 server for tests and measurements: one thread, one
 * epoll set, a callback that decides what becomes of each request.
 */
#ifndef LEADRELAY_TESTS_SINK_H
#define LEADRELAY_TESTS_SINK_H

#include <stdbool.h>
#include <stddef.h>

struct sink;

struct sink_request {
	const char *head;		/* request line and headers, NUL-terminated */
	const char *body;
	size_t body_len;
};

enum sink_act {
	SINK_ANSWER,
	SINK_HANG,			/* answer only after sink_release */
	SINK_CLOSE,			/* hang up without a word */
	SINK_CUT			/* hang up in the middle of the body */
};

struct sink_reply {
	enum sink_act act;
	int status;
	const char *headers;		/* "Name: value\r\n"…, or NULL; a constant */
	const char *body;		/* a constant, or NULL */
	size_t body_len;		/* of a body of 'x's, when body is NULL */
};

/* Called on the sink's thread. */
typedef void sink_handler(void *arg, const struct sink_request *request,
    struct sink_reply *reply);

/*
 * Bind a free port of 127.0.0.1 and, ${listening}, take connections; otherwise
 * they are refused until sink_listen.  NULL: it cannot be.
 */
struct sink *sink_start(sink_handler *handler, void *arg, bool listening);
int sink_port(const struct sink *s);
int sink_listen(struct sink *s);
void sink_release(struct sink *s);
void sink_stop(struct sink *s);

#endif
