/*
 * row: a delivery of the outbox as one JSON object, and its "why" in words.
 * Used by list and show.
 */
#ifndef LEADRELAY_CLI_ROW_H
#define LEADRELAY_CLI_ROW_H

#include "base/buf.h"
#include "cli/review.h"
#include "outbox/store.h"

/*
 * Append the members of ${row}.  With ${event} also its event's, and how many
 * attempts were made; without, the caller appends those with their attempts.
 */
void row_members(struct buf *out, const struct store_row *row, bool event);

/* Why the delivery is as it is, and what comes next: "HTTP 503; next try in 12m". */
void row_why(struct buf *out, const struct store_row *row,
    const struct review *review);

/* Why an event was held when it came, by its name in the store, for a person. */
const char *row_hold_words(const char *hold);

#endif
