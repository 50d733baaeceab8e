/*
 * uuid7: the state that makes ids rise is each thread's own.
 */
#include "base/uuid7.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

/*
 * The time, then 74 random bits.  Ids of one thread in one millisecond rise: the
 * last id is kept and its low random half counted up.  Threads do not order
 * their ids against each other; the outbox, which promises order, makes its ids
 * on one thread.
 */
struct uuid7_state {
	int64_t ms;
	uint16_t high;		/* 12 bits behind the version */
	uint64_t low;		/* 62 bits behind the variant */
};

static const uint64_t LOW_MASK = (UINT64_C(1) << 62) - 1;

/* Fresh random bits, the top one of ${high} clear: room to count up. */
static int
reseed(struct uuid7_state *st)
{
	unsigned char raw[10];

	if (getrandom(raw, sizeof(raw), 0) != (ssize_t)sizeof(raw))
		return -1;
	st->high = (uint16_t)((raw[0] << 8 | raw[1]) & 0x07ff);
	memcpy(&st->low, raw + 2, sizeof(st->low));
	st->low &= LOW_MASK;
	return 0;
}

/* The next value: a random step of 1 to 2^32, so that ids cannot be guessed from one. */
static int
advance(struct uuid7_state *st)
{
	uint32_t step;

	if (getrandom(&step, sizeof(step), 0) != (ssize_t)sizeof(step))
		return -1;
	st->low += (uint64_t)step + 1;
	if (st->low > LOW_MASK) {
		st->low &= LOW_MASK;
		st->high++;
	}
	return 0;
}

int
uuid7_make(int64_t now_ms, char out[UUID7_SIZE])
{
	static _Thread_local struct uuid7_state state;
	uint64_t low;

	if (now_ms > state.ms) {
		if (reseed(&state) == -1)
			return -1;
		state.ms = now_ms;
	} else if (advance(&state) == -1)
		return -1;		/* same millisecond, or the clock went back */
	if (state.high > 0x0fff) {	/* never in practice: counts as the next one */
		state.high = 0;
		state.ms++;
	}
	low = UINT64_C(2) << 62 | state.low;
	(void)snprintf(out, UUID7_SIZE, "%08x-%04x-%04x-%04x-%04x%08x",
	    (uint32_t)(state.ms >> 16), (uint16_t)state.ms, (uint16_t)(0x7000 | state.high),
	    (uint16_t)(low >> 48), (uint16_t)(low >> 32), (uint32_t)low);
	return 0;
}
