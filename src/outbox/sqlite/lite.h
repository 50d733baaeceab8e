/*
 * lite: the outbox on SQLite.  Private to this folder, one file per subject.
 *
 * What is kept, and by which rules (the schema itself is in lite_schema.c):
 *
 * - An event's number rises with every event of the outbox and is never given
 *   twice.  Its payload stands in a table of its own, so that closing an event
 *   does not write the payload again.
 * - A delivery's number is its event's number and its destination's in one
 *   (LITE_DELIVERY): the table is its own index by event.
 * - A delivery that is being sent is a waiting one here; lite_taken.c knows.
 * - "blocks" marks the deliveries that later ones of their lead wait for:
 *   waiting, and where on_dead = hold also the dead and those held
 *   before anything was sent.  "ready" marks the one waiting delivery of a lead
 *   and destination that nothing blocks; claim and probe look at no other.
 *   Only lite_delivery.c changes either, and it keeps the counts too.
 * - "later" marks a ready one that waits for its "due".  Without it a delivery is
 *   due, whatever its "due" says by a clock that has been set since; that then
 *   only keeps the order.
 * - An event is open while a delivery of it waits or is being sent; "closed" is
 *   when that ended (for a held event: when it came), and starts its lifetime.
 *
 * Functions return 0, or -1 with the fault noted in lt->store.fault; those that
 * look something up return 1 when it is there and 0 when it is not.
 */
#ifndef LEADRELAY_OUTBOX_SQLITE_LITE_H
#define LEADRELAY_OUTBOX_SQLITE_LITE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "outbox/store_ops.h"

/* States of an event, as stored. */
enum { LITE_EVENT_ACCEPTED, LITE_EVENT_HELD, LITE_EVENT_DISCARDED };

/* A delivery's number, and what it is made of. */
#define LITE_DESTINATIONS 65535
#define LITE_DELIVERY(event, destination) ((event) * 65536 + (destination))
#define LITE_EVENT_OF(delivery) ((delivery) / 65536)
#define LITE_DESTINATION_OF(delivery) ((delivery) % 65536)

#define LITE_BEGUN_MAX 3	/* times begun without an outcome, then a person must look */

/* Every statement; the texts are in lite_sql.c. */
enum lite_sql {
	LITE_BEGIN_READ, LITE_BEGIN_WRITE, LITE_COMMIT, LITE_VERSION_GET,
	LITE_HEAD_GET, LITE_HEAD_SET, LITE_HEAD_TRY, LITE_HEAD_EPOCH, LITE_TALLY_ADD,
	LITE_PURGED_ADD, LITE_PURGED_FOLDED,
	LITE_PAGES_FREE, LITE_PAGES, LITE_HELD_ADD, LITE_HELD_GET,
	LITE_DESTINATION_GET, LITE_DESTINATION_ADD, LITE_DESTINATION_HOLD,
	LITE_DESTINATION_STOPPED,
	LITE_STATE_GET, LITE_STATE_SET, LITE_STATE_BEGUN,
	LITE_LEAD_FIND, LITE_LEAD_ADD, LITE_LEAD_SET, LITE_LEAD_SEQUENCE,
	LITE_LEAD_DROP, LITE_SOURCE_ADD,
	LITE_EVENT_ADD, LITE_EVENT_GET, LITE_EVENT_BY_TOKEN, LITE_EVENT_BY_ID,
	LITE_EVENT_SET, LITE_EVENT_CLOSE, LITE_EVENT_OF_LEAD, LITE_EVENT_DROP,
	LITE_PAYLOAD_ADD, LITE_PAYLOAD_DROP,
	LITE_DELIVERY_ADD, LITE_DELIVERY_GET, LITE_DELIVERY_SET,
	LITE_DELIVERY_DONE, LITE_DELIVERY_WORDS, LITE_DELIVERY_READY, LITE_DELIVERY_NEXT,
	LITE_DELIVERY_OPEN, LITE_DELIVERY_COUNTS, LITE_DELIVERY_DROP,
	LITE_BLOCKER_FIRST, LITE_BLOCKER_BEFORE, LITE_BLOCKER_AFTER,
	LITE_CLAIM_DUE, LITE_CLAIM_PROBE, LITE_CLAIM_EVENT,
	LITE_NEXT_DUE, LITE_LATER_OLDEST, LITE_LATER_DUE,
	LITE_NEWER_DELIVERED, LITE_DELIVERED_SINCE,
	LITE_ATTEMPT_ADD, LITE_ATTEMPT_DROP,
	LITE_ALERT_GET, LITE_ALERT_SET, LITE_TOKEN_GET, LITE_TOKEN_SET,
	LITE_REQUESTS_ADD, LITE_REQUESTS_GET, LITE_REQUESTS_MEET,
	LITE_REQUESTS_DROP,
	LITE_CLOCK_GET, LITE_CLOCK_SET,
	LITE_PURGE_NEXT, LITE_PURGE_AHEAD,
	LITE_FIND, LITE_FIND_LEAD, LITE_FIND_END,
	LITE_FIND_PAYLOADS, LITE_FIND_SOURCES, LITE_FIND_SOURCES_OF,
	LITE_FIND_BEGINNING,
	LITE_SHOW_EVENT, LITE_SHOW_ATTEMPTS,
	LITE_STATS_DESTINATIONS, LITE_STATS_TALLY, LITE_STATS_OLDEST,
	LITE_STATS_NEWEST,
	LITE_SQL_COUNT
};

