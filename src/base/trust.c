/*
 * States: believed (jump_ms is 0); a jump seen, and waiting to be believed: after an hour
 * of boot time, or in three runs far enough apart.
 */
#include "base/trust.h"

#include <stdio.h>
#include <string.h>

struct trust_reading
trust_now(void)
{
	return (struct trust_reading){
		.wall_ms = clock_wall_ms(),
		.boot_ms = clock_boot_ms(),
		.boot = clock_boot_id(),
	};
}

/* The machine was started anew: how long it was off nobody knows. */
static void
start_anew(struct trust *t, const struct trust_reading *r)
{
	(void)snprintf(t->boot, sizeof(t->boot), "%s", r->boot);
	t->boot_ms = -1;
	if (t->jump_ms != 0) {
		t->jump_ms = r->wall_ms;
		t->jump_boot_ms = r->boot_ms;
	}
}

/* Where the clock should be by now, at least. */
static int64_t
expected(const struct trust *t, const struct trust_reading *r)
{
	return t->boot_ms == -1 || r->boot_ms < t->boot_ms ? t->wall_ms :
	    t->wall_ms + (r->boot_ms - t->boot_ms);
}

static bool
is_plausible(const struct trust *t, const struct trust_reading *r)
{
	return r->wall_ms >= t->wall_ms - TRUST_JUMP_MS &&
	    r->wall_ms <= expected(t, r) + TRUST_JUMP_MS;
}

static void
believe(struct trust *t, int64_t wall_ms, int64_t boot_ms)
{
	t->wall_ms = wall_ms;
	t->boot_ms = boot_ms;
}

static void
forget_jump(struct trust *t)
{
	t->jump_ms = t->jump_boot_ms = 0;
	memset(t->runs, 0, sizeof(t->runs));
}

/* Is this the jump that is known, gone on with the machine's uptime? */
static bool
is_same_jump(const struct trust *t, const struct trust_reading *r)
{
	int64_t off = r->wall_ms - t->jump_ms - (r->boot_ms - t->jump_boot_ms);

	return t->jump_ms != 0 && off <= TRUST_JUMP_MS && off >= -TRUST_JUMP_MS;
}

/*
 * A run has met a jump.  With the last one needed, what the first of them read has
 * passed by the word of all.
 */
static void
count_run(struct trust *t, const struct trust_reading *r)
{
	int64_t first = t->runs[0];
	int i;

	if (first == 0 || r->wall_ms < first) {
		memset(t->runs, 0, sizeof(t->runs));
		t->runs[0] = r->wall_ms;
		return;
	}
	for (i = 1; i < TRUST_RUNS - 1 && t->runs[i] != 0; i++)
		continue;
	if (r->wall_ms < t->runs[i - 1] + TRUST_RUN_MS)
		return;
	if (i < TRUST_RUNS - 1) {
		t->runs[i] = r->wall_ms;
		return;
	}
	memmove(t->runs, t->runs + 1, sizeof(t->runs) - sizeof(t->runs[0]));
	t->runs[TRUST_RUNS - 2] = r->wall_ms;
	believe(t, first, r->boot_ms);
}

/* The reading is a jump: has it been met often, or long, enough? */
static void
weigh(struct trust *t, const struct trust_reading *r, bool run)
{
	if (!is_same_jump(t, r)) {
		t->jump_ms = r->wall_ms;
		t->jump_boot_ms = r->boot_ms;
	} else if (r->boot_ms - t->jump_boot_ms >= TRUST_BOOT_MS) {
		believe(t, r->wall_ms, r->boot_ms);
		return;
	}
	if (run)
		count_run(t, r);
}

int64_t
trust_read(struct trust *t, const struct trust_reading *r, bool run,
    enum trust_news *news)
{
	bool known = t->jump_ms != 0;
	int64_t at;

	if (strcmp(t->boot, r->boot) != 0)
		start_anew(t, r);
	if (t->wall_ms != 0 && !is_plausible(t, r))
		weigh(t, r, run);
	if (t->wall_ms == 0 || is_plausible(t, r)) {
		*news = known ? TRUST_BELIEVED : TRUST_SAME;
		forget_jump(t);
		believe(t, r->wall_ms, r->boot_ms);
		return r->wall_ms;
	}
	*news = known ? TRUST_SAME : TRUST_JUMPED;
	at = expected(t, r);
	return at < r->wall_ms ? at : r->wall_ms;
}

bool
trust_differs(const struct trust *t, const struct trust *stored)
{
	int64_t moved = t->wall_ms - stored->wall_ms;

	return moved >= TRUST_STORE_MS || moved < 0 ||
	    t->jump_ms != stored->jump_ms ||
	    memcmp(t->runs, stored->runs, sizeof(t->runs)) != 0 ||
	    strcmp(t->boot, stored->boot) != 0;
}
