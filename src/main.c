/*
 * main: what started us decides what we do.  A request is recognised before
 * argv is looked at, so that no URL can run a command: Apache turns a query
 * string without "=" into arguments.  Of our own making is a process without
 * any environment that has one end of a pair of sockets to listen to.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/exits.h"
#include "base/signals.h"
#include "command.h"
#include "program/runner.h"
#include "start/worker.h"

extern char **environ;

/*
 * A file opened later must not get the number of a standard stream that
 * whoever started us had closed: the log would be written into the outbox.
 */
static int
open_standard_streams(void)
{
	int fd;

	do {
		if ((fd = open("/dev/null", O_RDWR)) == -1)
			return -1;
	} while (fd <= STDERR_FILENO);
	return close(fd);
}

int
main(int argc, char **argv)
{
	if (open_standard_streams() == -1)
		return EXIT_SOFTWARE;
	signals_start();
	if (getenv("REQUEST_METHOD") != NULL)
		worker_cgi(environ);
	if (runner_is_this(argc, argv))
		runner_main();
	return command_run(argc, argv);
}
