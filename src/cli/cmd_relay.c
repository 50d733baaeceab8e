#include "cli/cmd.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/counters.h"
#include "base/exits.h"
#include "base/files.h"
#include "base/log.h"
#include "base/notify.h"
#include "base/signals.h"
#include "cli/setup.h"
#include "relay/relay.h"
#include "start/background.h"
#include "start/reload.h"
#include "start/reload_reply.h"
#include "start/supervisor.h"

#define ONCE_LIMIT_MS 50000		/* cron comes again after 60 s */
#define GRACE_MS 1200			/* of the supervisor's; the rest is for what is to be written */

/*
 * The main thread delivers; the supervisor takes signals, and the tending thread
 * reads the configuration, so that no work is interrupted and no signal waits.
 */
struct watch {
	_Atomic(struct relay *) relay;	/* NULL: not there yet */
	struct setup *setup;
	bool once;
	struct reload reload;
	struct notify notify;
	struct supervisor supervisor;
	struct background background;
};

static void
report(struct watch *watch)
{
	char status[RELOAD_TROUBLE_SIZE + 64];

	(void)snprintf(status, sizeof(status), "%s%s",
	    watch->reload.trouble[0] != '\0' ? watch->reload.trouble : "relaying",
	    watch->reload.trouble[0] != '\0' ?
	    "; the former configuration stays in force" : "");
	notify_status(&watch->notify, status);
	(void)notify_ready(&watch->notify);
}

/* SIGHUP: the log anew, and the configuration, unless the end is near anyhow. */
static bool
turn(void *owner, bool hung_up)
{
	struct watch *watch = owner;
	struct reload_parts parts = {
		.outbox = watch->setup->outbox,
		.relay = atomic_load(&watch->relay),
	};
	bool taken = true;

	if (!hung_up)
		return true;
	notify_reloading(&watch->notify);
	log_reopen();
	if (!watch->once)
		taken = reload_config(&watch->reload, &watch->setup->config,
		    &parts);
	report(watch);
	return taken;
}

static void
note_hang_up(void *owner)
{
	struct watch *watch = owner;

	background_hang_up(&watch->background);
}

/* While things are being made ready there is nothing that could be lost. */
static void
begin_stop(void *owner)
{
	struct watch *watch = owner;
	struct relay *relay = atomic_load(&watch->relay);

	notify_stopping(&watch->notify);
	if (relay == NULL)
		log_exit(EXIT_DONE);
	relay_stop(relay, GRACE_MS);
	background_stop(&watch->background);
}

static void
feed_watchdog(void *owner)
{
	struct watch *watch = owner;

	notify_alive(&watch->notify);
}

/* Before any other thread: they all leave signals to the supervisor. */
static void
start_supervisor(struct watch *watch)
{
	const struct supervisor_duty duty = {
		.hang_up = note_hang_up, .stop = begin_stop,
		.beat = feed_watchdog,
		.every_ms = watch->notify.watchdog_ms, .owner = watch,
	};

	watch->background.turn = turn;
	watch->background.owner = watch;
	background_init(&watch->background);
	if (supervisor_start(&watch->supervisor, &duty) == -1)
		log_exit(EXIT_SOFTWARE);
}

static int
run(struct watch *watch)
{
	report(watch);
	if (background_start(&watch->background) == -1)
		log_exit(EXIT_SOFTWARE);
	return relay_run(atomic_load(&watch->relay), watch->once,
	    watch->once ? ONCE_LIMIT_MS : 0) == -1 ? EXIT_IOERR : EXIT_DONE;
}

/* What is under way has ended; what is left is to be closed, in time as well. */
static void
take_down(struct watch *watch, int status)
{
	supervisor_stop(&watch->supervisor, status);
	background_join(&watch->background);
	relay_free(atomic_load(&watch->relay));
	setup_free(watch->setup);
	supervisor_end(&watch->supervisor);
}

/* From here on the log says what happens; for cron only what is wrong. */
static void
open_log(const struct config *config, bool once)
{
	const struct config_worker *worker = &config->worker;
	enum log_level level = (enum log_level)worker->log_level;

	if (once && strcmp(worker->log, "stderr") == 0 && level > LOG_LV_WARN)
		level = LOG_LV_WARN;
	if (log_insist(worker->log, (enum log_format)worker->log_format,
	    level) == -1)
		log_err("log %s: %s", worker->log, strerror(errno));
	files_check();
}

static int
set_up(struct watch *watch, const struct args *args, struct counters *counters)
{
	struct setup *setup = watch->setup;
	struct buf why = { 0 };
	struct relay *relay;
	int status;

	if ((status = setup_outbox(setup, args, OUTBOX_RELAY)) != EXIT_DONE)
		return status;
	open_log(setup->config, watch->once);
	relay = relay_new(setup->config, setup->host, setup->outbox, counters,
	    &why);
	atomic_store(&watch->relay, relay);
	if (relay == NULL) {
		fprintf(stderr, "leadrelay: relay: %s\n",
		    why.data != NULL ? why.data : "out of memory");
		status = EXIT_UNAVAILABLE;
	}
	buf_free(&why);
	return status;
}

int
cmd_relay(const struct args *args, struct setup *setup)
{
	const char *pid = args_value(args, "reload");
	struct counters counters = { 0 };
	struct watch watch = { .setup = setup, .once = args_flag(args, "once") };
	int status;

	if (pid != NULL)
		return reload_reply_ask(pid);
	setup->programs = true;
	signals_expect_hangups();
	notify_open(&watch.notify);
	start_supervisor(&watch);
	if ((status = set_up(&watch, args, &counters)) == EXIT_DONE) {
		status = run(&watch);
		take_down(&watch, status);
	}
	notify_close(&watch.notify);
	return status;
}
