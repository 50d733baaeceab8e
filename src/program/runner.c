/*
 * One job after the other, each answered before the next is read, until the other
 * end of the socket, which is the standard input, closes.
 */
#include "config.h"

#include "program/runner.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "program/limits.h"
#include "program/wire.h"

#ifdef HAVE_JQ
#include "program/compiled.h"
#endif

#define RUNS_MAX 500		/* what libjq leaks must not become a lead's fault */

/* Is ${fd} an end of a socket pair, or at least nothing that a stranger could have connected to? */
static bool
is_ours(int fd)
{
	struct sockaddr address;
	socklen_t len = sizeof(address);

	return getpeername(fd, &address, &len) == 0 &&
	    address.sa_family == AF_UNIX;
}

bool
runner_is_this(int argc, char **argv)
{
	return argc == 2 && strcmp(argv[1], RUNNER_WORD) == 0 &&
	    environ[0] == NULL && is_ours(STDIN_FILENO);
}

#ifdef HAVE_JQ
/* Signals that mean the parent, such as Ctrl-C; whether we end is its affair. */
static void
ignore_signals(void)
{
	static const int others[] = {
		SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE
	};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		(void)signal(others[i], SIG_IGN);
}

/* Compile ${text}, if it is new, and run it on ${input}, if there is one. */
static enum wire_kind
carry_out(struct compiled *c, const char *text, const char *input, size_t len,
    struct buf *out)
{
	jq_state *jq = compiled_find(c, text);
	enum wire_kind kind = WIRE_EMPTY;

	buf_reset(out);
	if (jq == NULL) {
		limits_enter(LIMITS_COMPILING);
		jq = compiled_add(c, text, out);
		limits_enter(LIMITS_IDLE);
	}
	if (jq == NULL)
		return WIRE_FAULTY;
	if (input != NULL) {
		limits_enter(LIMITS_RUNNING);
		kind = compiled_run(c, jq, input, len, out);
		limits_enter(LIMITS_IDLE);
	}
	return kind;
}

static void
serve(struct wire *wire, struct compiled *c)
{
	struct buf out = { 0 };
	enum wire_kind kind;
	size_t text_len;
	const char *input;
	int runs;

	for (runs = 1; runs <= RUNS_MAX && wire_receive(wire) == WIRE_MESSAGE &&
	    wire->head.kind == WIRE_RUN; runs++) {
		text_len = strlen(wire->in.data) + 1;
		input = text_len <= wire->in.len ? wire->in.data + text_len : NULL;
		kind = carry_out(c, wire->in.data, input,
		    input != NULL ? wire->in.len - text_len : 0, &out);
		if (wire_send(wire, kind, runs == RUNS_MAX ? WIRE_LAST : 0, out.data,
		    out.len) == -1)
			break;
		wire_next(wire);
	}
}

void
runner_main(void)
{
	static struct compiled compiled;	/* the process's only one */
	const char *why;
	struct wire wire;

	prctl(PR_SET_NAME, "leadrelay-jq");
	ignore_signals();
	wire_open(&wire, STDIN_FILENO, 0);
	if (chdir("/") == -1)
		_exit(1);
	if ((why = libjq_load(&compiled.lib)) == NULL && !limits_confine(wire.fd))
		why = "the system does not allow the process to be limited";
	(void)wire_send(&wire, why == NULL ? WIRE_HELLO : WIRE_TROUBLE,
	    WIRE_VERSION, why, why != NULL ? strlen(why) : 0);
	if (why == NULL)
		serve(&wire, &compiled);
	_exit(0);
}
#else
void
runner_main(void)
{
	static const char why[] = "leadrelay was built without libjq";
	struct wire wire;

	wire_open(&wire, STDIN_FILENO, 0);
	(void)wire_send(&wire, WIRE_TROUBLE, 0, why, sizeof(why) - 1);
	_exit(0);
}
#endif
