/*
 * trust: how far the wall clock is believed where something cannot be undone: when
 * what is old is deleted, and when a lead is given up.
 *
 * A state machine without clock or store: readings go in, the moment that is
 * believed comes out.  A reading is believed when it lies within TRUST_JUMP_MS of
 * where the last one believed says the clock should be by now.  Any other is a
 * jump, forward or back, and is believed once the clock has stood by it for
 * TRUST_BOOT_MS, or when TRUST_RUNS runs have met it, each TRUST_RUN_MS after the
 * one before: so a machine that was really off for a week is, too, but no single
 * reading.  Until then time passes as the machine's own uptime says.
 */
#ifndef LEADRELAY_BASE_TRUST_H
#define LEADRELAY_BASE_TRUST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

#define TRUST_JUMP_MS (INT64_C(3600) * 1000)
#define TRUST_BOOT_MS (INT64_C(3600) * 1000)
#define TRUST_RUN_MS (INT64_C(20) * 60 * 1000)
#define TRUST_RUNS 3
#define TRUST_STORE_MS (INT64_C(10) * 60 * 1000)	/* how far what is stored may lag */

/* What is kept, over restarts too.  Zeroed: nothing is known, the next reading is believed. */
struct trust {
	char boot[CLOCK_BOOT_SIZE];	/* what the two boot times count from */
	int64_t wall_ms, boot_ms;	/* the last reading believed; boot -1: of another start */
	int64_t jump_ms, jump_boot_ms;	/* since when a jump stands; 0: there is none */
	int64_t runs[TRUST_RUNS - 1];	/* what earlier runs read since; 0: none */
};

/* One reading of all clocks. */
struct trust_reading {
	int64_t wall_ms, boot_ms;
	const char *boot;
};

struct trust_reading trust_now(void);

/* What a reading came to: nothing new, a jump began, or what is read is believed again. */
enum trust_news { TRUST_SAME, TRUST_JUMPED, TRUST_BELIEVED };

/*
 * Take a reading in; ${run}: it is the first of a run.  Returns the moment that is
 * believed, never later than the reading.
 */
int64_t trust_read(struct trust *t, const struct trust_reading *r, bool run,
    enum trust_news *news);

/* Is ${stored} so far behind ${t} that it is to be written anew? */
bool trust_differs(const struct trust *t, const struct trust *stored);

#endif
