/*
 * clock: the two clocks, in milliseconds.
 */
#ifndef LEADRELAY_BASE_CLOCK_H
#define LEADRELAY_BASE_CLOCK_H

#include <stdint.h>

/* Wall clock: since 1970 UTC.  For what is stored and shown. */
int64_t clock_wall_ms(void);

/* Monotonic clock.  For pauses and timeouts inside one process. */
int64_t clock_mono_ms(void);

#endif
