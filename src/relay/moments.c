/*
 * In the store moments are the wall clock's, in the process the steady clock's: they are
 * shifted when they come in and go out, by one table.
 */
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

/* Move them all by ${by_ms}. */
static void
move(struct destination_state *state, int64_t by_ms)
{
	size_t i;

	for (i = 0; i < COUNT; i++)
		if (*moment(state, i) != 0)
			*moment(state, i) += by_ms;
	if (state->last_request_us != 0)
		state->last_request_us += by_ms * 1000;
}

void
moments_come_in(struct destination_state *state, int64_t believed_ms)
{
	int64_t now = clock_steady_ms(), believed = clock_steady_of(believed_ms);
	size_t i;

	move(state, now - clock_wall_ms());
	/* A reading that is behind, and not believed, takes nothing back. */
	if (believed > now)
		now = believed;
	for (i = 0; i < COUNT; i++)
		if (moments[i].past && *moment(state, i) > now)
			*moment(state, i) = now;
}

void
moments_go_out(struct destination_state *state, int64_t skew_ms)
{
	move(state, skew_ms);
}
