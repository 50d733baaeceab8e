/*
 * dry_run: what a destination would get for a delivery, made as the relay makes
 * it, and not sent.  For `try`.
 */
#ifndef LEADRELAY_RELAY_DRY_RUN_H
#define LEADRELAY_RELAY_DRY_RUN_H

#include <stdint.h>

#include "base/buf.h"
#include "http/request.h"

struct config_destination;
struct delivery_claim;
struct program_pool;
struct dry_run;

enum dry_run_end {
	DRY_RUN_SEND,			/* the request is in ${request} */
	DRY_RUN_SKIP,			/* a program says it is not for this destination */
	DRY_RUN_HOLD,			/* a program fails, or the body cannot be made */
	DRY_RUN_TROUBLE		/* no program can be run now */
};

/* A zeroed one may be used again and again. */
struct dry_run_result {
	enum dry_run_end end;
	struct buf reason;		/* SKIP: "when" or "transform"; HOLD, TROUBLE: a phrase */
	struct http_request request;
};

/*
 * Read the destination's credentials and programs.  Both pointers are borrowed.
 * NULL: a phrase in ${why}.  An access token is not fetched.
 */
struct dry_run *dry_run_new(struct program_pool *pool,
    const struct config_destination *config, struct buf *why);
void dry_run_free(struct dry_run *r);		/* NULL is fine */

/* ${out} is good until the next run, or until ${claim} goes. */
void dry_run_run(struct dry_run *r, const struct delivery_claim *claim,
    int64_t now_ms, struct dry_run_result *out);
void dry_run_done(struct dry_run_result *out);	/* release what it holds */

#endif
