/*
 * passage: a delivery on its way through its destination's programs: out
 * (`when`, `transform`), and back with the answer (`success_when`, `capture`).
 */
#ifndef LEADRELAY_RELAY_PASSAGE_H
#define LEADRELAY_RELAY_PASSAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "relay/programs.h"

#define PASSAGE_ANSWER_MAX (256u << 10)	/* bytes of an answer that programs see */
#define PASSAGE_RECORD_MAX 200		/* bytes of a record id */

enum passage_end {
	PASSAGE_ON,			/* out: send it; back: the receiver means yes */
	PASSAGE_SKIP,			/* out: it is not for this destination */
	PASSAGE_REFUSED,		/* back: the receiver means no */
	PASSAGE_HOLD,			/* a program failed */
	PASSAGE_TROUBLE			/* no program can be run now: no lead's fault */
};

/* A zeroed one is at rest. */
struct passage {
	void *owner;			/* the caller's */
	struct programs *programs;
	const struct delivery_claim *claim;
	bool busy;
	bool out;			/* on the way out, or back */
	struct programs_run run;
	struct buf body;		/* out, ON: what transform made, if there is one */
	char record[PASSAGE_RECORD_MAX + 1];	/* back, ON: or "" */
	bool uncaptured;		/* back, ON: capture failed, for ${reason} */
	enum programs_which which;	/* SKIP, HOLD: which program did it */
	/* For a person; may quote the lead: never log it.  TROUBLE: quotes no lead. */
	struct buf reason;
	void (*done)(struct passage *p, enum passage_end end);
};

/*
 * Set out with ${claim}, which must hold still; ${done} is called when it is
 * over, at once where there is no program.  That an answer could be judged is
 * seen to before anything is sent.
 */
void passage_out(struct passage *p, struct programs *programs,
    const struct delivery_claim *claim,
    void (*done)(struct passage *p, enum passage_end end));

/* Come back with an answer to it that says success.  ${answer} must hold still. */
void passage_back(struct passage *p, const char *answer, size_t len,
    void (*done)(struct passage *p, enum passage_end end));

/* Break it off, if it is busy; done is not called. */
void passage_cancel(struct passage *p);

/* It must not be busy. */
void passage_destroy(struct passage *p);

#endif
