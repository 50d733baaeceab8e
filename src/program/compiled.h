/*
 * compiled: the programs of a runner, compiled, and what a run of one comes to.
 */
#ifndef LEADRELAY_PROGRAM_COMPILED_H
#define LEADRELAY_PROGRAM_COMPILED_H

#include <stddef.h>

#include "base/buf.h"
#include "program/libjq.h"
#include "program/wire.h"

struct compiled_program;

struct compiled {
	struct libjq lib;
	struct compiled_program *first;
	struct buf said;		/* what libjq complained of */
};

/* The program with this text, if it was compiled before, or NULL. */
jq_state *compiled_find(const struct compiled *c, const char *text);

/* Compile it, and keep it.  NULL: why not is appended to ${why}. */
jq_state *compiled_add(struct compiled *c, const char *text, struct buf *why);

/*
 * Run it on ${input}.  WIRE_OUTPUT, WIRE_EMPTY or WIRE_ERROR, and the output or
 * message in ${out}.
 */
enum wire_kind compiled_run(struct compiled *c, jq_state *jq, const char *input,
    size_t len, struct buf *out);

#endif
