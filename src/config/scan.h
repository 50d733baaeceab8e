/*
 * scan: reads a configuration before libConfuse does.
 *
 * libConfuse stops at the first unknown name, and passes over in silence what
 * a configuration must not hold: a section that is never closed, characters
 * outside its alphabet, a string cut short by a NUL, an environment variable
 * that is not set, a section given twice.  Nor has it sections whose title may
 * be left out, or a memory of where they began.
 */
#ifndef LEADRELAY_CONFIG_SCAN_H
#define LEADRELAY_CONFIG_SCAN_H

#include <stddef.h>

#include "base/buf.h"
#include "config/fault.h"

/* What takes the place of an unknown section or key, once it has been reported. */
#define SCAN_UNKNOWN "unknown_name"

/*
 * Report every fault of that kind in the ${len} bytes at ${text}, none of them
 * NUL (${at}: the file), and write to ${out} what libConfuse shall read: the same lines without
 * comments, each section titled "LINE.N:NAME" with the line it begins on, how
 * many began up to it (so that two of one name on one line both come through)
 * and its name (empty when it has none), unknown names replaced by SCAN_UNKNOWN.
 * ${text} may be altered.
 */
void scan_text(char *text, size_t len, struct fault_place at,
    struct buf *out);

#endif