/* The one row of numbers about the whole outbox, as this transaction has it. */
struct lite_head {
	bool loaded;
	bool changed;
	int64_t event;			/* the last event number given */
	int64_t open;			/* events with a delivery waiting or sending */
	int64_t held;			/* events held */
	int64_t floor;			/* highest sequence of any lead forgotten */
	int64_t epoch;			/* of the relay that took over last */
	/*
	 * A relay took over in this epoch without knowing what had been begun: of
	 * events up to this one, what has not been written of since may have been.
	 */
	int64_t doubt;
	int64_t doubt_epoch;
	int64_t purged;			/* how often something was deleted */
	int64_t folded;			/* and up to when the log was emptied for that */
};

/* What this transaction did to the counts of one destination. */
struct lite_tally {
	int64_t destination;
	int64_t delta[DELIVERY_STATES];
};

/* The files beside the database. */
enum lite_beside {
	LITE_LOG,			/* write-ahead log */
	LITE_INDEX,			/* its index, in shared memory */
	LITE_JOURNAL,			/* rollback journal */
	LITE_LOCK, LITE_RELAY, LITE_WAKE,	/* see lite_lock.c */
	LITE_COPY,			/* the old content, while rows are written again */
	LITE_BESIDES
};

/* A file of ours, by what it is and not by its name. */
struct lite_file {
	bool known;
	dev_t device;
	ino_t inode;
};

/* How the connection writes to the database's file. */
struct lite_scrub {
	sqlite3_io_methods methods;	/* first: what the file knows this by */
	const sqlite3_io_methods *real;
	bool mapped;			/* it has pages of back pointers */
	int reserved;			/* bytes at the end of a page */
	uint8_t page[65536];
};

struct lite {
	struct store store;		/* first, so that one is the other */
	sqlite3 *db;			/* NULL after a commit of unknown outcome */
	struct lite_scrub scrub;
	sqlite3_stmt *statements[LITE_SQL_COUNT];
	char *folder;			/* canonical */
	char *path;			/* of the database, in that folder */
	char *beside[LITE_BESIDES];	/* of the files beside it */
	bool network;			/* locks of a part of a file are of all of it */
	struct lite_file file;		/* the database; the same as long as we live */
	struct lite_file log_file;	/* its log and index, since it was opened */
	struct lite_file index_file;
	bool lost;			/* a file was not in its place any more */
	int64_t rest_until;		/* then it is not opened again before that */
	/* How it was opened: the first four as asked for (store_ops.h). */
	bool create;
	bool yields;			/* to a relay of an older version */
	bool read_only;
	bool brief;			/* open for a moment only */
	bool logged;			/* in WAL mode */
	int64_t max_waiting;
	uint64_t min_free;
	int busy_ms;
	int64_t until;			/* on the monotonic clock: how long to wait for others */
	struct store_destination *destinations;	/* but for their names */
	size_t destination_count;

