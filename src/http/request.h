/*
 * request: what a destination gets for a delivery, to the byte.
 *
 * Built without network or store, so that what `try` prints and what is sent
 * cannot differ.
 */
#ifndef LEADRELAY_HTTP_REQUEST_H
#define LEADRELAY_HTTP_REQUEST_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct config_destination;
struct credentials;
struct delivery_claim;
struct secret_list;

/* What a request is made from; all of it borrowed. */
struct http_request_source {
	const struct config_destination *config;
	const struct credentials *credentials;
	const struct secret_list *signing;	/* empty: it is not signed */
	const struct delivery_claim *claim;
	const char *transformed;		/* body = transform: what the program made */
	size_t transformed_len;
	int64_t now_ms;				/* the signature's time */
};

/*
 * Strings are borrowed from the source, or from the buffers below, and good
 * until one of them changes.  A zeroed struct is empty and may be built again
 * and again: its memory is kept.
 */
struct http_request {
	const char *method;
	const char *url;
	const char **headers;		/* "Name: value" */
	size_t header_count;
	size_t header_cap;
	size_t secret_first;		/* of the headers, those that are credentials */
	size_t secret_count;
	const char *body;
	size_t body_len;
	int64_t digest;			/* of the body, never 0 */
	int key_number;			/* N of the idempotency key */
	struct buf text;		/* the header lines of our own */
	struct buf form;		/* format = form: the body */
	struct buf place;		/* the URL, where it has placeholders */
};

/*
 * Build the request.  0, or -1 with a phrase in ${why}: this lead cannot be put
 * into the destination's form.
 *
 * In the URL {id} is the event's id, {lead_id} the lead's, and {lead_uuid} the
 * UUIDv5 of "SOURCE/LEAD_ID" in leadrelay's namespace, all percent-encoded.
 * The key's number rises when a person said "again" and the body is another one
 * than was sent last.
 */
int http_request_build(struct http_request *rq, const struct http_request_source *from,
    struct buf *why);

void http_request_free(struct http_request *rq);

#endif
