/*
 * programs: a destination's jq programs: read, compiled, kept up to date, run.
 *
 * Runs are carried out one after the other in a process of their own
 * (program.h), without blocking: the relay waits for programs_fd along with its
 * transfers.  Before a run the files are looked at: one that changed is read
 * again, and takes over when it compiles; else the former program stays in use,
 * which is said in the log.  One thread only.
 */
#ifndef LEADRELAY_RELAY_PROGRAMS_H
#define LEADRELAY_RELAY_PROGRAMS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "program/program.h"

struct config;
struct config_destination;
struct delivery_claim;
struct programs;

enum programs_which {
	PROGRAMS_WHEN,
	PROGRAMS_TRANSFORM,
	PROGRAMS_SUCCESS_WHEN,
	PROGRAMS_CAPTURE,
	PROGRAMS_KINDS
};

#define PROGRAMS_TEXT_MAX (256u << 10)	/* bytes of a program */

/* "when", "transform": the key's name; when_file's is "when" too. */
const char *programs_name(enum programs_which which);

/*
 * Where some destination has a program: fork the host and see that every
 * program compiles.  Before any thread is made and any store opened.  0, with
 * *host NULL when there is none; or -1, with a line in ${why} for each that
 * does not compile, naming its file.
 */
int programs_begin(const struct config *config, struct program_host **host,
    struct buf *why);

/* The same check of a further configuration, with the host there is (or NULL). */
int programs_check(const struct config *config, struct program_host *host,
    struct buf *why);

/*
 * Read the programs of ${config}, which is borrowed, as is ${host} (NULL: there
 * are none to run).  NULL: a phrase in ${why}.
 */
struct programs *programs_new(struct program_host *host,
    const struct config_destination *config, struct buf *why);

/* What was submitted and is not done is forgotten.  NULL is fine. */
void programs_free(struct programs *p);

/* Compile them all now, waiting.  0, or -1 and a line for each fault in ${why}. */
int programs_compile(struct programs *p, struct buf *why);

bool programs_has(const struct programs *p, enum programs_which which);

/*
 * A run to be carried out.  ${input}, JSON text, and ${claim}, which the
 * variables are bound to, are borrowed until ${done} is called with how it
 * ended and the output or message, to be taken before done returns.
 */
struct programs_run {
	struct programs_run *next;	/* programs' own */
	enum programs_which which;
	const char *input;
	size_t len;
	const struct delivery_claim *claim;
	void *owner;
	void (*done)(struct programs_run *run, enum program_state state,
	    const struct buf *out);
};
void programs_submit(struct programs *p, struct programs_run *run);

/* Forget a run that was submitted. */
void programs_cancel(struct programs *p, struct programs_run *run);

/* Go on as far as possible without waiting.  May call done. */
void programs_step(struct programs *p);

/* What to poll for before the next step; -1: nothing. */
int programs_fd(const struct programs *p, short *events);

#endif
