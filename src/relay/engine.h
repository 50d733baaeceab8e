/*
 * engine: what the relay's dispatchers share.  Filled by relay_new.
 */
#ifndef LEADRELAY_RELAY_ENGINE_H
#define LEADRELAY_RELAY_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/counters.h"
#include "base/trust.h"
#include "http/client.h"
#include "outbox/mailbox.h"

struct program_pool;

struct engine {
	struct http_client http;
	struct mailbox mailbox;
	struct counters *counters;
	struct program_pool *pool;	/* runs jq programs; NULL: it is sure that there are none */
	int64_t share;			/* requests that one destination may have under way */
	uint64_t random;		/* state of a generator for jitter */
	struct trust trust;		/* how far the wall clock is believed */
	struct trust stored;		/* the same, as it is on disk */
	int64_t read_ms;		/* its last reading; 0: none yet */
	bool put_back;			/* it was put back: to be cleared by whoever acts on it */
};

/*
 * Look at the clock: the moment that what cannot be undone may go by, in the wall
 * clock's terms.  ${run}: the first look of a run.  A jump is said in the log.
 */
int64_t engine_sure_ms(struct engine *engine, bool run);

/* The same look; the reading itself.  What is written goes by no other. */
int64_t engine_wall_ms(struct engine *engine);

#endif
