/*
 * limit: how many requests a destination may get: max_rate and max_per_day.
 *
 * Without clock or store: the caller says what time it is.  First sends,
 * retries, probes and replays all count.
 *
 * max_rate spaces requests evenly, so that no stretch of its length, wherever
 * it begins, sees more than the destination allows; a request that was late may
 * be made up for within LIMIT_SLACK_MS.  max_per_day is a window of 24 hours
 * that slides in spans of LIMIT_SPAN_MS, the whole of a span counting until its
 * end is a day past.
 *
 * The clock given here is a steady one (clock.h).  A moment further ahead than can
 * have been reckoned is ignored all the same.
 */
#ifndef LEADRELAY_RELAY_LIMIT_H
#define LEADRELAY_RELAY_LIMIT_H

#include <stdint.h>

#include "outbox/store.h"

#define LIMIT_SLACK_MS 20
#define LIMIT_DAY_MS (INT64_C(24) * 3600 * 1000)
#define LIMIT_SPAN_MS STORE_SPAN_MS
#define LIMIT_SPANS ((int)(LIMIT_DAY_MS / LIMIT_SPAN_MS) + 2)

struct config_destination;

struct limit {
	int64_t interval_us;		/* between two requests; 0: no max_rate */
	int64_t last_us;		/* when the last one was due, evenly spaced */
	int64_t per_day;		/* 0: no max_per_day */
	struct limit_span {
		int64_t number;		/* of the span since 1970 */
		int64_t count;
	} spans[LIMIT_SPANS];		/* span n at n % LIMIT_SPANS */
};

void limit_init(struct limit *l, const struct config_destination *config);

/* From now on ${config} holds; what was sent so far counts. */
void limit_refit(struct limit *l, const struct config_destination *config);

/* Forget the day's requests, to be told of them anew. */
void limit_clear(struct limit *l);

/* ${count} requests were made in the span that ${start_ms} lies in. */
void limit_note(struct limit *l, int64_t start_ms, int64_t count);

/* How many requests may go out at ${now_ms}, counted up to ${max}. */
int64_t limit_room(const struct limit *l, int64_t now_ms, int64_t max);

/* When the next may go out: ${now_ms} or later. */
int64_t limit_next_ms(const struct limit *l, int64_t now_ms);

/* One goes out. */
void limit_spend(struct limit *l, int64_t now_ms);

/* Requests in the 24 hours before ${now_ms}. */
int64_t limit_today(const struct limit *l, int64_t now_ms);

#endif
