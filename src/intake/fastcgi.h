/*
 * fastcgi: the FastCGI 1.0 protocol of a responder, over bytes.
 *
 * A reader that is fed whatever arrives, in whatever pieces, and says when a
 * request is whole: the end of its parameters and the end of its standard
 * input have both been seen.  No I/O, no clock; one struct serves one
 * connection and keeps its memory from request to request.
 *
 * libfcgi's own reader is not used.  It blocks its thread until the peer has
 * sent everything, takes parameters cut short by the end of the connection for
 * a request, and can be made to abort by two kinds of record that anybody who
 * reaches the socket can send.  Its constants (fastcgi.h) are used here, and
 * its parameter lists and their lookup (fcgiapp.h) by request.c.
 */
#ifndef LEADRELAY_INTAKE_FASTCGI_H
#define LEADRELAY_INTAKE_FASTCGI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define FASTCGI_PARAMS_MAX (192 * 1024)	/* bytes of parameters kept */
#define FASTCGI_PAIRS_MAX 1024
#define FASTCGI_SMALL_MAX 128		/* content of the records that are read whole */

enum fastcgi_step {
	FASTCGI_MORE,			/* all was taken: feed more */
	FASTCGI_REQUEST,		/* a request is whole; what is left comes after it */
	FASTCGI_CLOSE			/* done or not to be understood: send ${reply}, close */
};

enum fastcgi_phase {
	FASTCGI_IDLE,			/* no request under way */
	FASTCGI_PARAMS,
	FASTCGI_STDIN
};

struct fastcgi {
	/* The request: valid from FASTCGI_REQUEST until fastcgi_next. */
	char **params;			/* "NAME=VALUE" strings, then NULL; never NULL itself then */
	bool params_too_large;		/* beyond a limit above: ${params} is empty */
	struct buf body;		/* the first ${body_keep} bytes of standard input */
	uint64_t body_total;		/* bytes of standard input that came */
	bool keep;			/* the peer wants the connection kept */

	/* To be sent before anything else: answers to management records and refusals. */
	struct buf reply;

	/* The reader's own. */
	enum fastcgi_phase phase;
	size_t body_keep;
	struct buf pairs;		/* parameters as they came; ${params} points into it */
	struct buf list;		/* the memory of ${params} */
	uint16_t id;			/* of the request under way, or the last one; 0: none yet */
	uint8_t head[8];		/* header of the record under way */
	uint8_t head_len;
	uint8_t padding_left;
	uint16_t content_left;
	int sink;			/* where the content goes */
	uint8_t small[FASTCGI_SMALL_MAX];
	size_t small_len;
};

/* Make ready; all zero is ready, too.  At most ${body_keep} bytes of a request's body will be kept. */
void fastcgi_init(struct fastcgi *f, size_t body_keep);

/*
 * Take up to ${len} bytes; *used says how many, fewer than ${len} only when a
 * request is whole or the connection is to be closed.  Not to be called again
 * after FASTCGI_CLOSE, nor after FASTCGI_REQUEST before fastcgi_next.
 */
enum fastcgi_step fastcgi_feed(struct fastcgi *f, const uint8_t *bytes,
    size_t len, size_t *used);

/* Has something of a request, or of a record, come that is not yet whole? */
bool fastcgi_begun(const struct fastcgi *f);

/* Append the request's answer, ${len} bytes of CGI response, as records to ${out}. */
void fastcgi_answer(const struct fastcgi *f, const char *text, size_t len,
    struct buf *out);

/* Forget the request and be ready for the next; memory beyond ${spare} bytes a buffer is given back. */
void fastcgi_next(struct fastcgi *f, size_t spare);

/* Forget everything, as after fastcgi_init: for a new connection. */
void fastcgi_reset(struct fastcgi *f, size_t spare);

/* Empty a buffer; its memory is kept only while it is no more than ${spare} bytes. */
void fastcgi_empty(struct buf *b, size_t spare);

/* Give all memory back; it is all zero then. */
void fastcgi_free(struct fastcgi *f);

#endif
