/*
 * uuid5: UUIDs made from names (RFC 9562, section 5.5).
 */
#ifndef LEADRELAY_BASE_UUID5_H
#define LEADRELAY_BASE_UUID5_H

#include <stddef.h>

#define UUID5_SIZE 37
#define UUID5_NAMESPACE_SIZE 16

/*
 * leadrelay's own namespace, 6eedafe2-3311-46d3-b04d-b423eb49fcb7, fixed for ever: records that
 * receivers keep under such a UUID must be found again by every later version.
 */
extern const unsigned char uuid5_leadrelay[UUID5_NAMESPACE_SIZE];

/* The UUID in ${space} of the ${len} bytes at ${name}, in lower case.  0, or -1 when libcrypto
 * fails or memory is out. */
int uuid5_make(const unsigned char space[UUID5_NAMESPACE_SIZE],
    const void *name, size_t len, char out[UUID5_SIZE]);

#endif