	/* The transaction. */
	bool writing;
	struct lite_head head;
	struct lite_tally *tallies;
	size_t tally_count;
	char *source;			/* that of the last new lead, in the store by now */

	/* The log. */
	int log_pages;			/* in it, after the last commit */
	int log_limit;			/* pages worth a checkpoint */
	int log_next;			/* pages at which the next one is due */
	bool log_grew;			/* the last commit wrote to it */
	bool log_warned;
	bool fold;			/* what it holds is to go, and its room */
	int64_t fold_next;		/* on the monotonic clock: when to try again */

	/* What the clock is believed by, as far as this transaction has looked. */
	bool floor_seen;		/* floor_ms holds */
	int64_t floor_ms;

	/* Room, as far as this transaction has looked. */
	bool space_seen;		/* the others hold */
	uint64_t space_free;		/* on the disk, and in the file's free pages */
	uint64_t space_file;		/* that the file may still grow by; free pages, too */
	int64_t page_size;
	uint64_t file_limit;		/* no file may be larger */
	bool shrinks;			/* the file can give back its free pages */
	bool shrunk;			/* it has, since the log was folded in */

	/* The relay, and what it has in hand. */
	_Atomic int64_t epoch;		/* ours; 0: we are not the relay */
	int64_t next_epoch;		/* begins with this transaction's commit; 0: none does */
	struct lite_taken *taken;
	int64_t *begun;			/* as this transaction has seen it */
	size_t begun_count;
	bool begun_seen;

	/* Files beside the database; -1: not open. */
	int lock_fd;
	int locks;			/* times the writer's lock was taken and not given back */
	int relay_error;		/* of the last try to open it; 0: none */
	int relay_fd;
	int wake_fd;
};

/* One row of delivery, but for its words. */
struct lite_delivery {
	int64_t number;
	int64_t lead;
	enum delivery_state state;
	bool ready;
	bool blocks;
	int64_t due;
	int64_t attempts;
	int64_t begun;			/* requests since the last outcome */
	bool unknown;
	int64_t key_number;
	int64_t body;			/* digest of the body sent last; 0: none was */
	bool retried;			/* by a person, since then */
	int64_t first_attempt;
	int64_t first_failure;
	int64_t claim;			/* rises with every write */
	int64_t epoch;			/* of the relay that wrote last; 0: none yet */
	int64_t settled;
	int64_t status;
	bool words;			/* has a reason or a record */
	bool sending;			/* the relay has begun it */
};

/* lite_sql: statements.  The state of delivery d, being sent included, in SQL. */
#define LITE_STATE "iif(d.state = 0 AND begun(d.number), 1, d.state)"
int lite_sql_functions(struct lite *lt);
/*
 * The statement values[0], with the whole numbers behind it bound to ?1, ?2, …
 * NULL: fault; whoever binds more to it may do so all the same, as SQLite takes
 * NULL there, and meets the fault at the step.
 */
sqlite3_stmt *lite_sql_get(struct lite *lt, const int64_t *values, size_t count);
#define LITE_GET(lt, ...) lite_sql_get((lt), (const int64_t[]){ __VA_ARGS__ }, \
	sizeof((const int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t))
void lite_sql_bind(sqlite3_stmt *s, int at, const char *text);
/* 1: a row, to be followed by another step or sqlite3_reset; 0: no (more) row; -1. */
int lite_sql_step(struct lite *lt, sqlite3_stmt *s);
#define LITE_RUN(lt, ...) lite_sql_step((lt), LITE_GET((lt), __VA_ARGS__))
/* The whole numbers of a row, from its first column on. */
void lite_sql_columns(sqlite3_stmt *s, int64_t *const *values, size_t count);
#define LITE_COLUMNS(s, ...) lite_sql_columns((s), (int64_t *[]){ __VA_ARGS__ }, \
	sizeof((int64_t *[]){ __VA_ARGS__ }) / sizeof(int64_t *))
/* Those of the first row: 1; 0: there is none, and they are 0.  Ends it. */
int lite_sql_read(struct lite *lt, sqlite3_stmt *s, int64_t *const *values,
    size_t count);
