/*
 * uuid7: event ids, UUID version 7 (RFC 9562 section 5.7), lower case.
 */
#ifndef LEADRELAY_BASE_UUID7_H
#define LEADRELAY_BASE_UUID7_H

#include <stdint.h>

#define UUID7_SIZE 37

/*
 * Write an id for the moment ${now_ms} and a NUL.  Those that one thread makes
 * rise, in one millisecond and when the clock is put back too (RFC 9562 section
 * 6.2, method 2: the 74 random bits are the counter); those of two threads need
 * not.  Any thread.  -1: the system gave no random bytes.
 */
int uuid7_make(int64_t now_ms, char out[UUID7_SIZE]);

#endif
