/*
 * compiled: the programs of a host, compiled, and what a run of one comes to.
 */
#ifndef LEADRELAY_PROGRAM_COMPILED_H
#define LEADRELAY_PROGRAM_COMPILED_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "program/libjq.h"
#include "program/wire.h"

struct compiled {
	struct libjq lib;
	jq_state *programs[WIRE_PROGRAMS_MAX];
	struct buf said;		/* what libjq complained of */
};

/*
 * Compile ${text} as program ${index}, in the place of one that had it before.
 * WIRE_EMPTY, or WIRE_ERROR and a message in ${said}.
 */
enum wire_kind compiled_add(struct compiled *c, uint32_t index, const char *text);

/*
 * Run program ${index} on ${input}.  WIRE_OUTPUT, WIRE_EMPTY or WIRE_ERROR, and
 * the output or message in ${out}.
 */
enum wire_kind compiled_run(struct compiled *c, uint32_t index, const char *input,
    size_t len, struct buf *out);

#endif
