/*
 * program: runs an operator's jq programs where they can harm nobody.
 *
 * A host process, forked while leadrelay has one thread and nothing open, forks
 * runners on request: empty environment, no files, 64 MB beyond what it starts
 * with, one second a run.  A program that recurses for ever, eats memory or
 * crashes libjq ends its runner; the next run gets a new one.
 *
 * A runner keeps its programs compiled.  Each is run on one input (a JSON text)
 * with $id, $event, $received_at, $source and $destination bound.
 */
#ifndef LEADRELAY_PROGRAM_PROGRAM_H
#define LEADRELAY_PROGRAM_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define PROGRAM_RUN_MS 1000
#define PROGRAM_COMPILE_MS 5000
#define PROGRAM_MEMORY (64u << 20)
#define PROGRAM_OUTPUT_MAX (1u << 20)

struct program_host;
struct program_runner;

/* False when leadrelay was built without libjq, or it cannot be loaded. */
bool program_available(void);

/* libjq's name, or that it is absent; a constant. */
const char *program_library(void);

/*
 * Fork the host.  Call it before any thread is started and any store opened.
 * NULL with errno when the system refuses.  It ends when program_host_stop is
 * called or this process dies.
 */
struct program_host *program_host_start(void);
void program_host_stop(struct program_host *host);	/* NULL is fine */

/* What $id and the others are bound to.  Strings are borrowed for the call. */
struct program_variables {
	const char *id;
	const char *event;
	const char *received_at;	/* RFC 3339 */
	const char *source;
	const char *destination;
};

enum program_state {
	PROGRAM_RUNNING,		/* not yet */
	PROGRAM_OUTPUT,			/* exactly one output: JSON text */
	PROGRAM_EMPTY,			/* no output */
	PROGRAM_ERROR			/* a message for a person; may quote the lead: never log it */
};

/*
 * A runner for ${count} programs, whose texts are copied.  It is forked when it
 * is first needed.  NULL: out of memory.
 */
struct program_runner *program_runner_new(struct program_host *host,
    const char *const *texts, size_t count);
void program_runner_free(struct program_runner *r);	/* NULL is fine */

/*
 * Begin to run program ${index} on the JSON text ${input}; the runner must be
 * idle.  0, or -1 when no runner can be had.  Then wait for ${events} on ${fd}
 * (poll(2)), at most until ${deadline_ms} (clock_mono_ms), and call step.
 */
int program_runner_start(struct program_runner *r, size_t index,
    const char *input, size_t len, const struct program_variables *variables);
int program_runner_fd(const struct program_runner *r);
short program_runner_events(const struct program_runner *r);
int64_t program_runner_deadline(const struct program_runner *r);

/*
 * Go on without blocking.  Anything but PROGRAM_RUNNING ends the run; ${out}
 * then holds the output or the message.  Overrun and crash are PROGRAM_ERROR.
 */
enum program_state program_runner_step(struct program_runner *r,
    struct buf *out);

/* Wait and step until it is over. */
enum program_state program_runner_wait(struct program_runner *r,
    struct buf *out);

/* Break a run off.  Its process ends; the next run gets a new one. */
void program_runner_cancel(struct program_runner *r);

/*
 * Begin to compile program ${index}, to be followed by steps, which end in
 * PROGRAM_EMPTY when it does compile.  0; 1: it was compiled before, and nothing
 * was begun; -1 when no runner can be had.
 */
int program_runner_compile(struct program_runner *r, size_t index);

/* Start, wait and step until it is over. */
enum program_state program_run(struct program_runner *r, size_t index,
    const char *input, size_t len, const struct program_variables *variables,
    struct buf *out);

/* Does program ${index} compile?  PROGRAM_EMPTY if so, else PROGRAM_ERROR and why. */
enum program_state program_compile(struct program_runner *r, size_t index,
    struct buf *why);

#endif
