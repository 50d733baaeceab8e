/*
 * moments: a destination's stored moments on their way into the relay and out.
 *
 * Stored are wall clock readings; the relay lives by the steady clock (clock.h).  On
 * their way in they are bounded: what has happened is not yet to come.  (Until when
 * a pause lasts at most, destination.c knows.)
 */
#ifndef LEADRELAY_RELAY_MOMENTS_H
#define LEADRELAY_RELAY_MOMENTS_H

#include <stdint.h>

struct destination_state;

/* ${believed_ms}: the last reading of the wall clock that was believed. */
void moments_come_in(struct destination_state *state, int64_t believed_ms);
/* ${skew_ms}: of the wall clock from the steady one. */
void moments_go_out(struct destination_state *state, int64_t skew_ms);

#endif
