/*
 * store_ops: what a back end of the outbox owes.  For outbox.c, the back ends and
 * their tests; everybody else calls by name (store.h).
 *
 * A member that has the type of a function of store.h is what that function does,
 * in a transaction, by its deadline.  The others say for themselves when they run;
 * those marked "or NULL" a store without files of its own has not, and outbox.c
 * and store.c are the only ones to look.
 */
#ifndef LEADRELAY_OUTBOX_STORE_OPS_H
#define LEADRELAY_OUTBOX_STORE_OPS_H

#include "base/identity.h"
#include "outbox/store.h"

/* One destination as the configuration has it. */
struct store_destination {
	const char *name;
	bool hold_on_dead;
	int64_t longest_ms;		/* the longest pause between two attempts; 0: STORE_LONGEST_MS */
	int64_t number;			/* filled by configure */
};

/* The longest pause by default: twelve hours, and the fifth that jitter may add. */
#define STORE_LONGEST_MS (INT64_C(12) * 3600 * 1000 * 6 / 5)

struct store_options {
	const char *location;		/* the URL behind its scheme */
	bool create;			/* make store and folder when absent, bring an older one up to date */
	bool yields;			/* but no older one that a relay of its version is at */
	bool read_only;			/* a reader's connection */
	bool brief;			/* opened for a moment: leave the next opener little to read */
	int64_t max_waiting;
	uint64_t min_free;
	int64_t busy_ms;		/* how long to wait for another writer */
};

struct store_ops {
	const char *scheme;		/* "sqlite" */

	/*
	 * Before there is a connection.  owner, or NULL: whose is the place that
	 * ${location} names?  False: it is not there, or root's.  give, or NULL: as
	 * root, make that place for ${id}, if it is not there.  -1: errno.
	 */
	bool (*owner)(const char *location, struct identity *id);
	int (*give)(const char *location, const struct identity *id);

	/*
	 * Open; NULL on failure with ${fault} filled.  Loads nothing but the head.
	 * It waits for others up to options.busy_ms; for one that brings an older
	 * store up to date, as long as that may take.
	 */
	struct store *(*open)(const struct store_options *options,
	    struct store_fault *fault);
	void (*close)(struct store *st);

	/*
	 * begin waits up to ${until_mono_ms} for other processes, and so does all
	 * until commit.  A commit that returns -1 has an unknown outcome: the
	 * connection is closed, and the next begin opens it again, whatever it then
	 * finds.
	 */
	int (*begin)(struct store *st, bool write);
	int (*commit)(struct store *st);
	void (*rollback)(struct store *st);
	/*
	 * In a transaction: what the configuration says; numbers are filled.  Later
	 * events get a delivery for each of these.  Returns 1 when the store had yet
	 * to be told of them: in a transaction for writing that is done now, and
	 * takes effect when it is called again after the commit.
	 */
	int (*configure)(struct store *st, struct store_destination *list,
	    size_t count);
	/*
	 * Or NULL.  Between transactions, when all are answered: housekeeping that
	 * commits put off, a little of it.  ${idle}: nobody waits for anything.
	 * True: there is more, come again soon.
	 */
	bool (*tidy)(struct store *st, bool idle);
	/*
	 * Or NULL.  Between transactions: what erase deleted goes from the store's own
	 * log, too.  It waits for others up to options.busy_ms.
	 */
	int (*erase_log)(struct store *st);

	/*
	 * In a transaction.  backup may be NULL.
	 */
	__typeof__(store_accept) *accept;
	__typeof__(store_claim) *claim;
	__typeof__(store_probe) *probe;
	__typeof__(store_settle) *settle;
	__typeof__(store_next_due) *next_due;
	__typeof__(store_make_due) *make_due;
	__typeof__(store_recover) *recover;
	__typeof__(store_delivered_since) *delivered_since;
	__typeof__(store_requests) *requests;
	__typeof__(store_load_trust) *load_trust;
	__typeof__(store_save_trust) *save_trust;
	__typeof__(store_load_state) *load_state;
	__typeof__(store_save_state) *save_state;
	__typeof__(store_load_token) *load_token;
	__typeof__(store_save_token) *save_token;
	__typeof__(store_load_alert) *load_alert;
	__typeof__(store_save_alert) *save_alert;
	__typeof__(store_purge) *purge;
	__typeof__(store_expire) *expire;
	__typeof__(store_list) *list;
	__typeof__(store_names) *names;
	__typeof__(store_match) *match;
	__typeof__(store_show) *show;
	__typeof__(store_act) *act;
	__typeof__(store_find) *find;
	__typeof__(store_stats) *stats;
	__typeof__(store_payloads) *payloads;
	__typeof__(store_erase) *erase;
	__typeof__(store_backup) *backup;
	__typeof__(store_try_write) *try_write;

	/*
	 * Under no transaction, never waiting for anybody, and touching nothing that
	 * transactions use: the relay's thread may call these while another commits.
	 *
	 * A request is about to be made: from now on it is being sent, and its outcome
	 * unknown until settle says otherwise, whatever becomes of this process.
	 * False: a person was quicker, or another relay is; let go of it.
	 * let_go: it is in hand no more; its outcome is on disk, or it never started.
	 */
	bool (*start)(struct store *st, const struct delivery_ticket *ticket,
	    int64_t now_ms);
	void (*let_go)(struct store *st, const struct delivery_ticket *ticket);
	/*
	 * The relay lock: 1 taken, 0 somebody else has it, -1 fault (said in the
	 * log).  Held until unlock_relay or the end of the process; a child made by
	 * fork holds it too until it calls exec.  beat shows that the holder lives.
	 */
	int (*lock_relay)(struct store *st);
	void (*unlock_relay)(struct store *st);
	void (*beat)(struct store *st, int64_t now_ms);
	/* Fill relay_alive, relay_pid and relay_seen_ms. */
	void (*look_at_relay)(struct store *st, struct store_stats *stats);
	/*
	 * Tell the relay, in whichever process, that there is work; and a file
	 * descriptor the relay can poll for it (-1: none, poll the clock).
	 * drain_wake empties it.
	 */
	void (*wake)(struct store *st);
	int (*wake_fd)(struct store *st);
	void (*drain_wake)(struct store *st);
};

extern const struct store_ops store_sqlite;

#endif
