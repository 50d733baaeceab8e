/*
 * program: runs an operator's jq programs where they can harm nobody.
 *
 * A pool keeps up to PROGRAM_RUNNERS runners: this same program started once more,
 * with nothing of ours in it (no environment, no descriptor, no secret).  A runner
 * compiles a program when it first meets its text, and keeps it; it has 64 MB
 * beyond what its programs take, and a second of processor time a run.  A program
 * that recurses for ever, eats memory or crashes libjq ends its runner, which says
 * so first; the next run gets another one.
 *
 * Whatever else goes wrong (no process to be had, killed by somebody, a stalled
 * machine, no libjq, a crash while compiling) is trouble of ours, never of the
 * program or its input: another runner is started and the run is repeated; when
 * that does not help, it ends in PROGRAM_TROUBLE, and later runs start one again.
 *
 * Nothing starts before it is needed.  Of one pool and its runs, all functions
 * belong to one thread at a time.
 */
#ifndef LEADRELAY_PROGRAM_PROGRAM_H
#define LEADRELAY_PROGRAM_PROGRAM_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define PROGRAM_RUN_MS 1000		/* of processor time */
#define PROGRAM_COMPILE_MS 5000		/* as well */
#define PROGRAM_MEMORY (64u << 20)
#define PROGRAM_OUTPUT_MAX (1u << 20)
#define PROGRAM_RUNNERS 4
#define PROGRAM_FDS_MAX PROGRAM_RUNNERS

struct program_pool;

/* NULL: out of memory. */
struct program_pool *program_pool_new(void);

/* Ends its runners at once, whatever they do.  NULL is fine. */
void program_pool_free(struct program_pool *pool);

enum program_state {
	PROGRAM_OUTPUT,			/* exactly one output: JSON text */
	PROGRAM_EMPTY,			/* it ended well without any; or it did compile */
	PROGRAM_ERROR,			/* a message for a person; may quote the lead: never log it */
	PROGRAM_FAULTY,			/* it does not compile: a message that quotes itself alone */
	PROGRAM_TROUBLE			/* it could not be run; a phrase that quotes nothing */
};

/* What $id and the others are bound to. */
struct program_variables {
	const char *id;
	const char *event;
	const char *received_at;	/* RFC 3339 */
	const char *source;
	const char *destination;
};

/*
 * A run to be carried out.  All that it points to is borrowed until ${done} is
 * called with how it ended and the output or message, good until done returns;
 * the run itself is then the caller's again.
 */
struct program_run {
	struct program_run *next;	/* the pool's own, as are the next four */
	struct runner *runner;
	int troubles;
	int64_t trouble_ms;
	bool given_up;
	const char *text;		/* of the program */
	const void *group;		/* of those with the same one, one runs at a time */
	const char *input;		/* JSON text; NULL: see that it compiles */
	size_t len;
	struct program_variables variables;
	void (*done)(struct program_run *run, enum program_state state,
	    const struct buf *out);
};
void program_submit(struct program_pool *pool, struct program_run *run);

/* Forget a run that was submitted and is not done. */
void program_cancel(struct program_pool *pool, struct program_run *run);

/*
 * Go on as far as possible without waiting.  True when a run was done.  NULL is fine, as
 * it is for the next three.
 */
bool program_pool_step(struct program_pool *pool);

/* What to poll for, and until when (clock_mono_ms), before the next step. */
size_t program_pool_fds(const struct program_pool *pool,
    struct pollfd fds[PROGRAM_FDS_MAX]);
int64_t program_pool_wake_ms(const struct program_pool *pool);

/* A step; and if no run was done by it, wait for something to do, at most ${ms}. */
void program_pool_wait(struct program_pool *pool, int ms);

/*
 * Carry out one run, waiting; its done is of no account.  What takes longer than
 * ${ms} is given up, as PROGRAM_TROUBLE.
 */
enum program_state program_run(struct program_pool *pool,
    struct program_run *run, int ms, struct buf *out);

#endif