#define LITE_READ(lt, s, ...) lite_sql_read((lt), (s), \
	(int64_t *[]){ __VA_ARGS__ }, \
	sizeof((int64_t *[]){ __VA_ARGS__ }) / sizeof(int64_t *))
/* A column's text, "" for NULL; or a copy of it, NULL when memory is out. */
const char *lite_sql_column(sqlite3_stmt *s, int column);
char *lite_sql_copy(sqlite3_stmt *s, int column);
/* Collect up to ${max} numbers from the first column; ends the statement. */
int lite_sql_numbers(struct lite *lt, sqlite3_stmt *s, int64_t *numbers,
    size_t max, size_t *count);
void lite_sql_finalize(struct lite *lt);
/* Run a text that gives no rows; ${what} is for the fault. */
int lite_sql_exec(struct lite *lt, const char *text, const char *what);

/* lite_fault: what SQLite's and the system's errors mean.  All three return -1. */
int lite_fault(struct lite *lt, int code, const char *what);
int lite_fault_memory(struct lite *lt);
int lite_fault_set(struct lite *lt, enum store_fault_kind kind,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));
enum store_fault_kind lite_fault_errno(int error);

/* lite_files: the folder and the files in it. */
int lite_files_find(struct lite *lt, const char *location);
int lite_files_make(struct lite *lt);
/* Just opened: remember which files these are. */
int lite_files_note(struct lite *lt);
/* Is the database where it was?  Any thread. */
bool lite_files_is_there(const struct lite *lt);
/* Is the open file ${fd} the one at ${path}? */
bool lite_files_is_file(const char *path, int fd);
/* Not connected: may one try to be?  -1: not yet. */
int lite_files_rest(struct lite *lt);
/* Are all files where they were?  Under the writer's lock; -1: disconnected. */
int lite_files_check(struct lite *lt);
bool lite_files_is_network(const struct lite *lt);
/* Opening failed: if the files or their folder are closed to us, say whose they are, and the cure. */
void lite_files_explain(struct lite *lt);
bool lite_files_owner(const char *location, struct identity *id);
int lite_files_give(const char *location, const struct identity *id);
/* Open a file beside the database.  -1: errno. */
int lite_files_open(const struct lite *lt, enum lite_beside which, int flags);

/* lite_open: the connection. */
struct store *lite_open(const struct store_options *options,
    struct store_fault *fault);
void lite_open_close(struct store *st);
int lite_open_connect(struct lite *lt);
void lite_open_disconnect(struct lite *lt);

/*
 * lite_scrub: from here on pages are written without what only lies about in them.
 * Before anything is written.
 */
int lite_scrub_open(struct lite *lt);

/* lite_schema: tables, versions, destinations. */
int lite_schema_check(struct lite *lt);
/*
 * Take a store that is older through the steps it lacks of the ${count} in
 * ${list}, all or none; one of another process is waited for.  One that begins
 * with LITE_SCHEMA_REWRITES is taken with a copy of the old store beside it.
 */
#define LITE_SCHEMA_REWRITES "/* rows */"
int lite_schema_migrate(struct lite *lt, const char *const *list,
    int64_t count);
/* Is somebody else at it now, wait for that as long as it may take. */
void lite_schema_await(struct lite *lt);
/* In a transaction: has no newer leadrelay been here meanwhile? */
int lite_schema_current(struct lite *lt);
int lite_schema_pragma(struct lite *lt, const char *name, int64_t *value);
int lite_schema_configure(struct store *st, struct store_destination *list,
    size_t count);

/* lite_lock: the writer's lock, the relay's lock, the wake-up. */
int lite_lock_open(struct lite *lt);
void lite_lock_close(struct lite *lt);
/* Wait until lt->until for the writer's lock; it may be ours already. */
int lite_lock_writer(struct lite *lt);
void lite_lock_release(struct lite *lt);
int lite_lock_relay(struct store *st);
void lite_lock_unrelay(struct store *st);
void lite_lock_beat(struct store *st, int64_t now_ms);
void lite_lock_look(struct store *st, struct store_stats *stats);
void lite_lock_wake(struct store *st);
int lite_lock_wake_fd(struct store *st);
void lite_lock_drain(struct store *st);
/* Is the relay's lock, which we hold, still the one that others would find? */
bool lite_lock_is_relay(const struct lite *lt);

