/*
 * clock: the one place where the program asks what time it is, in milliseconds.
 *
 * The wall clock is for what is stored and shown.  It may be set to anything at any
 * moment: nothing inside a process waits for it, and what cannot be undone asks
 * trust.h first.
 */
#ifndef LEADRELAY_BASE_CLOCK_H
#define LEADRELAY_BASE_CLOCK_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

#define CLOCK_BOOT_SIZE 40		/* a UUID and its NUL */

/* Wall clock: since 1970 UTC. */
int64_t clock_wall_ms(void);

/* Monotonic clock.  For pauses and timeouts inside one process. */
int64_t clock_mono_ms(void);

/* Since the machine was started, its sleep included. */
int64_t clock_boot_ms(void);

/*
 * Which start of the machine that was.  Where the system does not say, every
 * process gets a name of its own, as if it were alone after a start.
 */
const char *clock_boot_id(void);

/*
 * The wall clock as it was when this process first asked, going on by the monotonic
 * one: for pauses that begin or end as stored moments.  And from one to the other;
 * 0, "never", stays 0.
 */
int64_t clock_steady_ms(void);
int64_t clock_steady_of(int64_t wall_ms);
int64_t clock_wall_of(int64_t steady_ms);

/* A condition that is waited for by the monotonic clock; and ${ms} from now on it. */
void clock_cond_init(pthread_cond_t *cond);
struct timespec clock_deadline(int64_t ms);

/*
 * For tests: add ${wall_ms} to the wall clock, ${boot_ms} to the time since the
 * start of the machine; and give that start another name (NULL: its own; borrowed).
 */
void clock_pretend(int64_t wall_ms, int64_t boot_ms);
void clock_pretend_boot(const char *id);

#endif
