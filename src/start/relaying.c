/*
 * relaying: the main thread delivers; the supervisor's take signals and read the
 * configuration, so that no work is interrupted and no signal waits.
 */
#include "start/relaying.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/exits.h"
#include "base/files.h"
#include "base/log.h"
#include "relay/relay.h"
#include "start/load.h"
#include "start/process.h"

#define ONCE_LIMIT_MS 50000		/* cron comes again after 60 s */
#define GRACE_MS 1200			/* of the supervisor's; the rest is for what is to be written */

struct relaying {
	struct process process;
	bool once;			/* the end is near: no new configuration is taken */
};

static bool
turn(void *owner, bool hung_up)
{
	struct relaying *r = owner;
	bool taken = true;

	if (!hung_up)
		return true;
	process_hang_up(&r->process);
	if (!r->once)
		taken = reload_again(&r->process);
	process_report(&r->process, "relaying");
	return taken;
}

/* While things are being made ready there is nothing that could be lost. */
static void
begin_stop(void *owner)
{
	struct relaying *r = owner;

	if (!process_stop(&r->process, GRACE_MS))
		log_exit(EXIT_DONE);
}

static void
feed_watchdog(void *owner)
{
	struct relaying *r = owner;

	notify_alive(&r->process.notify);
}

struct relaying *
relaying_begin(bool once)
{
	struct supervisor_duty duty = {
		.turn = turn, .stop = begin_stop, .beat = feed_watchdog,
	};
	struct relaying *r = calloc(1, sizeof(*r));

	if (r == NULL) {
		log_err("out of memory");
		log_exit(EXIT_SOFTWARE);
	}
	r->once = once;
	process_open(&r->process);
	duty.beat_ms = r->process.notify.watchdog_ms;
	if (supervisor_start(&r->process.supervisor, &duty, r) == -1)
		log_exit(EXIT_SOFTWARE);
	return r;
}

int
relaying_make(struct relaying *r, struct config *config,
    struct program_pool *pool, struct outbox *outbox)
{
	struct process *p = &r->process;
	struct buf why = { 0 };
	struct relay *relay;

	(void)load_log(config, r->once ? LOAD_LOG_CRON : LOAD_LOG_FIRST);
	files_check();
	p->config = config;
	p->pool = pool;
	atomic_store(&p->outbox, outbox);
	if ((relay = process_make_relay(p, &why)) == NULL)
		fprintf(stderr, "leadrelay: relay: %s\n", buf_phrase(&why));
	buf_free(&why);
	atomic_store(&p->relay, relay);
	return relay != NULL ? 0 : -1;
}

int
relaying_run(struct relaying *r)
{
	struct process *p = &r->process;
	int status;

	process_report(p, "relaying");
	if (supervisor_begin_turns(&p->supervisor) == -1)
		log_exit(EXIT_SOFTWARE);
	status = relay_run(atomic_load(&p->relay), r->once,
	    r->once ? ONCE_LIMIT_MS : 0) == -1 ? EXIT_IOERR : EXIT_DONE;
	process_close(p, status);
	free(r);
	return status;
}