/* lite_txn: transactions, the head and the counts they carry. */
int lite_txn_begin(struct store *st, bool write);
int lite_txn_commit(struct store *st);
void lite_txn_rollback(struct store *st);
int lite_txn_try(struct store *st);
/* Are we the relay still?  0, or -1 and STORE_FAULT_FENCED. */
int lite_txn_fence(struct lite *lt);
/* The head, loaded; change it and set changed.  NULL: fault. */
struct lite_head *lite_txn_head(struct lite *lt);
int lite_txn_tally(struct lite *lt, int64_t destination,
    enum delivery_state state, int64_t delta);

/*
 * lite_sync: what of the file is known to be on disk.  In a transaction for
 * writing, before anything else: make certain of what others left in doubt.
 */
int lite_sync_check(struct lite *lt);
/* The same outside a transaction, under the writer's lock: before a checkpoint. */
int lite_sync_settle(struct lite *lt);
/* A commit that changes something is about to be made; it was, and is on disk. */
void lite_sync_begin(struct lite *lt);
void lite_sync_note(struct lite *lt);

/*
 * lite_taken: what the relay has in hand.  own: be the relay, whose lock is on
 * ${fd}; 0, or -1 (said).  trusted: the table says what the last relay had begun.
 * clear: nothing is in hand.
 */
int lite_taken_open(struct lite *lt);
int lite_taken_own(struct lite *lt, int fd);
void lite_taken_disown(struct lite *lt);
void lite_taken_close(struct lite *lt);
bool lite_taken_trusted(const struct lite *lt);
void lite_taken_clear(struct lite *lt);
/*
 * The relay's: how many more of ${destination} may be taken, counted up to ${max};
 * so that none has to wait for what others have in hand.  tell: say in the log, once
 * until there is room again, that one of them may not take what is due.
 */
int lite_taken_room(struct lite *lt, int64_t destination, int max);
void lite_taken_tell(struct lite *lt);
/* The relay's: is it in hand, and take it (the ticket's slot is filled; false: no room). */
bool lite_taken_has(struct lite *lt, int64_t delivery);
bool lite_taken_add(struct lite *lt, struct delivery_ticket *ticket,
    int64_t lead);
bool lite_taken_start(struct store *st, const struct delivery_ticket *ticket,
    int64_t now_ms);
void lite_taken_let_go(struct store *st, const struct delivery_ticket *ticket);
/*
 * In a transaction for writing: should the relay have taken ${delivery}, by its
 * present claim, it will not begin it; true: it has begun already.  stop_newer: the
 * same of the lead's later deliveries to the same destination.
 */
bool lite_taken_stop(struct lite *lt, int64_t delivery, int64_t claim);
bool lite_taken_stop_newer(struct lite *lt, int64_t lead, int64_t delivery);
/* What is begun, as this transaction first saw it: one, and how many at a destination. */
bool lite_taken_is_begun(struct lite *lt, int64_t delivery);
int64_t lite_taken_begun_at(struct lite *lt, int64_t destination);
/* The relay's: everything begun; ${tell} returns -1 to end it. */
int lite_taken_each_begun(struct lite *lt,
    int (*tell)(struct lite *lt, void *arg, int64_t delivery, int64_t claim,
    int64_t started_ms), void *arg);

/* lite_tidy: what commits put off. */
bool lite_tidy(struct store *st, bool idle);
/* Something was deleted: note that the log is to be emptied after the commit. */
int lite_tidy_deleted(struct lite *lt);
/* Before the end: what cannot wait for another process. */
void lite_tidy_end(struct lite *lt);

/* lite_room: what forbids a new event, and what is held. */
void lite_room_open(struct lite *lt);
/* What is free on the disk, for us; -1: not known. */
int lite_room_disk(const struct lite *lt, uint64_t *bytes);
/* The name of the limit in *limit, NULL: none. */
int lite_room_limit(struct lite *lt, const struct event_in *in,
    const char **limit);
/* ${delta} more events of the source that ${lead} is of are held. */
int lite_room_held(struct lite *lt, int64_t lead, int delta);

