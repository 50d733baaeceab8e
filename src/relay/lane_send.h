/*
 * lane_send: a lane's deliveries on their way: sent, judged, settled.
 */
#ifndef LEADRELAY_RELAY_LANE_SEND_H
#define LEADRELAY_RELAY_LANE_SEND_H

#include <stdbool.h>

#include "relay/curl_api.h"

struct delivery_claim;
struct lane;
struct transfer;

/* Send ${claim}, which is taken over; ${probe}: as a probe. */
void lane_send(struct lane *l, struct delivery_claim *claim, bool probe);

/* A transfer of the lane ended. */
void lane_send_ended(struct lane *l, struct transfer *tr, CURLcode code);

/* Break off what is under way; it stays "sending". */
void lane_send_cancel(struct lane *l);

#endif
