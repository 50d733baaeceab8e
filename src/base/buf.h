/*
 * buf: a growable run of bytes.
 *
 * A zeroed struct buf is an empty buffer.  ${data} is NUL-terminated whenever
 * it is not NULL; the NUL is not counted in ${len}.  When memory runs out the
 * buffer keeps what it had, sets ${oom} and ignores later appends, so a writer
 * may append freely and ask once, at the end, with buf_ok.
 */
#ifndef LEADRELAY_BASE_BUF_H
#define LEADRELAY_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buf {
	char *data;
	size_t len;
	size_t cap;
	bool oom;
};

/* Append the ${len} bytes at ${bytes}, a string, one byte, an integer, or a printf format. */
void buf_add(struct buf *b, const void *bytes, size_t len);
void buf_puts(struct buf *b, const char *str);
void buf_putc(struct buf *b, char c);
void buf_int(struct buf *b, long long value);
void buf_printf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

/*
 * Append ${len} bytes of UTF-8 as a JSON string, quotes included, escaping what
 * RFC 8259 section 7 demands and nothing else.  Bytes that are not UTF-8 become
 * U+FFFD, so the result is always valid JSON.
 */
void buf_json(struct buf *b, const char *str, size_t len);

/*
 * Append ${len} bytes with all percent-encoded (RFC 3986 section 2.1) but ASCII's
 * letters and digits and those in ${marks}.
 */
void buf_percent(struct buf *b, const char *bytes, size_t len, const char *marks);

/* Make room for ${more} bytes beyond the end; return false when it cannot be had. */
bool buf_reserve(struct buf *b, size_t more);

/* True while nothing that was appended has been lost. */
bool buf_ok(const struct buf *b);

/* What was said, or "out of memory" where nothing could be.  Borrowed. */
const char *buf_phrase(const struct buf *b);

/* The contents as a string the caller frees, or NULL after oom; empties ${b}. */
char *buf_detach(struct buf *b);

/* Forget the contents, keep the memory. */
void buf_reset(struct buf *b);

/* Release the memory; ${b} is an empty buffer again. */
void buf_free(struct buf *b);

#endif
