/*
 * front_probe: answers `leadrelay doctor`.
 *
 * A probe is a rightly signed payload with "leadrelay_probe" and neither "event"
 * nor "data".  Its answer tells what this process sees: how the token came, its
 * clock, and what the probe asks for: "store", can it be written, "destinations",
 * do they take a connection.  An array of strings asks for just these, anything
 * else for all.  A probe is never stored and never forwarded, and its answer
 * names no file.
 */
#ifndef LEADRELAY_INTAKE_FRONT_PROBE_H
#define LEADRELAY_INTAKE_FRONT_PROBE_H

#include <stdbool.h>
#include <stddef.h>

#include "intake/receive.h"

struct lead;
struct store_fault;

/* What intake knows of a probe's request.  The strings are constants or of the snapshot. */
struct front_probe {
	const char *source;
	const char *variable;		/* the parameter that carried the token */
	size_t token_len;
	/* What it asks for: each on its own. */
	bool store;
	bool destinations;
	/*
	 * Made just now by a sender whose clock agrees with ours?  Only then are
	 * destinations tried, so that a probe overheard is of no use later.
	 */
	bool fresh;
};

/* Is this payload a probe?  Then what it asks for is noted in ${probe}. */
bool front_probe_read(const struct lead *lead, struct front_probe *probe);

/* How the store does, in a word that names no file; ${fault} NULL: well. */
const char *front_probe_word(const struct store_fault *fault);

/*
 * Fill in the answer, and log it.  ${store}: how it does, NULL where that was not
 * asked for.  ${config}: the one that ${probe} came under.
 */
void front_probe_answer(struct receiver *rx, struct config *config,
    const struct front_probe *probe, const char *store, struct answer *answer);

#endif