/*
 * lite_delivery: the one place where deliveries change state.  destination: the
 * configured one of that number, or NULL.
 */
const struct store_destination *lite_delivery_destination(const struct lite *lt,
    int64_t number);
int lite_delivery_read(struct lite *lt, int64_t number,
    struct lite_delivery *d);
/*
 * The same for whoever may change it: the relay will not begin it meanwhile, or
 * ${d->sending} says that it has.
 */
int lite_delivery_get(struct lite *lt, int64_t number,
    struct lite_delivery *d);
/* Get the event's next delivery after ${d->number} (0: its first). */
int lite_delivery_next(struct lite *lt, int64_t event, struct lite_delivery *d);
/*
 * Make one, waiting and due at ${due}, for each configured destination.
 * ${alone}: the lead has no other event.
 */
int lite_delivery_make(struct lite *lt, int64_t event, int64_t lead,
    int64_t due, bool alone);
/*
 * Write ${d}, as changed by the caller, with the state ${to}.  ${unsent}: it
 * stopped before anything was sent (which blocks where on_dead = hold).
 */
int lite_delivery_move(struct lite *lt, struct lite_delivery *d,
    enum delivery_state to, bool unsent, int64_t now_ms);
/* As if it had never been tried: waiting and due. */
int lite_delivery_revive(struct lite *lt, struct lite_delivery *d,
    int64_t now_ms);
/* Why it stopped, and the receiver's record; NULL: none. */
int lite_delivery_words(struct lite *lt, const struct lite_delivery *d,
    const char *reason, const char *record);
/* Note an attempt that came to ${o}. */
int lite_delivery_attempt(struct lite *lt,
    const struct delivery_outcome *o);

/* lite_due: what is told to wait for longer was told so by another clock, and is due. */
int64_t lite_due_horizon(const struct lite *lt, int64_t destination,
    int64_t now_ms);

/*
 * lite_clock: *ms, or the last reading of the clock that was believed, if that is
 * later: from when a lifetime runs.  One reading that was behind must not end it
 * with the next that is right.
 */
int lite_clock_floor(struct lite *lt, int64_t *ms);

/* lite_stats: ${count} more requests were made at ${at_ms}. */
int lite_stats_add_requests(struct lite *lt, int64_t destination, int64_t at_ms,
    int64_t count);

/* lite_act: discard a held event. */
int lite_act_discard(struct lite *lt, int64_t event, int64_t lead,
    const char *note, int64_t now_ms);
/* Which states an action applies to, a bit each. */
unsigned lite_act_states(enum store_action action);
/* The number of the destination called ${name}; 0: there is none. */
int lite_act_destination(struct lite *lt, const char *name, int64_t *number);

/* One call of store.h each. */
__typeof__(store_accept) lite_accept;
__typeof__(store_claim) lite_claim;
__typeof__(store_probe) lite_claim_probe;
__typeof__(store_settle) lite_settle;
__typeof__(store_next_due) lite_due_next;
__typeof__(store_make_due) lite_due_make;
__typeof__(store_recover) lite_due_recover;
__typeof__(store_delivered_since) lite_stats_delivered;
__typeof__(store_requests) lite_stats_requests;
__typeof__(store_load_trust) lite_clock_load;
__typeof__(store_save_trust) lite_clock_save;
__typeof__(store_load_state) lite_stats_load;
__typeof__(store_save_state) lite_stats_save;
__typeof__(store_load_token) lite_stats_load_token;
__typeof__(store_save_token) lite_stats_save_token;
__typeof__(store_load_alert) lite_stats_load_alert;
__typeof__(store_save_alert) lite_stats_save_alert;
__typeof__(store_purge) lite_purge;
__typeof__(store_expire) lite_purge_expire;
__typeof__(store_list) lite_list;
__typeof__(store_names) lite_find_names;
__typeof__(store_match) lite_find_match;
__typeof__(store_show) lite_show;
__typeof__(store_act) lite_act;
__typeof__(store_find) lite_find;
__typeof__(store_stats) lite_stats;
__typeof__(store_payloads) lite_find_payloads;
__typeof__(store_erase) lite_purge_erase;
__typeof__(store_backup) lite_backup;
int lite_tidy_erase_log(struct store *st);

#endif
