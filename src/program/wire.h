/*
 * wire: what a runner and its owner say to each other over their socket.
 *
 * A message is a struct wire_head and ${len} bytes.  The owner sends PROGRAM
 * (the text of program ${index}; answered with EMPTY or ERROR) and RUN (its
 * input; answered with OUTPUT, EMPTY or ERROR).  Both ends are one executable,
 * so the structure goes as it lies in memory.
 */
#ifndef LEADRELAY_PROGRAM_WIRE_H
#define LEADRELAY_PROGRAM_WIRE_H

#include <stdint.h>

#define WIRE_PROGRAMS_MAX 8
#define WIRE_INPUT_MAX (16u << 20)

enum wire_kind {
	WIRE_PROGRAM = 1,
	WIRE_RUN,
	WIRE_OUTPUT,
	WIRE_EMPTY,
	WIRE_ERROR
};

struct wire_head {
	uint32_t kind;
	uint32_t index;
	uint32_t len;
};

#endif
