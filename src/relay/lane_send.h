/*
 * lane_send: a lane's deliveries on their way: sent, judged, settled.
 */
#ifndef LEADRELAY_RELAY_LANE_SEND_H
#define LEADRELAY_RELAY_LANE_SEND_H

#include <stdbool.h>
#include <stdint.h>

struct delivery_claim;
struct lane;

/* Send ${claim}, which is taken over, if the programs let it; ${probe}: as a probe. */
void lane_send(struct lane *l, struct delivery_claim *claim, bool probe);

/* Something failed that every lead needs: ${error}. */
void lane_blame(struct lane *l, const char *error, int64_t now_ms);

/* Give back what is with its programs and was not sent yet. */
void lane_send_give_back(struct lane *l);

/*
 * The lane's outfit is about to be a former one: give back the same, and take what
 * was sent out of its place.
 */
void lane_send_leave(struct lane *l);

/* Break off what is under way; it stays "sending". */
void lane_send_cancel(struct lane *l);

#endif
