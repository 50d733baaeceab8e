/*
 * utf8: code points as bytes (RFC 3629).
 */
#ifndef LEADRELAY_BASE_UTF8_H
#define LEADRELAY_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

#define UTF8_MAX 4

/*
 * Write the code point ${c}, at most U+10FFFF, at ${out}, which has room for
 * UTF8_MAX bytes; no NUL is added.  Returns the end of what was written.
 */
char *utf8_put(char *out, uint32_t c);

/*
 * The bytes of the character at the beginning of the ${len} (not 0) at ${bytes}, and
 * in *c its code point; 0 when it is none: cut, overlong, a surrogate, past U+10FFFF.
 */
size_t utf8_get(const char *bytes, size_t len, uint32_t *c);

/* How many characters there are in the ${len} bytes of UTF-8 at ${bytes}. */
size_t utf8_count(const char *bytes, size_t len);

#endif
