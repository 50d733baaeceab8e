#include "config.h"

#include "program/host.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "program/compiled.h"
#include "program/limits.h"
#include "program/program.h"
#include "program/runner.h"
#include "program/wire.h"

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
program_is_host(int argc, char **argv)
{
	return argc == 2 && strcmp(argv[1], HOST_WORD) == 0 &&
	    environ[0] == NULL && is_ours(STDIN_FILENO);
}

#ifdef HAVE_JQ
static void
close_others(void)
{
	int fd;

#ifdef SYS_close_range
	if (syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0) == 0)
		return;
#endif
	for (fd = STDERR_FILENO + 1; fd < 1024; fd++)
		(void)close(fd);
}

/* Signals that mean the parent, such as Ctrl-C; whether we end is its affair. */
static void
ignore_signals(void)
{
	static const int others[] = {
		SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE,
		SIGCHLD			/* runners are not waited for */
	};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		(void)signal(others[i], SIG_IGN);
}

static int
compile(struct wire *wire, struct compiled *compiled)
{
	enum wire_kind kind;

	if (wire->head.index >= WIRE_PROGRAMS_MAX || !limits_memory(false))
		return -1;
	limits_files(true);
	limits_watch(PROGRAM_COMPILE_MS);
	kind = compiled_add(compiled, wire->head.index, wire->in.data);
	limits_watch(0);
	limits_files(false);
	return wire_send(wire, kind, 0, compiled->said.data,
	    kind == WIRE_ERROR ? compiled->said.len : 0);
}

/* Make a runner for the socket ${fd}; that there can be none is said there. */
static void
make_runner(struct wire *host, struct compiled *compiled, int fd)
{
	pid_t parent = getpid(), pid = fork();
	const char *why;
	struct wire wire;

	wire_open(&wire, fd);
	if (pid == 0) {
		/* The end of the host is its end, stopped or not. */
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1 || getppid() != parent)
			_exit(1);
		(void)close(host->fd);
		runner_main(fd, compiled);
	}
	if (pid == -1) {
		why = strerror(errno);
		(void)wire_send(&wire, WIRE_TROUBLE, 0, why, strlen(why));
	}
	wire_close(&wire);
}

/* One message.  -1: the end. */
static int
serve_one(struct wire *wire, struct compiled *compiled)
{
	int fd, rc = -1;

	if (wire_receive(wire, &fd) != WIRE_MESSAGE)
		return -1;
	if (wire->head.kind == WIRE_COMPILE && fd == -1) {
		rc = compile(wire, compiled);
	} else if (wire->head.kind == WIRE_FORK && fd != -1) {
		make_runner(wire, compiled, fd);
		rc = 0;
	}
	wire_next(wire);
	return rc;
}

void
program_host_main(void)
{
	static struct compiled compiled;	/* the process's only one */
	const char *why;
	struct wire wire;

	prctl(PR_SET_NAME, "leadrelay-host");
	close_others();
	ignore_signals();
	wire_open(&wire, STDIN_FILENO);
	limits_last_words(wire.fd, "it took longer than 5 seconds to compile",
	    WIRE_TROUBLE);
	if (chdir("/") == -1)
		_exit(1);
	if ((why = libjq_load(&compiled.lib)) == NULL && !limits_confine())
		why = LIMITS_REFUSED;
	(void)wire_send(&wire, why == NULL ? WIRE_HELLO : WIRE_TROUBLE,
	    WIRE_VERSION, why, why != NULL ? strlen(why) : 0);
	while (why == NULL && serve_one(&wire, &compiled) == 0)
		continue;
	_exit(0);
}
#else
void
program_host_main(void)
{
	static const char why[] = "leadrelay was built without libjq";
	struct wire wire;

	wire_open(&wire, STDIN_FILENO);
	(void)wire_send(&wire, WIRE_TROUBLE, 0, why, sizeof(why) - 1);
	_exit(0);
}
#endif
