/*
 * records: builds what a front server sends, record by record.
 */
#ifndef LEADRELAY_TESTS_RECORDS_H
#define LEADRELAY_TESTS_RECORDS_H

#include <fastcgi.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"

static inline void
record(struct buf *out, int type, int id, const void *content, size_t len,
    size_t padding)
{
	const uint8_t head[8] = { FCGI_VERSION_1, (uint8_t)type,
	    (uint8_t)(id >> 8), (uint8_t)id, (uint8_t)(len >> 8), (uint8_t)len,
	    (uint8_t)padding };
	size_t i;

	buf_add(out, head, sizeof(head));
	buf_add(out, content, len);
	for (i = 0; i < padding; i++)
		buf_putc(out, '\0');
}

static inline void
record_begin(struct buf *out, int id, int role, int flags)
{
	const uint8_t body[8] = { 0, (uint8_t)role, (uint8_t)flags };

	record(out, FCGI_BEGIN_REQUEST, id, body, sizeof(body), 0);
}

static inline void
pair_length(struct buf *out, size_t len)
{
	if (len > 127) {
		buf_putc(out, (char)(0x80 | len >> 24));
		buf_putc(out, (char)(len >> 16));
		buf_putc(out, (char)(len >> 8));
	}
	buf_putc(out, (char)len);
}

static inline void
pair(struct buf *out, const char *name, const char *value)
{
	pair_length(out, strlen(name));
	pair_length(out, strlen(value));
	buf_puts(out, name);
	buf_puts(out, value);
}

/* A whole POST to ${path}; ${body} may be NULL. */
static inline void
whole_request(struct buf *out, int id, int flags, const char *path,
    const char *body)
{
	struct buf pairs = { 0 };

	pair(&pairs, "REQUEST_METHOD", "POST");
	pair(&pairs, "REQUEST_URI", path);
	record_begin(out, id, FCGI_RESPONDER, flags);
	record(out, FCGI_PARAMS, id, pairs.data, pairs.len, 3);
	record(out, FCGI_PARAMS, id, NULL, 0, 0);
	if (body != NULL)
		record(out, FCGI_STDIN, id, body, strlen(body), 1);
	record(out, FCGI_STDIN, id, NULL, 0, 0);
	buf_free(&pairs);
}

#endif
