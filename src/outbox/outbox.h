/*
 * outbox: events on disk, committed in groups.  What can be done to them in a
 * transaction is in store.h; all else is here, and no caller knows the back end.
 *
 * Work on the store is a job.  With a committing thread, whatever jobs arrived
 * while the last transaction was being written are run and committed together
 * in the next (group commit); a job's ${done} is called after the fsync.  Should
 * one job of a group fail, each is run again in a transaction of its own, so a
 * job must tolerate being run twice before it is done: a second run starts by
 * freeing what the first one was given.  A commit whose outcome is unknown
 * fails the whole group and opens the connection anew.
 */
#ifndef LEADRELAY_OUTBOX_OUTBOX_H
#define LEADRELAY_OUTBOX_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/identity.h"
#include "outbox/event.h"
#include "outbox/store.h"

struct config;
struct outbox;

struct outbox_job {
	/* In a transaction, on the committing thread.  -1: store->fault says why. */
	int (*run)(struct store *store, struct outbox_job *job);
	/*
	 * Afterwards, on the same thread; ${fault} is NULL when it is on disk.
	 * It must be quick.  The job may be freed in it.
	 */
	void (*done)(struct outbox_job *job, const struct store_fault *fault);
	struct outbox_job *next;	/* the outbox's own, as is */
	int64_t since_mono_ms;		/* when it was submitted */
};

enum outbox_mode {
	OUTBOX_SERVE,			/* create if absent; a committing thread */
	OUTBOX_RELAY,			/* the same, but an older relay that lives is left its store */
	OUTBOX_REQUEST,			/* create if absent; no thread: jobs run in the caller */
	OUTBOX_COMMAND,			/* never create; no thread */
	OUTBOX_READ			/* never create, never write */
};

/*
 * Open the store the configuration names and make its destinations known.
 * NULL: ${fault} says why.  In OUTBOX_COMMAND and OUTBOX_READ an absent store
 * is STORE_FAULT_ABSENT, and one of an older version STORE_FAULT_OLDER: whoever
 * may create one brings that up to date.
 */
struct outbox *outbox_open(const struct config *config, enum outbox_mode mode,
    struct store_fault *fault);

/*
 * Go over to the destinations of ${config}: later events get deliveries for these,
 * and outbox_destination speaks of them.  Only their part of ${config} is looked
 * at.  0; 1: those that are new need a store open for writing; -1 and ${fault}: in
 * doubt call it again with the former ones.  Any thread but the committing one, none
 * at the same time as another.
 */
int outbox_configure(struct outbox *ob, const struct config *config,
    struct store_fault *fault);

/* Finish what was submitted, stop the thread, close.  NULL is fine. */
void outbox_close(struct outbox *ob);

/* Hand over a job.  Any thread.  Without a thread it is run and done at once. */
void outbox_submit(struct outbox *ob, struct outbox_job *job);

/*
 * A transaction in the caller, where there is no committing thread: for commands.
 * outbox_begin gives the store, or NULL and ${fault}; outbox_end takes what the
 * calls came to (store.h), and commits it, or on -1 rolls it back.  0, or -1 and
 * ${fault}.  What stands between the two is run once.
 */
struct store *outbox_begin(struct outbox *ob, struct store_fault *fault);
int outbox_end(struct outbox *ob, int rc, struct store_fault *fault);

/*
 * Can something be written to the store the configuration names?  Through a
 * connection of its own, which is told of no destinations.  0, or -1 and ${fault}.
 */
int outbox_try_write(const struct config *config, struct store_fault *fault);

/*
 * Run ${fn} in one transaction and wait for the commit.  0, or -1 and ${fault}
 * (may be NULL).  Any thread but the committing one.
 */
int outbox_run(struct outbox *ob, int (*fn)(struct store *store, void *arg),
    void *arg, struct store_fault *fault);

/* The store's number of the configuration's destination ${index}. */
int64_t outbox_destination(const struct outbox *ob, size_t index);

/*
 * Empty the store's own log, where what was erased may still stand.  For a
 * command, which has no committing thread.  0, or -1 and ${fault}.
 */
int outbox_erase_log(struct outbox *ob, struct store_fault *fault);

/*
 * The relay lock, what it has in hand (store_ops.h: start, let_go), the wake-up and
 * the sign of life.  These go to the store directly, under no transaction; they are
 * for the relay's thread.
 */
int outbox_lock_relay(struct outbox *ob);	/* 1 taken, 0 held elsewhere, -1 fault */
void outbox_unlock_relay(struct outbox *ob);
void outbox_beat(struct outbox *ob, int64_t now_ms);
bool outbox_start(struct outbox *ob, const struct delivery_ticket *ticket,
    int64_t now_ms);
void outbox_let_go(struct outbox *ob, const struct delivery_ticket *ticket);
void outbox_look_at_relay(struct outbox *ob, struct store_stats *stats);
int outbox_wake_fd(struct outbox *ob);
void outbox_drain_wake(struct outbox *ob);

/* Tell the relay, in whichever process it is, that there is work.  Any thread. */
void outbox_wake(struct outbox *ob);

/*
 * The back end a URL names, or NULL: there is none of this kind; *location points
 * behind the scheme.
 */
const struct store_ops *outbox_backend(const char *url, const char **location);

#endif
