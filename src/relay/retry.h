/*
 * retry: when again, and when no more.  Pure functions; all times are
 * milliseconds, moments since 1970 UTC.
 */
#ifndef LEADRELAY_RELAY_RETRY_H
#define LEADRELAY_RELAY_RETRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The pause after the ${made}th attempt (1 the first): ${list}[made - 1], the
 * last one repeating.  0 for an empty list.
 */
int64_t retry_pause(const int64_t *list, size_t count, int64_t made);

/* ${pause_ms} lengthened by up to a fifth; ${random} is any 32 random bits. */
int64_t retry_jitter(int64_t pause_ms, uint32_t random);

/*
 * What a Retry-After value (RFC 9110 section 10.2.3: seconds, or a date in any
 * of HTTP's three forms) asks for, from ${now_ms}, at most
 * CONFIG_RETRY_AFTER_MAX_MS.  0: nothing usable (junk, zero, the past).
 */
int64_t retry_after(const char *value, int64_t now_ms);

/*
 * Has a lead whose attempt failed at ${now_ms} had its time?  It is counted from
 * its first attempt, or from the destination's last recovery when that is later,
 * so that an outage uses up nobody's time.
 */
bool retry_given_up(int64_t first_attempt_ms, int64_t recovered_ms,
    int64_t retry_for_ms, int64_t now_ms);

#endif
