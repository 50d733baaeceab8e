/*
 * review: the outbox as a whole, and what in it needs a person.  One judgement
 * for stats and check.
 */
#ifndef LEADRELAY_CLI_REVIEW_H
#define LEADRELAY_CLI_REVIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "outbox/need.h"
#include "outbox/outbox.h"

struct config;
struct config_destination;

/* A destination, and what its limits let go. */
struct review_destination {
	struct store_destination_stats stats;		/* strings are owned */
	const struct config_destination *config;	/* NULL: not configured; so all that follows */
	int64_t today;			/* requests in the last 24 hours */
	int64_t until_ms;		/* max_per_day is used up until then; 0: it is not */
};

struct review {
	int64_t now_ms;
	struct store_stats stats;
	struct review_destination *destinations;
	size_t count;
	const struct config *config;
	bool oom;
};

/*
 * Read it all in one transaction.  ${config} is borrowed.  -1: ${fault}, and
 * nothing is left to free.
 */
int review_take(struct outbox *ob, const struct config *config,
    int64_t now_ms, struct review *review, struct store_fault *fault);
void review_free(struct review *review);

/* Deliveries that wait or are being sent, and when the oldest of them came (0: none). */
int64_t review_total(const struct review *review);
int64_t review_oldest(const struct review *review);

/* Is deliveries' destination ${name} paused? */
bool review_paused(const struct review *review, const char *name);

/* Something that needs a person. */
struct review_need {
	enum need_kind kind;
	const struct store_destination_stats *destination;	/* NULL: the outbox as a whole */
	int64_t level;			/* how much of it there is */
	int64_t since_ms;		/* 0: not known */
	size_t round;			/* the next place to look at */
};

/* Go on from ${need}, zeroed at first, to the next one; false: there is no further one. */
bool review_next(const struct review *review, struct review_need *need);

/* Is there any? */
bool review_needs_person(const struct review *review);

/* Append what it is, in one sentence, and what to type, a line each, indented. */
void review_explain(const struct review *review, const struct review_need *need,
    struct buf *out);

#endif
