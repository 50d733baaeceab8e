/*
 * attempt: a dispatcher's deliveries on their way: sent, judged, settled.
 */
#ifndef LEADRELAY_RELAY_ATTEMPT_H
#define LEADRELAY_RELAY_ATTEMPT_H

#include <stdbool.h>
#include <stdint.h>

struct delivery_claim;
struct dispatcher;

/* Send ${claim}, which is taken over, if the programs let it; ${probe}: as a probe. */
void attempt_begin(struct dispatcher *l, struct delivery_claim *claim, bool probe);

/* Something failed that every lead needs: ${error}. */
void dispatcher_blame(struct dispatcher *l, const char *error, int64_t now_ms);

/* Give back what is with its programs and was not sent yet. */
void attempts_give_back(struct dispatcher *l);

/*
 * The dispatcher's profile is about to be a former one: give back the same, and take what
 * was sent out of its place.
 */
void attempts_leave(struct dispatcher *l);

/* Break off what is under way; it stays "sending". */
void attempts_cancel(struct dispatcher *l);

#endif
