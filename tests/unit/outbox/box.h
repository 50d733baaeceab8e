/*
 * box: an outbox of its own, and short words for what tests do to it.
 *
 * test_store_*.c speak to the interface alone, and run for every store there is
 * (box_run); one more is a line in box.c's table.  In other tests a box is the first
 * store of that table, SQLite's: box_lite.h.
 */
#ifndef LEADRELAY_TESTS_OUTBOX_BOX_H
#define LEADRELAY_TESTS_OUTBOX_BOX_H

#include "unit.h"

#include <setjmp.h>
#include <stdbool.h>

#include "outbox/store_ops.h"

#define BOX_NOW 1700000000000	/* the moment at which tests begin */
#define BOX_HOUR 3600000

struct box {
	char folder[64];		/* where it has one */
	char path[96];
	struct store *store;
	struct store_fault fault;	/* of the last box_open that failed */
	struct store_destination destinations[4];
	size_t destination_count;
	struct event_out out;		/* of the last box_accept */
	struct store_options options;
	jmp_buf *on_fault;		/* where to go when the store fails; NULL: the test fails */
};

/* Run a group of tests once for each store.  How many failed. */
int box_run(const struct CMUnitTest *tests, size_t count);

/* cmocka's setup and teardown: one destination, "crm". */
int box_setup(void **state);
int box_teardown(void **state);

/* Open (again) with the options and destinations of ${box}; false: box->fault. */
bool box_open(struct box *box);
void box_close(struct box *box);

/*
 * Of what is tried at each of many moments, every which: all of them at length
 * (tests/run --long), a slice otherwise, a thin one where each costs more.
 */
int box_stride(void);

/* Begin, run, commit one thing; they fail the test unless it works. */
void box_begin(struct box *box);
void box_commit(struct box *box);

/*
 * Accept {lead, name "lead.updated", data digest of ${data}} at ${now_ms}.  The
 * variables behind box_in may be changed for one that is more special.
 */
struct event_in box_in(const char *lead, const char *data, int64_t now_ms);
enum event_fate box_accept(struct box *box, const struct event_in *in);
/* The same in short; returns the id, which lives until the next call. */
const char *box_put(struct box *box, const char *lead, const char *data,
    int64_t now_ms);

/*
 * Be the relay: take the lock and find what the last one left.  An open box is it
 * already, unless another has the lock.
 */
struct store_recovery box_recover(struct box *box, int64_t now_ms);

/* Claim up to ${max} of destination ${index} and begin them; returns how many. */
size_t box_claim(struct box *box, size_t index, int64_t now_ms, size_t max,
    struct delivery_claim *claims);
/* The same without beginning them. */
size_t box_take(struct box *box, size_t index, int64_t now_ms, size_t max,
    struct delivery_claim *claims);
/* Settle one, and let go of it. */
void box_settle(struct box *box, const struct delivery_claim *claim,
    enum delivery_state state, int64_t due_ms, int64_t now_ms);
void box_settle_with(struct box *box, const struct delivery_outcome *outcome,
    int64_t now_ms);
/* Claim the one that is due and settle it; returns the id, "" when none was due. */
const char *box_send(struct box *box, size_t index,
    enum delivery_state state, int64_t due_ms, int64_t now_ms);

struct store_act_out box_act(struct box *box, enum store_action action,
    const char *id, bool force, int64_t now_ms);
struct store_stats box_stats(struct box *box);
/* Counts of destination ${index}. */
struct store_destination_stats box_counts(struct box *box, size_t index);
/* The state of ${id} at destination ${index} (or of the held event), -1: none. */
int box_state(struct box *box, const char *id, size_t index);

/* What there is, in all, by list and show; for a few events. */
struct box_total {
	int events;
	int leads;
	int attempts;
	int counted;			/* attempts that were not free of charge */
	char ids[64][UUID7_SIZE];
	char keys[64][40];		/* of the leads, whatever their source */
};
struct box_total box_total(struct box *box);

/* One event, as show has it. */
struct box_event {
	int64_t closed_ms;
	char state[16];
	char violations[40];		/* "": none */
};
struct box_event box_show(struct box *box, const char *id);

/* Fail the test unless everything derived agrees with what it derives from. */
void box_check(const struct box *box);

#endif
