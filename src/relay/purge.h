/*
 * purge: deletes what has had its lifetime, a little at a time.
 */
#ifndef LEADRELAY_RELAY_PURGE_H
#define LEADRELAY_RELAY_PURGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/trust.h"
#include "outbox/mailbox.h"

struct config_store;
struct engine;

/* Zeroed to begin with.  Its job must not be under way when it goes. */
struct purge {
	struct mailbox_job job;
	struct engine *engine;
	int64_t sure_ms;		/* what it goes by */
	int64_t keep_delivered_ms, keep_failed_ms;
	struct trust trust;		/* to be written, if save */
	bool save;
	size_t count;
	bool busy;			/* the job is under way */
	int64_t next_mono_ms;
};

/*
 * Delete the next few, if it is time.  Whether the clock is believed is written with
 * them: a lifetime ends by no reading that could be wrong.  The relay's thread.
 */
void purge_step(struct purge *p, struct engine *engine,
    const struct config_store *config, int64_t mono_ms);

#endif
