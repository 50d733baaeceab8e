/* backup: the empty file is ours before the store is asked to fill it. */
#include "cli/cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/exits.h"
#include "base/identity.h"
#include "cli/print.h"
#include "cli/setup.h"

/* Make the file, empty: the store fills no file that somebody else made. */
static int
make_file(const char *path)
{
	char me[IDENTITY_NAME_SIZE];
	int fd;

	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd != -1) {
		close(fd);
		return EXIT_DONE;
	}
	if (errno == EEXIST)
		return print_fail(EXIT_CANTCREAT, "backup: %s is there already, "
		    "and is not overwritten", path);
	return print_fail(EXIT_CANTCREAT, "backup: %s: %s, as %s", path,
	    strerror(errno), identity_name(geteuid(), me));
}

int
cmd_backup(const struct args *args, struct setup *setup)
{
	struct store_fault fault = { 0 };
	struct store *store;
	char *path = args->operands[0];
	int status;

	if ((status = setup_outbox(setup, args, OUTBOX_READ)) != EXIT_DONE ||
	    (status = make_file(path)) != EXIT_DONE)
		return status;
	if ((store = outbox_begin(setup->outbox, &fault)) == NULL ||
	    outbox_end(setup->outbox, store_backup(store, path), &fault) == -1) {
		status = setup_store_failed(setup->config, &fault);
		(void)unlink(path);
	}
	return status;
}
