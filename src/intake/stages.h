/*
 * stages: what a webhook must pass, in the order it takes them, before it is stored.
 */
#ifndef LEADRELAY_INTAKE_STAGES_H
#define LEADRELAY_INTAKE_STAGES_H

#include "intake/front_probe.h"
#include "intake/problem.h"
#include "intake/receive.h"
#include "lead/lead.h"
#include "outbox/outbox.h"
#include "token/token.h"

/* A webhook in flight: allocated once, freed when it has been answered. */
struct flight {
	struct outbox_job job;		/* first: a job is its flight */
	struct receiver *rx;
	struct snapshot *snapshot;
	struct request *rq;
	const struct config_source *source;	/* NULL until routed */
	struct token token;
	struct front_probe probe;	/* how the token came, should it be one */
	const char *payload;		/* the token's, or the request's body */
	size_t payload_len;
	struct lead lead;
	char key[LEAD_KEY_SIZE];	/* what is left of the lead once it is judged */
	char event[LEAD_EVENT_SIZE];
	struct buf errors;		/* violations, a JSON array */
	struct event_in in;
	struct event_out out;
	enum problem problem;
	const char *reason;		/* for the log; NULL: the problem's name */
	const char *hint;		/* what a person may look at, or NULL */
	size_t bytes;			/* of the payload, or of what was refused */
};

/* What follows a stage: the next, or the end of them. */
enum next {
	NEXT_STAGE,
	NEXT_STORE,			/* ${in} is whole but for what ${lead} and ${source} say */
	NEXT_ANSWER,			/* with ${problem} */
	NEXT_PROBE			/* ${probe} is filled in */
};

/* Take ${fl} through the stages, on this thread: never NEXT_STAGE.  Neither disk nor outbox. */
enum next stages_run(struct flight *fl);

#endif
