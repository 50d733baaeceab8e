/*
 * compact: how long a JSON value is without its blanks.
 */
#ifndef LEADRELAY_LEAD_COMPACT_H
#define LEADRELAY_LEAD_COMPACT_H

#include <stddef.h>

/*
 * The UTF-8 bytes that JavaScript's JSON.stringify(JSON.parse(text)) prints for
 * the ${len} bytes of a value at ${text}, which json_scan let pass as part of a
 * longer text.  Counting ends once the size is over ${enough}.
 */
size_t compact_size(const char *text, size_t len, size_t enough);

#endif
