#include "relay/moments.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "outbox/event.h"

static const struct {
	size_t offset;
	bool past;			/* it has happened */
} moments[] = {
	{ offsetof(struct destination_state, paused_ms), true },
	{ offsetof(struct destination_state, next_probe_ms), false },
	{ offsetof(struct destination_state, not_before_ms), false },
	{ offsetof(struct destination_state, recovered_ms), true },
	{ offsetof(struct destination_state, last_success_ms), true },
};
#define COUNT (sizeof(moments) / sizeof(moments[0]))

static int64_t *
moment(struct destination_state *state, size_t i)
{
	return (int64_t *)(void *)((char *)state + moments[i].offset);
}

/* The one that is finer than a millisecond.  (limit.c bounds it.) */
static int64_t
moved_us(int64_t us, int64_t (*move)(int64_t ms))
{
	return move(us / 1000) * 1000 + us % 1000;
}

void
moments_come_in(struct destination_state *state, int64_t believed_ms)
{
	int64_t now = clock_steady_ms(), believed = clock_steady_of(believed_ms), *at;
	size_t i;

	state->next_request_us = moved_us(state->next_request_us, clock_steady_of);
	/* A reading that is behind, and not believed, takes nothing back. */
	if (believed > now)
		now = believed;
	for (i = 0; i < COUNT; i++) {
		at = moment(state, i);
		*at = clock_steady_of(*at);
		if (moments[i].past && *at > now)
			*at = now;
	}
}

void
moments_go_out(struct destination_state *state, int64_t skew_ms)
{
	size_t i;

	state->next_request_us = moved_us(state->next_request_us, clock_wall_of);
	for (i = 0; i < COUNT; i++)
		if (*moment(state, i) != 0)
			*moment(state, i) += skew_ms;
}
