/*
 * wire: what the relay and its runners say to each other.
 *
 * A message is a head and as many bytes as it says, never more than its kind
 * may have.  Both ends are one executable, so the head goes as it lies in memory;
 * the runner's first word tells its version, for the file may have been replaced.
 *
 * To a runner: RUN (a program's text and, behind a NUL, its input; without one it
 * is only compiled).  The answer: OUTPUT, EMPTY, ERROR (what it ended with), FAULTY
 * (why it does not compile), or TROUBLE, which is nobody's program's fault.
 */
#ifndef LEADRELAY_PROGRAM_WIRE_H
#define LEADRELAY_PROGRAM_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define WIRE_VERSION 3
#define WIRE_LAST 1			/* ${index} of an answer whose sender ends with it */
#define WIRE_JOB_MAX (16u << 20)
#define WIRE_OUTPUT_MAX (1u << 20)
#define WIRE_MESSAGE_MAX 4096

enum wire_kind {
	WIRE_RUN = 1,
	WIRE_HELLO,			/* ${index} is WIRE_VERSION */
	WIRE_OUTPUT,			/* the answers are from here on */
	WIRE_EMPTY,
	WIRE_ERROR,
	WIRE_FAULTY,
	WIRE_TROUBLE,
	WIRE_KINDS
};

struct wire_head {
	uint32_t kind;
	uint32_t index;
	uint32_t len;
};

/*
 * One end.  wire_open makes it, with MSG_DONTWAIT or 0 for ${flags}; one that is
 * closed has fd -1.
 */
struct wire {
	int fd;
	int flags;
	struct buf out;			/* still to be sent, from ${sent} on */
	size_t sent;
	struct wire_head head;		/* what comes in: so much of the head is there, */
	size_t head_len;
	struct buf in;			/* and these of its bytes */
};

void wire_open(struct wire *w, int fd, int flags);
void wire_close(struct wire *w);

/*
 * Send a message, or with MSG_DONTWAIT as much of it as goes; wire_flush sends
 * more.  A message that is cut to what its kind
 * may have is whole all the same.  -1: out of memory, or the other end is gone.
 */
int wire_send(struct wire *w, enum wire_kind kind, uint32_t index,
    const void *bytes, size_t len);
int wire_flush(struct wire *w);

enum wire_news {
	WIRE_NOTHING,			/* not yet */
	WIRE_MESSAGE,			/* a whole one: ${head} and ${in}, until wire_next */
	WIRE_END,			/* the other end is closed */
	WIRE_NONSENSE			/* no message of ours: close it */
};

/* Read on.  Never holds more than a message may have. */
enum wire_news wire_receive(struct wire *w);

/* Done with the message. */
void wire_next(struct wire *w);

#endif
