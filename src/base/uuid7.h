/*
 * uuid7: event ids, UUID version 7 (RFC 9562 section 5.7), lower case.
 */
#ifndef LEADRELAY_BASE_UUID7_H
#define LEADRELAY_BASE_UUID7_H

#include <stdbool.h>
#include <stdint.h>

#define UUID7_SIZE 37

/*
 * Write an id for the moment ${now_ms} and a NUL.  Ids made by one process in
 * one millisecond rise (RFC 9562 section 6.2, method 3: the 74 random bits are
 * the counter).  Any thread.  -1: the system gave no random bytes.
 */
int uuid7_make(int64_t now_ms, char out[UUID7_SIZE]);

/* True for 36 characters that are a UUID in its text form, any version or case. */
bool uuid7_valid(const char *str);

#endif
