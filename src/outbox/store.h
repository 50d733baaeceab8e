/*
 * store: what can be done in a transaction of the outbox.
 *
 * One struct store is one connection, used by one thread at a time.  Every
 * call here runs between begin and commit, of which outbox.h knows two kinds: a
 * job, and what stands between outbox_begin and outbox_end.  None waits for other
 * processes beyond the transaction's deadline, ${until_mono_ms}.  On failure a
 * call returns -1 and has filled ${fault}; the transaction is then only good for
 * rollback.  Output structs are filled without being looked at, so whoever lets a
 * call run a second time frees what the first run put there.  What a back end
 * owes beside these is in store_ops.h; nothing outside its own folder speaks its
 * query language.
 *
 * Moments are readings of a wall clock that may have been set to anything since.
 * What each is when it is read as yet to come, or as long ago:
 *
 *	due of a delivery	counts only where it was told to wait, and then up
 *				to the destination's longest pause: beyond, it is due
 *	first_attempt, first_failure
 *				yet to come: made now (claim)
 *	taken, started, settled	shown; settled counts up to now (delivered_since)
 *	received of an event	yet to come: within duplicate_window; waits too long
 *				(need.c); never ahead of what came before it
 *	closed of an event	lifetimes go by a moment that is believed, and begin no
 *				earlier than the last such (trust.h); expire
 *	requests		yet to come: made when first met (expire)
 *	paused, recovered, last_success of a destination
 *				yet to come: now (relay/moments.h)
 *	next_probe, not_before	further off than they can be: over (relay/destination.c)
 *	told of an alert	yet to come: long ago (alert.h)
 *	sign of life		yet to come: long ago (need.h)
 */
#ifndef LEADRELAY_OUTBOX_STORE_H
#define LEADRELAY_OUTBOX_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/trust.h"
#include "outbox/event.h"

enum store_fault_kind {
	STORE_FAULT_NONE,
	STORE_FAULT_ABSENT,		/* there is no store yet (commands do not create one) */
	STORE_FAULT_CANTCREAT,
	STORE_FAULT_BUSY,		/* somebody else holds it too long */
	STORE_FAULT_FULL,		/* no space */
	STORE_FAULT_IO,			/* unreadable, unwritable, a commit of unknown outcome */
	STORE_FAULT_CORRUPT,		/* damaged, or no outbox at all */
	STORE_FAULT_VERSION,		/* made by a newer leadrelay */
	STORE_FAULT_OLDER,		/* by an older one; it is not ours to bring up to date */
	STORE_FAULT_USER,		/* root, and the configuration names nobody to become */
	STORE_FAULT_MEMORY,
	STORE_FAULT_FENCED		/* another relay has taken over */
};

struct store_fault {
	enum store_fault_kind kind;
	char text[256];			/* for a person; no lead contents */
};

