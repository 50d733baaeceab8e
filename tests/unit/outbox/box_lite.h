/*
 * box_lite: the box's outbox in SQLite's file, and what a test may look at there.
 */
#ifndef LEADRELAY_TESTS_OUTBOX_BOX_LITE_H
#define LEADRELAY_TESTS_OUTBOX_BOX_LITE_H

#include "box.h"

/* Make a place for it and name that in the options; take it away again. */
int box_lite_make(struct box *box);
void box_lite_drop(struct box *box);
/* Fail the test unless everything derived agrees with what it derives from. */
void box_lite_check(const struct box *box);

/* Run ${sql} by another connection and return its one number. */
int64_t box_number(const struct box *box, const char *sql);

#endif
