/*
 * One job at a time: a batch, and soon another one when it was full.  A failure only
 * means later.
 */
#include "relay/purge.h"

#include "base/clock.h"
#include "base/log.h"
#include "config/config.h"
#include "outbox/store.h"
#include "relay/engine.h"

#define BATCH 200
#define PAUSE_MS 1000			/* between batches */
#define REST_MS 60000			/* when nothing was left to delete */

static int
purge_run(struct store *store, struct mailbox_job *job)
{
	struct purge *p = (struct purge *)job;

	if (p->save && store_save_trust(store, &p->trust) == -1)
		return -1;
	if (store_expire(store, p->sure_ms, p->trust.jump_ms == 0) == -1)
		return -1;
	return store_purge(store, p->sure_ms - p->keep_delivered_ms,
	    p->sure_ms - p->keep_failed_ms, BATCH, &p->count);
}

static void
purge_finish(struct mailbox_job *job, const struct store_fault *fault)
{
	struct purge *p = (struct purge *)job;
	bool more = fault == NULL && p->count == BATCH;

	if (fault != NULL)
		log_warn("outbox: old events cannot be deleted: %s", fault->text);
	else if (p->save)
		p->engine->stored = p->trust;
	if (fault == NULL && p->count != 0)
		log_kv(LOG_LV_INFO, "purged", "d:count", (long long)p->count, NULL);
	p->busy = false;
	p->next_mono_ms = clock_mono_ms() + (more ? PAUSE_MS : REST_MS);
}

void
purge_step(struct purge *p, struct engine *engine,
    const struct config_store *config, int64_t mono_ms)
{
	if (p->busy || mono_ms < p->next_mono_ms)
		return;
	p->busy = true;
	p->engine = engine;
	p->sure_ms = engine_sure_ms(engine, false);
	p->keep_delivered_ms = config->keep_delivered_ms;
	p->keep_failed_ms = config->keep_failed_ms;
	p->trust = engine->trust;
	p->save = trust_differs(&p->trust, &engine->stored);
	p->job.run = purge_run;
	p->job.finish = purge_finish;
	mailbox_submit(&engine->mailbox, &p->job);
}
