/*
 * rehearse: what a destination would get for a delivery, made as the relay makes
 * it, and not sent.  For `try`.
 */
#ifndef LEADRELAY_RELAY_REHEARSE_H
#define LEADRELAY_RELAY_REHEARSE_H

#include <stdint.h>

#include "base/buf.h"
#include "relay/outgoing.h"

struct config_destination;
struct delivery_claim;
struct program_host;
struct rehearse;

enum rehearse_end {
	REHEARSE_SEND,			/* the request is in ${request} */
	REHEARSE_SKIP,			/* a program says it is not for this destination */
	REHEARSE_HOLD,			/* a program fails, or the body cannot be made */
	REHEARSE_TROUBLE		/* no program can be run now */
};

/* A zeroed one may be used again and again. */
struct rehearsal {
	enum rehearse_end end;
	struct buf reason;		/* SKIP: "when" or "transform"; HOLD, TROUBLE: a phrase */
	struct outgoing request;
};

/*
 * Read the destination's credentials and programs.  Both pointers are borrowed.
 * NULL: a phrase in ${why}.  An access token is not fetched.
 */
struct rehearse *rehearse_new(struct program_host *host,
    const struct config_destination *config, struct buf *why);
void rehearse_free(struct rehearse *r);		/* NULL is fine */

/* ${out} is good until the next run, or until ${claim} goes. */
void rehearse_run(struct rehearse *r, const struct delivery_claim *claim,
    int64_t now_ms, struct rehearsal *out);
void rehearse_done(struct rehearsal *out);	/* release what it holds */

#endif
