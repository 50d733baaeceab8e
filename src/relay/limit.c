/*
 * max_rate is a moment (last_us) and an interval; max_per_day a ring of counted spans.
 * Neither reads a clock; both forget moments that cannot have been reckoned.
 */
#include "relay/limit.h"

#include <string.h>

#include "config/config.h"

#define SLACK_US (INT64_C(1000) * LIMIT_SLACK_MS)

void
limit_refit(struct limit *l, const struct config_destination *config)
{
	const struct config_rate *rate = &config->max_rate;

	l->interval_us = rate->count == 0 ? 0 :
	    (rate->period_ms * 1000 + rate->count - 1) / rate->count;
	l->per_day = config->max_per_day;
}

void
limit_init(struct limit *l, const struct config_destination *config)
{
	memset(l, 0, sizeof(*l));
	limit_refit(l, config);
}

void
limit_clear(struct limit *l)
{
	memset(l->spans, 0, sizeof(l->spans));
}

void
limit_note(struct limit *l, int64_t start_ms, int64_t count)
{
	int64_t number = start_ms / LIMIT_SPAN_MS;
	struct limit_span *span;

	if (start_ms < 0)
		return;			/* what is so long ago does not count */
	span = &l->spans[number % LIMIT_SPANS];
	if (span->number > number)
		return;			/* nor what is a round older than another */
	if (span->number != number)
		*span = (struct limit_span){ .number = number };
	span->count += count;
}

/* When the span no longer counts. */
static int64_t
over_ms(const struct limit_span *span)
{
	return (span->number + 1) * LIMIT_SPAN_MS + LIMIT_DAY_MS;
}

static bool
counts(const struct limit_span *span, int64_t now_ms)
{
	return over_ms(span) > now_ms &&
	    over_ms(span) - now_ms <= 2 * LIMIT_DAY_MS;
}

int64_t
limit_today(const struct limit *l, int64_t now_ms)
{
	int64_t sum = 0;
	int i;

	for (i = 0; i < LIMIT_SPANS; i++)
		if (counts(&l->spans[i], now_ms))
			sum += l->spans[i].count;
	return sum;
}

/* The moment the next is due, not counting one that cannot have been reckoned. */
static int64_t
due_us(const struct limit *l, int64_t now_us)
{
	int64_t due = l->last_us + l->interval_us;

	return due < now_us || l->last_us > now_us + SLACK_US ? now_us : due;
}

int64_t
limit_room(const struct limit *l, int64_t now_ms, int64_t max)
{
	int64_t now_us = now_ms * 1000, room = max, due, left;

	if (l->interval_us != 0) {
		due = due_us(l, now_us);
		room = due > now_us + SLACK_US ? 0 :
		    (now_us + SLACK_US - due) / l->interval_us + 1;
	}
	if (l->per_day != 0) {
		left = l->per_day - limit_today(l, now_ms);
		room = left < room ? left : room;
	}
	return room > max ? max : room < 0 ? 0 : room;
}

/* When the day has room again: the oldest spans pass first. */
static int64_t
day_next_ms(const struct limit *l, int64_t now_ms)
{
	int64_t at = now_ms, soonest;
	int i;

	while (limit_today(l, at) >= l->per_day) {
		soonest = INT64_MAX;
		for (i = 0; i < LIMIT_SPANS; i++)
			if (l->spans[i].count != 0 && counts(&l->spans[i], at) &&
			    over_ms(&l->spans[i]) < soonest)
				soonest = over_ms(&l->spans[i]);
		at = soonest;
	}
	return at;
}

int64_t
limit_next_ms(const struct limit *l, int64_t now_ms)
{
	int64_t at = now_ms, due;

	if (l->interval_us != 0) {
		due = due_us(l, now_ms * 1000) - SLACK_US;
		if (due > now_ms * 1000)
			at = (due + 999) / 1000;
	}
	return l->per_day != 0 ? day_next_ms(l, at) : at;
}

void
limit_spend(struct limit *l, int64_t now_ms)
{
	if (l->interval_us != 0)
		l->last_us = due_us(l, now_ms * 1000);
	limit_note(l, now_ms, 1);
}
