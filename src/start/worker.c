/*
 * worker: it serves at once, and answers 503 until a turn has put configuration and
 * outbox in place; what is in place stays there until the end.
 */
#include "config.h"

#include "start/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/exits.h"
#include "base/files.h"
#include "base/log.h"
#include "base/notify.h"
#include "config/config.h"
#include "http/reachability.h"
#include "intake/receive.h"
#include "intake/serve.h"
#include "outbox/outbox.h"
#include "outbox/owner.h"
#include "program/program.h"
#include "program/programs.h"
#include "relay/relay.h"
#include "start/load.h"
#include "start/process.h"
#include "start/waiting.h"

/*
 * From the signal to the end two seconds may pass: the relay's grace and the
 * intake's run side by side, and the supervisor sees to the rest.
 */
#define RELAY_GRACE_MS 1000
#define LOOK_MS 1000			/* between two looks at the files, or tries to open the outbox */
#define THREADS 16			/* as long as no configuration says */

/*
 * Who does what.  The main thread serves; it needs nothing that may wait.  Of the
 * supervisor's threads one takes signals, and the other one reads the configuration,
 * opens the outbox and starts the relay, however often it has to try.
 */
struct worker {
	struct process p;		/* config, pool, outbox and relay come one by one */
	struct receiver rx;
	struct waiting waiting;		/* requests, for the outbox */
	const char *address;		/* --listen's; NULL: descriptor 0, and the files are watched */
	struct reachability *reach;	/* for front probes; NULL: not there */
	struct store_fault fault;	/* the last one on opening, said already */
	char relay_trouble[RELOAD_TROUBLE_SIZE]; /* why it does not relay, said already */
};

/* --- what requests ask for ------------------------------------------------ */

static struct outbox *
current_outbox(void *owner)
{
	struct worker *w = owner;

	return atomic_load(&w->p.outbox);
}

/* Until the outbox is open, if that is being done; it may have been just now. */
static bool
wait_for_outbox(void *owner, struct outbox_job *job)
{
	struct worker *w = owner;
	struct outbox *outbox;

	if (waiting_add(&w->waiting, job))
		return true;
	if ((outbox = atomic_load(&w->p.outbox)) == NULL)
		return false;
	outbox_submit(outbox, job);
	return true;
}

/* Something is there to deliver: our relay's business, or another process's. */
static void
wake_relay(void *owner)
{
	struct worker *w = owner;
	struct relay *relay = atomic_load(&w->p.relay);

	if (relay != NULL)
		relay_wake(relay);
	else
		outbox_wake(atomic_load(&w->p.outbox));
}

/* A front probe asks for the destinations. */
static void
tell_destinations(void *owner, struct config *config, bool try,
    struct buf *out)
{
	struct worker *w = owner;

	reachability_tell(w->reach, config, try, out);
}

/* --- the outbox and the relay --------------------------------------------- */

/* Open the outbox; a fault is said when it is a new one. */
static void
open_outbox(struct worker *w)
{
	struct store_fault fault = { 0 };
	struct outbox *outbox;

	waiting_begin(&w->waiting);
	outbox = outbox_open(w->p.config, OUTBOX_SERVE, &fault);
	if (outbox != NULL) {
		if (w->fault.text[0] != '\0')
			log_info("the outbox is open now");
	} else if (strcmp(fault.text, w->fault.text) != 0) {
		log_err("the outbox cannot be opened: %s", fault.text);
	}
	w->fault = fault;
	atomic_store(&w->p.outbox, outbox);
	waiting_end(&w->waiting, outbox, &fault);
}

/* Why it does not relay, said when it is news. */
static void
say_relay(struct worker *w, const char *why)
{
	if (why[0] != '\0' && strcmp(why, w->relay_trouble) != 0)
		log_err("not relaying: %s", why);
	if (why[0] == '\0' && w->relay_trouble[0] != '\0')
		log_info("relaying now");
	(void)snprintf(w->relay_trouble, sizeof(w->relay_trouble), "%s", why);
}

/* A library that is not there may be there a moment later, so this is tried again, too. */
static void
start_relay(struct worker *w)
{
	struct buf why = { 0 };
	struct relay *relay = process_make_relay(&w->p, &why);

	if (relay != NULL && relay_start(relay) == -1) {
		buf_printf(&why, "starting the thread: %s", strerror(errno));
		relay_free(relay);
		relay = NULL;
	}
	say_relay(w, relay != NULL ? "" : buf_phrase(&why));
	buf_free(&why);
	atomic_store(&w->p.relay, relay);
	/* The supervisor may have looked for it just before. */
	if (relay != NULL && atomic_load(&w->p.supervisor.stopping))
		relay_stop(relay, RELAY_GRACE_MS);
}

static void
bring_up(struct worker *w)
{
	if (atomic_load(&w->p.outbox) == NULL)
		open_outbox(w);
	if (atomic_load(&w->p.outbox) != NULL && w->p.config->worker.relay &&
	    atomic_load(&w->p.relay) == NULL && !atomic_load(&w->p.supervisor.stopping))
		start_relay(w);
}

