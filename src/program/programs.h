/*
 * programs: a destination's jq programs: read, compiled, kept up to date, run.
 *
 * They are run one after the other, without blocking, by the host that the
 * destinations share (program.h).  Before a run the files are looked at: one
 * that changed is read again, and takes over when it compiles; else the former
 * program stays in use, which is said in the log.
 */
#ifndef LEADRELAY_PROGRAM_PROGRAMS_H
#define LEADRELAY_PROGRAM_PROGRAMS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/text.h"
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

/* How long it may take to find out: while others wait for the end, and else. */
#define PROGRAMS_BEGIN_MS 1500
#define PROGRAMS_CHECK_MS 20000

/*
 * Have a host, and see that every program of ${config} compiles.  0; -1, with a
 * line in ${why} for each that does not, naming its file, and no host; or 1: it
 * cannot be found out now, or not in ${ms}, for the reason in ${why}, and what
 * needs them waits.
 */
int programs_begin(const struct config *config, struct program_host **host,
    int ms, struct buf *why);

/* What a log says of a 1; with the reason. */
#define PROGRAMS_UNKNOWN "whether the jq programs compile is not known yet: %s"

/*
 * The same check of a further configuration, by a host of its own; a 1 has been
 * said.  Any thread.
 */
int programs_check(const struct config *config, struct buf *why);

/*
 * Read the programs of ${config}, which is borrowed, as is ${host}.  NULL: a
 * phrase in ${why}.  Any thread, until one is run.
 */
struct programs *programs_new(struct program_host *host,
    const struct config_destination *config, struct buf *why);

/* Nothing of what was submitted may be left to do.  NULL is fine. */
void programs_free(struct programs *p);

bool programs_has(const struct programs *p, enum programs_which which);

/*
 * A run to be carried out.  ${input}, JSON text, and ${claim}, which the
 * variables are bound to, are borrowed until ${done} is called with how it
 * ended and the output or message, to be taken before done returns.  Without
 * input it is only seen whether the program compiles.
 */
struct programs_run {
	struct program_run run;		/* programs' own, as are the next three */
	struct programs_run *next;
	bool waiting;
	char received_at[TEXT_TIME_SIZE];
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

#endif
