/*
 * worker_cgi: leadrelay as a plain CGI program, a process for each request.
 *
 * The request is answered first, and nothing is initialised that the answer does
 * not need.  Then, if there is something new to deliver, a child that the front
 * server neither waits for nor knows tries to, for a while; what is left is for
 * the next request's child, or for cron.
 */
#include "config.h"

#include "start/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/exits.h"
#include "base/log.h"
#include "base/signals.h"
#include "http/reachability.h"
#include "intake/cgi.h"
#include "outbox/outbox.h"
#include "outbox/owner.h"
#include "program/program.h"
#include "program/programs.h"
#include "relay/relay.h"
#include "start/load.h"
#include "start/process.h"

#define DELIVER_MS 25000	/* how long a request's child goes on delivering */
#define DELIVER_END_S 30	/* and when it ends, come what may */

struct cgi {
	struct process p;		/* config NULL: a bad one; outbox opened when it is asked for */
	struct receiver rx;
	bool stored;			/* there is something to deliver */
};

/* Said, when it cannot be. */
static struct outbox *
open_outbox(struct cgi *cgi, enum outbox_mode mode)
{
	struct store_fault fault;
	struct outbox *outbox = outbox_open(cgi->p.config, mode, &fault);

	if (outbox == NULL)
		log_err("the outbox cannot be opened: %s", fault.text);
	return outbox;
}

static struct outbox *
request_outbox(void *owner)
{
	struct cgi *cgi = owner;

	if (cgi->p.outbox == NULL && cgi->p.config != NULL)
		cgi->p.outbox = open_outbox(cgi, OUTBOX_REQUEST);
	return cgi->p.outbox;
}

/*
 * If there is a relay, it learns of it here.  Whoever holds the relay lock when
 * our child looks for it also looks for this wake-up once more when it gives
 * the lock back, so nothing falls between the two.
 */
static void
note_stored(void *owner)
{
	struct cgi *cgi = owner;

	cgi->stored = true;
	outbox_wake(cgi->p.outbox);
}

/* A front probe asks for the destinations; this process will not be asked again. */
static void
try_destinations(void *owner, struct config *config, bool try,
    struct buf *out)
{
	(void)owner;
	reachability_tell_now(config, try, out);
}

/* What this program and its libraries ask the process environment for. */
static const char *const own_variables[] = {
	"LEADRELAY_CONFIG=", "CREDENTIALS_DIRECTORY=", "SSL_CERT_FILE=",
	"SSL_CERT_DIR=", "JOURNAL_STREAM=", "TZ="
};

static bool
is_own(const char *variable)
{
	for (size_t i = 0; i < sizeof(own_variables) / sizeof(own_variables[0]); i++)
		if (strncmp(variable, own_variables[i], strlen(own_variables[i])) == 0)
			return true;
	return false;
}

/* The request is answered: its token and headers go out of the environment. */
static void
forget_request(char **environment)
{
	char **kept = environment;

	for (; *environment != NULL; environment++)
		if (is_own(*environment))
			*kept++ = *environment;
		else
			explicit_bzero(*environment, strlen(*environment));
	*kept = NULL;
}

/* Leave nothing that whoever started the request could wait for. */
static int
let_go(void)
{
	int fd, null;

	if (setsid() == -1 || chdir("/") == -1 ||
	    (null = open("/dev/null", O_RDWR | O_CLOEXEC)) == -1)
		return -1;
	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (dup2(null, fd) == -1)
			return -1;
	return close(null);
}

/* Be the outbox's relay for a while. */
static void
relay_for_a_while(struct process *p)
{
	struct buf why = { 0 };
	struct relay *relay = process_make_relay(p, &why);

	if (relay != NULL)
		relay_run(relay, true, DELIVER_MS);
	else
		log_err("not relaying: %s", buf_phrase(&why));
	relay_free(relay);
	buf_free(&why);
}

/* Deliver what is there, unless somebody else does. */
static void
deliver(struct cgi *cgi)
{
	struct process *p = &cgi->p;
	struct buf why = { 0 };
	int rc;

	(void)alarm(DELIVER_END_S);
	if ((rc = programs_begin(p->config, &p->pool, PROGRAMS_BEGIN_MS,
	    &why)) == -1)
		load_say(&why);
	buf_free(&why);
	if (rc == -1)
		return;
	p->outbox = open_outbox(cgi, OUTBOX_SERVE);
	if (p->outbox != NULL && outbox_lock_relay(p->outbox) == 1)
		relay_for_a_while(p);
	outbox_close(p->outbox);
	program_pool_free(p->pool);
}

/* The configuration, whose owner we then are, and its log.  NULL: said. */
static struct config *
begin(void)
{
	struct config_fault warnings = { 0 };
	struct config *config = load_config(NULL, &warnings);
	struct store_fault fault;

	if (config != NULL && owner_become(config, true, &fault) == -1) {
		log_err("%s", fault.text);
		config_free(config);
		config = NULL;
	}
	if (config != NULL)
		(void)load_log(config, LOAD_LOG_FIRST);
	load_say(&warnings.text);
	buf_free(&warnings.text);
	return config;
}

/*
 * No way back to main: whoever waits for the answer waits for the end of the
 * process, and libcrypto alone would spend a twentieth of it on tidying up.
 */
_Noreturn void
worker_cgi(char **environment)
{
	struct cgi cgi = { 0 };
	pid_t pid = -1;
	int status;

	signals_expect_hangups();
	cgi.p.config = begin();
	cgi.rx.counters = &cgi.p.counters;
	cgi.rx.outbox = request_outbox;
	cgi.rx.stored = note_stored;
	cgi.rx.reach = try_destinations;
	cgi.rx.owner = &cgi;
	if (snapshot_set(&cgi.rx.snapshot, cgi.p.config) == -1)
		log_err("out of memory");	/* a 503, as without a configuration */
	status = cgi_run(&cgi.rx, environment);

	/* SQLite's connections must not cross the fork. */
	outbox_close(cgi.p.outbox);
	log_flush();
	if (cgi.stored && cgi.p.config->worker.relay && (pid = fork()) == -1)
		log_warn("nobody to deliver: fork: %s", strerror(errno));
	if (pid == 0) {
		forget_request(environment);
		if (let_go() == 0)
			deliver(&cgi);
		status = EXIT_DONE;
	}
	log_exit(status);
}