/* --- the configuration ---------------------------------------------------- */

/* What cannot be put right before the socket is made.  -1: a line in ${why}. */
static int
check_group(const struct worker *w, const struct config *config, struct buf *why)
{
	const char *group = config->worker.socket_group;

	if (w->address == NULL || serve_has_group(group))
		return 0;
	buf_printf(why, "%s: worker: there is no group %s (socket_group)",
	    config->file, group);
	return -1;
}

/*
 * Started as root, with a store that is somebody else's: be them from here on.
 * Only the socket was made before, and is given to them, and to its group.
 */
static int
leave_root(const struct worker *w, const struct config *config, struct buf *why)
{
	struct store_fault fault = { 0 };
	struct identity id;
	int owned = owner_of(config, true, &id, &fault);

	if (owned != -1 && w->address != NULL && serve_give(w->address,
	    config->worker.socket_group, owned == 1 ? &id : NULL, why) == -1)
		return -1;
	if (owned == 0 || (owned == 1 && owner_become_id(&id, &fault) == 0))
		return 0;
	buf_printf(why, "%s: %s", config->file, fault.text);
	return -1;
}

/* Put the first one in force that is any good.  Takes ${config}; false: said. */
static bool
adopt(struct worker *w, struct config *config)
{
	struct buf why = { 0 };
	bool adopted = false;
	int rc = -1;

	if (check_group(w, config, &why) == 0 &&
	    leave_root(w, config, &why) == 0 &&
	    (load_log(config, LOAD_LOG_FIRST), true) &&
	    (rc = programs_begin(config, &w->p.pool, PROGRAMS_BEGIN_MS,
	    &why)) != -1) {
		if (rc == 1)
			log_warn(PROGRAMS_UNKNOWN, why.data);
		if ((adopted = snapshot_set(&w->rx.snapshot, config) == 0))
			w->p.config = config;
		else
			buf_puts(&why, "out of memory");
	}
	if (adopted) {
		reload_note(&w->p.reload, config);
		log_info("%s is in force", config->file);
		if (geteuid() == 0)
			log_warn("this runs as root: give the store's folder an "
			    "owner, or name one in worker { user }");
	} else {
		reload_refuse(&w->p.reload, config, &why);
		program_pool_free(w->p.pool);
		w->p.pool = NULL;
		config_free(config);
	}
	buf_free(&why);
	return adopted;
}

/* --- the supervisor's duties ------------------------------------------------ */

static const char *
describe(const struct worker *w, char text[PROCESS_STATUS_SIZE])
{
	if (atomic_load(&w->p.outbox) == NULL)
		(void)snprintf(text, PROCESS_STATUS_SIZE, "webhooks are answered "
		    "503: %s", w->fault.text[0] != '\0' ? w->fault.text :
		    "the outbox is being opened");
	else if (w->relay_trouble[0] != '\0')
		(void)snprintf(text, PROCESS_STATUS_SIZE, "serving, not relaying: %s",
		    w->relay_trouble);
	else
		return w->p.config != NULL && w->p.config->worker.relay ?
		    "serving and relaying" : "serving";
	return text;
}

static bool
turn(void *owner, bool hung_up)
{
	struct worker *w = owner;
	char text[PROCESS_STATUS_SIZE];
	struct config *first;
	bool taken = true;

	if (hung_up)
		process_hang_up(&w->p);
	if (w->p.config == NULL)
		taken = (first = reload_first(&w->p.reload, hung_up)) != NULL &&
		    adopt(w, first);
	else if (hung_up ||
	    (w->address == NULL && reload_due(&w->p.reload, w->p.config)))
		taken = reload_again(&w->p);
	if (w->p.config != NULL)
		bring_up(w);
	process_report(&w->p, describe(w, text));
	return taken;
}

static void
begin_stop(void *owner)
{
	struct worker *w = owner;

	(void)process_stop(&w->p, RELAY_GRACE_MS);
	waiting_stop(&w->waiting);
	serve_stop();
}

static void
look_at_waiting(void *owner)
{
	struct worker *w = owner;

	waiting_expire(&w->waiting, clock_mono_ms());
}

/* --- serving ---------------------------------------------------------------- */

static void
feed_watchdog(void *owner)
{
	struct worker *w = owner;

	notify_alive(&w->p.notify);
}

/*
 * Serve once the outbox is open, or was tried for a while.  The exit status; with
 * EXIT_IOERR requests still wait for the store: nothing may be freed.
 */
