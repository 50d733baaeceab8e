/*
 * utf8: code points as bytes (RFC 3629).
 */
#ifndef LEADRELAY_BASE_UTF8_H
#define LEADRELAY_BASE_UTF8_H

#include <stdint.h>

#define UTF8_MAX 4

/*
 * Write the code point ${c}, at most U+10FFFF, at ${out}, which has room for
 * UTF8_MAX bytes; no NUL is added.  Returns the end of what was written.
 */
char *utf8_put(char *out, uint32_t c);

#endif
