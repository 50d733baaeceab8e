#include "cli/cmd.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <errno.h>

#include "base/counters.h"
#include "base/exits.h"
#include "base/log.h"
#include "cli/setup.h"
#include "relay/relay.h"
#include "reload.h"

#define ONCE_LIMIT_MS 50000		/* cron comes again after 60 s */
#define GRACE_MS 1500			/* whoever stops us expects the end within 2 s */

/* A thread of its own takes the signals, so that no work is interrupted by one. */
struct watch {
	struct relay *relay;
	struct setup *setup;
	bool once;
	struct reload reload;
	sigset_t set;
	atomic_bool over;		/* SIGUSR1 then means: end */
	pthread_t thread;
};

/* The log anew, and the configuration, unless the end is near anyhow. */
static void
hang_up(struct watch *watch)
{
	struct reload_parts parts = {
		.outbox = watch->setup->outbox,
		.relay = watch->relay,
		.host = watch->setup->host,
	};

	if (log_reopen() == -1)
		log_warn("log: cannot be opened again: %s", strerror(errno));
	if (!watch->once)
		(void)reload_config(&watch->reload, &watch->setup->config, &parts);
}

static void *
watch_run(void *arg)
{
	struct watch *watch = arg;
	int signal_number;

	while (sigwait(&watch->set, &signal_number) != 0 ||
	    !(signal_number == SIGUSR1 && atomic_load(&watch->over))) {
		if (signal_number == SIGHUP)
			hang_up(watch);
		else if (signal_number == SIGTERM || signal_number == SIGINT)
			relay_stop(watch->relay, GRACE_MS);
	}
	return NULL;
}

/* Before any thread is made: they all inherit it. */
static void
block_signals(struct watch *watch)
{
	sigemptyset(&watch->set);
	sigaddset(&watch->set, SIGTERM);
	sigaddset(&watch->set, SIGINT);
	sigaddset(&watch->set, SIGHUP);
	sigaddset(&watch->set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &watch->set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static int
run(struct watch *watch)
{
	int rc = pthread_create(&watch->thread, NULL, watch_run, watch);

	if (rc != 0) {
		log_err("relay: no thread for signals: %s", strerror(rc));
		return EXIT_SOFTWARE;
	}
	relay_run(watch->relay, watch->once, watch->once ? ONCE_LIMIT_MS : 0);
	atomic_store(&watch->over, true);
	pthread_kill(watch->thread, SIGUSR1);
	pthread_join(watch->thread, NULL);
	return EXIT_DONE;
}

/* From here on the log says what happens; for cron only what is wrong. */
static int
open_log(const struct config *config, bool once)
{
	const struct config_worker *worker = &config->worker;
	enum log_level level = (enum log_level)worker->log_level;

	if (once && strcmp(worker->log, "stderr") == 0 && level > LOG_LV_WARN)
		level = LOG_LV_WARN;
	if (log_open(worker->log, (enum log_format)worker->log_format,
	    level) == 0)
		return EXIT_DONE;
	fprintf(stderr, "leadrelay: log %s: %s\n", worker->log,
	    strerror(errno));
	return EXIT_CONFIG;
}

int
cmd_relay(const struct args *args)
{
	bool once = args_flag(args, "once");
	struct setup setup = { .programs = true };
	struct counters counters = { 0 };
	struct watch watch = { .setup = &setup, .once = once };
	struct buf why = { 0 };
	int status;

	block_signals(&watch);
	if ((status = setup_outbox(&setup, args, OUTBOX_SERVE)) != EXIT_DONE ||
	    (status = open_log(setup.config, once)) != EXIT_DONE)
		goto out;
	watch.relay = relay_new(setup.config, setup.host, setup.outbox, &counters,
	    &why);
	if (watch.relay == NULL) {
		fprintf(stderr, "leadrelay: relay: %s\n",
		    why.data != NULL ? why.data : "out of memory");
		status = EXIT_UNAVAILABLE;
		goto out;
	}
	status = run(&watch);
out:
	relay_free(watch.relay);
	buf_free(&why);
	setup_free(&setup);
	return status;
}