/* Fill ${fault} with what went wrong outside any back end.  Returns -1. */
int store_fail(struct store_fault *fault, enum store_fault_kind kind,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Which deliveries a list, retry, release or discard means.  NULL or 0: any. */
struct store_filter {
	int state;			/* enum delivery_state, or -1 */
	const char *id;			/* event id */
	const char *lead;		/* one for each source that has it */
	const char *source;
	const char *destination;
	int64_t since_ms;
	int64_t limit;			/* rows; 0: all */
};

/* One line of a list: a delivery, or a held event (destination NULL).  Strings live for the callback. */
struct store_row {
	const char *id;
	const char *source;
	const char *lead;
	const char *name;
	const char *destination;
	enum delivery_state state;
	int64_t sequence;
	int64_t received_ms;
	int64_t due_ms;			/* WAITING only */
	int64_t settled_ms;
	int attempts;
	int last_status;
	const char *reason;		/* why it is dead, held or waiting again; or NULL */
	const char *record;
	int key_number;			/* N of the idempotency key used last */
	int64_t body;			/* digest of the body sent last; 0: none was */
	bool blocked;			/* waits for an earlier event of its lead */
};

/* One event as show gives it. */
struct store_event {
	const char *id;
	const char *source;
	const char *lead;
	const char *name;
	const char *state;		/* "accepted", "held" or "discarded" */
	const char *hold;		/* event_hold_name; "" when never held */
	int64_t sequence;
	int64_t received_ms;
	int64_t closed_ms;
	const char *violations;		/* JSON array text, or NULL */
	const char *note;		/* "replaced by ID", or NULL */
	const char *payload;
	size_t payload_len;
};

struct store_attempt {
	const char *destination;
	int number;
	int64_t started_ms;
	int64_t took_ms;		/* -1: not known */
	int status;
	bool counted;
	const char *error;
	const char *answer;
	size_t answer_len;
};

/* Callbacks of show: the event first, then each delivery, each with its attempts. */
struct store_visitor {
	void (*event)(void *arg, const struct store_event *event);
	void (*delivery)(void *arg, const struct store_row *row);
	void (*attempt)(void *arg, const struct store_attempt *attempt);
	void *arg;
};

struct store_destination_stats {
	const char *name;
	bool configured;		/* false: it left the configuration */
	int64_t count[DELIVERY_STATES];
	int64_t oldest_waiting_ms;	/* received_ms of it; 0: none waits */
	struct destination_state state;	/* strings live for the callback */
};

struct store_stats {
	int64_t events_undelivered;	/* with a delivery waiting or sending */
	int64_t events_held;
	int64_t last_received_ms;
	bool relay_alive;		/* somebody holds the relay lock */
	long relay_pid;
	int64_t relay_seen_ms;		/* its last sign of life */
	uint64_t free_bytes;
	uint64_t store_bytes;
};

/* What there are names of. */
enum store_names { STORE_SOURCES, STORE_DESTINATIONS };

enum store_action { STORE_RETRY, STORE_RELEASE, STORE_DISCARD };
/* How, as flags. */
enum {
	STORE_FORCE = 1,		/* even what is superseded */
	STORE_DRY_RUN = 2		/* only say what it would come to; also in a transaction for reading */
};
enum store_act_result {
	STORE_ACT_DONE,
	STORE_ACT_NOT_FOUND,		/* no such id (or destination of it) */
	STORE_ACT_NOTHING,		/* nothing there in a state this applies to */
	STORE_ACT_SUPERSEDED,		/* older than one delivered: unchanged there */
	STORE_ACT_SENDING		/* it, or a newer one, is being sent just now */
};
struct store_act_out {
	enum store_act_result result;
	int changed;			/* deliveries (or the held event) changed; some
					   may be though it is SUPERSEDED at others */
	char other[UUID7_SIZE];		/* SUPERSEDED: by which event */
	char *detail;			/* a phrase ("delivered"), or NULL; the caller frees */
};

/* Requests are counted by spans of this length, beginning at 1970. */
#define STORE_SPAN_MS INT64_C(300000)

/*
 * A walk through the events, oldest first, up to the one that was the newest
 * when it began.  Zeroed: before the first.
 */
struct store_walk {
	int64_t after;			/* the last one looked at */
	int64_t last;			/* the one it ends with */
	bool ended;
};

/* What was told of one thing that may need a person, and when.  Zero: nothing. */
struct store_alert {
	int64_t level;			/* how much of it was told */
	int64_t told_ms;		/* when it last was, as news */
};

/* What a new relay found. */
struct store_recovery {
	int64_t unknown;		/* deliveries begun, of unknown outcome */
	int64_t held;			/* of these, held */
	bool doubt;			/* what the last one had begun is not known */
};

/* What is told one by one; strings and structs live for the call. */
typedef void store_row_fn(void *arg, const struct store_row *row);
typedef void store_name_fn(void *arg, const char *name);
typedef void store_event_fn(void *arg, const struct store_event *event);
typedef void store_destination_fn(void *arg,
    const struct store_destination_stats *stats);
typedef void store_span_fn(void *arg, int64_t start_ms, int64_t count);

struct store {
	const struct store_ops *ops;	/* the back end's (store_ops.h) */
	struct store_fault fault;
	/*
	 * Set before begin: until when, on the monotonic clock, the transaction
	 * may wait for other processes; 0: options.busy_ms from then on.
	 */
	int64_t until_mono_ms;
};

/*
 * Intake of ${count} events, in their order.  An event is a duplicate when its lead's
 * latest event in any state has the same name and data and came within the window,
 * or when its token did.  A live one takes the place of the same data held as stale.
 */
int store_accept(struct store *st, const struct event_in *in,
    struct event_out *out, size_t count);

/*
 * Relay.  Only the holder of the relay lock is given anything; others get
 * STORE_FAULT_FENCED from claim and probe, and what they write here (settle,
 * make_due, save_state) changes nothing.
 *
 * claim takes up to ${max} deliveries of a destination that are due at ${now_ms}
 * (a moment further off than the longest pause is now) and first of their lead,
 * oldest due first; *count says how many.  They are in the relay's hand until
 * outbox_let_go, whatever becomes of the transaction: none is given twice.  But
 * nothing is written, and to everybody else they wait.  Fewer are taken beside one
 * that was begun before without an outcome, and where so many are in hand that
 * the others' share is all that is left.
 * probe takes one, due or not: the next after ${cursor} in event order, from the
 * start again at the end.
 */
int store_claim(struct store *st, int64_t destination, int64_t now_ms, size_t max,
    struct delivery_claim *claims, size_t *count);
int store_probe(struct store *st, int64_t destination, int64_t cursor,
    struct delivery_claim *claim, size_t *count);
/*
 * An outcome whose ticket is no longer the newest changes nothing.  Every attempt
 * counts as a request, as does each one that recover finds.
 */
int store_settle(struct store *st, const struct delivery_outcome *outcomes,
    size_t count, int64_t now_ms);
/*
 * When the next delivery of a destination falls due; 0: none waits, or what is in
 * hand of it has to come to an end first.
 */
int store_next_due(struct store *st, int64_t destination, int64_t *due_ms);
/*
 * Make up to ${max} that wait for later due, oldest first, each as if it had never
 * waited: before whatever came after it.  *count: how many.
 */
int store_make_due(struct store *st, int64_t destination, int64_t now_ms,
    size_t max, size_t *count);
/*
 * After taking the relay lock: a new epoch begins with the commit.  What the last
 * relay had begun is due, in its order, its outcome unknown, and is on record as a
 * request; what was begun three times without any is held.
 */
int store_recover(struct store *st, int64_t now_ms, struct store_recovery *found);
/* How many different leads were delivered at a destination between two moments, counted up to ${max}. */
int store_delivered_since(struct store *st, int64_t destination, int64_t since_ms,
    int64_t until_ms, int max, int *count);
/*
 * Requests made to a destination, told span by span, beginning with the one that
 * ${since_ms} lies in.  Those of the last two days are there; what was counted
 * beyond ${now_ms} is told as of then, or of when it was first met (expire).
 */
int store_requests(struct store *st, int64_t destination, int64_t since_ms,
    int64_t now_ms, store_span_fn *span, void *arg);
/* How far the wall clock is believed.  The relay's. */
int store_load_trust(struct store *st, struct trust *trust);
int store_save_trust(struct store *st, const struct trust *trust);
int store_load_state(struct store *st, struct destination_state *state);
int store_save_state(struct store *st, const struct destination_state *state);
/*
 * The refresh token that a destination's provider put in place of the one whose
 * digest is ${origin}.  One is kept; *token is NULL when none is.  The caller
 * frees it.
 */
int store_load_token(struct store *st, int64_t destination,
    uint8_t origin[DIGEST_SIZE], char **token);
int store_save_token(struct store *st, int64_t destination,
    const uint8_t origin[DIGEST_SIZE], const char *token);
/* What was told of ${subject} (a destination's name, or ""), by kind. */
int store_load_alert(struct store *st, const char *kind, const char *subject,
    struct store_alert *alert);
int store_save_alert(struct store *st, const char *kind, const char *subject,
    const struct store_alert *alert);
/* Delete up to ${max} events closed before the two limits; *count: how many. */
int store_purge(struct store *st, int64_t delivered_before_ms,
    int64_t failed_before_ms, size_t max, size_t *count);
/*
 * The rest of what time ends: counts of requests that are two days old.  When
 * ${now_ms} is ${sure}, what was counted beyond it is met now, and delivered
 * events that were closed more than an hour beyond it have their lifetime from now
 * on.
 */
int store_expire(struct store *st, int64_t now_ms, bool sure);

/* Commands.  Newest event first. */
int store_list(struct store *st, const struct store_filter *filter,
    store_row_fn *row, void *arg);
/*
 * The names the store has of sources or destinations, those that left the
 * configuration too.  With ${lead}: only the sources it is known in.
 */
int store_names(struct store *st, enum store_names which, const char *lead,
    store_name_fn *name, void *arg);
/* The first ${max} ids, in their order, that begin with ${beginning}. */
int store_match(struct store *st, const char *beginning, char (*ids)[UUID7_SIZE],
    size_t max, size_t *count);
/* *found: false when there is no such event. */
int store_show(struct store *st, const char *id,
    const struct store_visitor *visitor, bool *found);
/*
 * RETRY makes waiting, dead and held deliveries due, RELEASE lets a held event or
 * delivery go, DISCARD gives up whatever has not been delivered.  NULL
 * ${destination} means all of the event's deliveries.  ${how}: STORE_FORCE,
 * STORE_DRY_RUN.
 */
int store_act(struct store *st, enum store_action action, const char *id,
    const char *destination, unsigned how, int64_t now_ms,
    struct store_act_out *out);
/*
 * Go on with ${walk} and give up to ${max} ids of events that ${action} has
 * something to do at; of what waits, RETRY means what is due later than ${now_ms}.
 * Of the filter, lead, source, destination and since_ms count.  A call looks at a
 * bounded number of events, so *count may be 0 before the walk has ended.
 */
int store_find(struct store *st, enum store_action action,
    const struct store_filter *filter, int64_t now_ms, struct store_walk *walk,
    char (*ids)[UUID7_SIZE], size_t max, size_t *count);
int store_stats(struct store *st, struct store_stats *stats,
    store_destination_fn *destination, void *arg);
/*
 * Go on with ${walk} and give up to ${max} events: id, source, lead and payload,
 * which live for the callback.
 */
int store_payloads(struct store *st, struct store_walk *walk, size_t max,
    store_event_fn *event, void *arg);
/*
 * Delete an event with every trace: DONE, NOT_FOUND, or SENDING, which leaves it.
 * What the store's own log still holds of it goes with outbox_erase_log, when all
 * have been deleted.
 */
int store_erase(struct store *st, const char *id, enum store_act_result *result);
/*
 * Copy the store, as this transaction sees it, into the empty file ${path}, where
 * another process opens it like the store itself.  A store without files fails.
 */
int store_backup(struct store *st, const char *path);
/* Write something that changes nothing, to see that it can be done. */
int store_try_write(struct store *st);

#endif