static int
serve(struct worker *w, int fd, int threads)
{
	const struct serve_pulse pulse = {
		.beat = feed_watchdog, .owner = w,
		.every_ms = w->p.notify.watchdog_ms,
	};
	int rc;

	supervisor_await_turn(&w->p.supervisor, LOOK_MS);
	/* The outbox may still be waited for, but this needs no more. */
	(void)notify_ready(&w->p.notify);
	files_check();
	log_info("leadrelay %s serves", PACKAGE_VERSION);
	rc = serve_run(&w->rx, fd, threads,
	    pulse.every_ms > 0 ? &pulse : NULL);
	return rc == 0 ? EXIT_DONE : rc == 1 ? EXIT_IOERR : EXIT_SOFTWARE;
}

/* --- the start --------------------------------------------------------------- */

/* As far as the file can be read: which group shall have the socket?  The caller frees. */
static char *
find_group(const struct worker *w, const struct config *config)
{
	struct config_fault fault = { 0 };
	struct config *partly = NULL;
	char *group = NULL;

	if (config == NULL)
		config = partly = config_load_partly(w->p.reload.file, &fault);
	if (config != NULL && config->worker.socket_group != NULL &&
	    serve_has_group(config->worker.socket_group))
		group = strdup(config->worker.socket_group);
	buf_free(&fault.text);
	config_free(partly);
	return group;
}

/*
 * Make the socket.  Where the configuration cannot say whose it is, the one that
 * a former worker left behind does: so a front server sees a 503 meanwhile.
 */
static int
make_socket(const struct worker *w, const struct config *config, struct buf *why)
{
	char *group = find_group(w, config);
	const char *path = strncmp(w->address, "unix:", 5) == 0 ?
	    w->address + 5 : NULL;
	struct stat former;
	bool known = group == NULL && config == NULL && path != NULL &&
	    lstat(path, &former) == 0 && S_ISSOCK(former.st_mode);
	int fd = serve_listen(w->address, group, why);

	if (fd != -1 && known)
		(void)!chown(path, (uid_t)-1, former.st_gid);
	free(group);
	return fd;
}

/* The socket to serve on, or -1 and *status. */
static int
find_socket(const struct worker *w, const struct config *config, int *status)
{
	struct buf why = { 0 };
	int fd;

	if (w->address == NULL)
		return STDIN_FILENO;
	if ((fd = make_socket(w, config, &why)) == -1) {
		log_err("--listen %s: %s", w->address, buf_phrase(&why));
		*status = serve_is_address(w->address) ? EXIT_UNAVAILABLE :
		    EXIT_USAGE;
	}
	buf_free(&why);
	return fd;
}

/* -1 and *status: it cannot begin at all.  A bad configuration is no reason. */
static int
set_up(struct worker *w, const char *config_option, int *status)
{
	struct config *config;
	int fd;

	process_open(&w->p);
	(void)signal(SIGHUP, SIG_IGN);	/* it is about to be read anyhow */
	waiting_init(&w->waiting);
	w->p.snapshot = &w->rx.snapshot;
	w->rx.counters = &w->p.counters;
	w->rx.outbox = current_outbox;
	w->rx.wait = wait_for_outbox;
	w->rx.stored = wake_relay;
	w->rx.owner = w;
	if ((w->reach = reachability_new()) != NULL)
		w->rx.reach = tell_destinations;
	*status = EXIT_SOFTWARE;
	if ((w->p.reload.file = config_find(config_option)) == NULL ||
	    snapshot_set(&w->rx.snapshot, NULL) == -1) {
		log_err("out of memory");
		return -1;
	}
	config = reload_first(&w->p.reload, true);
	if ((fd = find_socket(w, config, status)) == -1)
		config_free(config);
	else if (config != NULL)
		(void)adopt(w, config);
	return fd;
}

/* Nobody waits for a destination that is being tried. */
static int
free_worker(struct worker *w, int status)
{
	snapshot_end(&w->rx.snapshot);
	if (!reachability_free(w->reach))
		log_exit(status);
	free(w);
	return status;
}

int
worker_serve(const char *config_option, const char *address)
{
	const struct supervisor_duty duty = {
		.turn = turn, .turn_ms = LOOK_MS, .stop = begin_stop,
		.beat = look_at_waiting, .beat_ms = LOOK_MS,
	};
	struct worker *w;
	int status, fd, threads = THREADS;

	if ((w = calloc(1, sizeof(*w))) == NULL) {
		log_err("out of memory");
		return EXIT_SOFTWARE;
	}
	w->address = address;
	if ((fd = set_up(w, config_option, &status)) == -1) {
		process_free(&w->p);
		return free_worker(w, status);
	}
	if (w->p.config != NULL)
		threads = (int)w->p.config->worker.threads;
	if (supervisor_start(&w->p.supervisor, &duty, w) == -1 ||
	    supervisor_begin_turns(&w->p.supervisor) == -1)
		log_exit(EXIT_SOFTWARE);
	if ((status = serve(w, fd, threads)) == EXIT_IOERR)
		log_exit(status);
	/* All are answered: nothing new is submitted, and nobody wakes the relay. */
	process_close(&w->p, status);
	return free_worker(w, status);
}
