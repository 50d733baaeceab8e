/*
 * outgoing: what a destination gets for a delivery, to the byte.
 *
 * Built without network or store, so that what `try` prints and what is sent
 * cannot differ.
 */
#ifndef LEADRELAY_RELAY_OUTGOING_H
#define LEADRELAY_RELAY_OUTGOING_H

#include <stddef.h>

#include "base/buf.h"

struct config_destination;
struct credentials;
struct delivery_claim;

/*
 * All strings are borrowed from the configuration, the URL credential, the claim
 * or ${text}, and good until one of them changes.  A zeroed struct is empty and
 * may be built again and again: its memory is kept.
 */
struct outgoing {
	const char *method;
	const char *url;
	const char **headers;		/* "Name: value" */
	size_t header_count;
	size_t header_cap;
	const char *body;
	size_t body_len;
	struct buf text;
};

/*
 * Build the request for ${claim}.  0, or -1 with a phrase in ${why}: this lead
 * cannot be put into the destination's form.
 */
int outgoing_build(struct outgoing *og, const struct config_destination *config,
    const struct credentials *credentials, const struct delivery_claim *claim,
    struct buf *why);

void outgoing_free(struct outgoing *og);

#endif
