/*
 * pipeline: a delivery on its way through its destination's programs: out
 * (`when`, `transform`), and back with the answer (`success_when`, `capture`).
 */
#ifndef LEADRELAY_PROGRAM_PIPELINE_H
#define LEADRELAY_PROGRAM_PIPELINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/text.h"
#include "program/programs.h"

struct delivery_claim;

#define PIPELINE_ANSWER_MAX (256u << 10)	/* bytes of an answer that programs see */
#define PIPELINE_RECORD_MAX 200		/* bytes of a record id */

enum pipeline_end {
	PIPELINE_ON,			/* out: send it; back: the receiver means yes */
	PIPELINE_SKIP,			/* out: it is not for this destination */
	PIPELINE_REFUSED,		/* back: the receiver means no */
	PIPELINE_HOLD,			/* a program failed */
	PIPELINE_TROUBLE			/* no program can be run now: no lead's fault */
};

/* A zeroed one is at rest. */
struct pipeline {
	void *owner;			/* the caller's */
	struct programs *programs;
	const struct delivery_claim *claim;
	bool busy;
	bool out;			/* on the way out, or back */
	size_t step;			/* pipeline.c's own, as are the next five */
	const char *answer;
	size_t answer_len;
	struct program_run run;
	struct buf text;		/* of the program that is run */
	char received_at[TEXT_TIME_SIZE];
	struct buf body;		/* out, ON: what transform made, if there is one */
	char record[PIPELINE_RECORD_MAX + 1];	/* back, ON: or "" */
	bool uncaptured;		/* back, ON: capture failed, for ${reason} */
	enum programs_which which;	/* SKIP, HOLD: which program did it */
	/* For a person; may quote the lead: never log it.  TROUBLE: quotes no lead. */
	struct buf reason;
	void (*done)(struct pipeline *p, enum pipeline_end end);
};

/*
 * Set out with ${claim}, which must hold still; ${done} is called when it is
 * over, at once where there is no program.  That an answer could be judged is
 * seen to before anything is sent.
 */
void pipeline_out(struct pipeline *p, struct programs *programs,
    const struct delivery_claim *claim,
    void (*done)(struct pipeline *p, enum pipeline_end end));

/* Come back with an answer to it that says success.  ${answer} must hold still. */
void pipeline_back(struct pipeline *p, const char *answer, size_t len,
    void (*done)(struct pipeline *p, enum pipeline_end end));

/* Break it off, if it is busy; done is not called. */
void pipeline_cancel(struct pipeline *p);

/* It must not be busy. */
void pipeline_destroy(struct pipeline *p);

#endif
