/*
 * attempt: a dispatcher's deliveries on their way: sent, judged, settled.
 */
#ifndef LEADRELAY_RELAY_ATTEMPT_H
#define LEADRELAY_RELAY_ATTEMPT_H

#include <stdbool.h>
#include <stdint.h>

#include "http/request.h"
#include "http/transfer.h"
#include "outbox/event.h"
#include "program/pipeline.h"

struct dispatcher;
struct profile;

/* Made once and used for many. */
struct attempt {
	struct transfer http;		/* first */
	struct http_request request;	/* what it sends */
	struct attempt *next;
	struct dispatcher *dispatcher;
	struct profile *profile;	/* whose settings it was made for */
	struct delivery_claim claim;	/* owned while under way */
	struct pipeline pipeline;	/* before and after */
	enum pipeline_end answered;	/* what the answer means */
	unsigned token;			/* oauth_serial, where there is OAuth */
	unsigned era;			/* of its destination, when it was sent */
	bool probe;
};

/* One at rest. */
void attempt_free(struct attempt *at);

/* Send ${claim}, which is taken over, if the programs let it; ${probe}: as a probe. */
void attempt_begin(struct dispatcher *d, struct delivery_claim *claim, bool probe);

/* Something failed that every lead needs: ${error}. */
void dispatcher_blame(struct dispatcher *d, const char *error, int64_t now_ms);

/* Give back what is with its programs and was not sent yet. */
void attempts_give_back(struct dispatcher *d);

/*
 * The dispatcher's profile is about to be a former one: give back the same, and take what
 * was sent out of its place.
 */
void attempts_leave(struct dispatcher *d);

/* Break off what is under way; it stays "sending". */
void attempts_cancel(struct dispatcher *d);

#endif
