#include "config.h"

#include "program/again.h"

#include <errno.h>
#include <limits.h>
#include <link.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "base/spawn.h"

#define NAME "leadrelay"

/* Is it the loader, and not merely something that was loaded?  "ld-linux-x86-64.so.2" */
static int
find_loader(struct dl_phdr_info *info, size_t size, void *arg)
{
	const char *slash = strrchr(info->dlpi_name, '/');

	(void)size;
	if (slash == NULL || strncmp(slash + 1, "ld", 2) != 0 ||
	    strstr(slash, ".so") == NULL || strlen(info->dlpi_name) >= PATH_MAX)
		return 0;
	memcpy(arg, info->dlpi_name, strlen(info->dlpi_name) + 1);
	return 1;
}

/*
 * The loader that was told to run this program; else the kernel found one, which
 * then has a base address.
 */
static bool
has_own_loader(char path[PATH_MAX])
{
	return getauxval(AT_BASE) == 0 && dl_iterate_phdr(find_loader, path) == 1;
}

/* Start ${path}, as ${argv}, with ${fd} as its standard input and no environment. */
static int
spawn(const char *path, const char *const *argv, int fd, pid_t *pid)
{
	static char *nothing[] = { NULL };
	const struct spawn sp = { .path = path, .argv = argv,
	    .environment = nothing, .in = fd, .out = -1, .err = -1 };

	*pid = spawn_start(&sp);
	return *pid == -1 ? errno : 0;
}

/* As deploy/bundle/start does it: the libraries lie beside the loader. */
static int
start_by(const char *loader, const char *word, int fd, pid_t *pid)
{
	char *folder = strndup(loader, (size_t)(strrchr(loader, '/') - loader));
	const char *const argv[] = { loader, "--inhibit-cache", "--library-path",
	    folder, "--argv0", NAME, (const char *)getauxval(AT_EXECFN), word, NULL };
	int rc = folder == NULL ? ENOMEM :
	    spawn(loader, argv, fd, pid);

	free(folder);
	return rc;
}

int
again_start(const char *word, int fd, pid_t *pid)
{
	const char *const argv[] = { NAME, word, NULL };
	char loader[PATH_MAX];
	int rc;

	if (has_own_loader(loader))
		return start_by(loader, word, fd, pid);
	rc = spawn("/proc/self/exe", argv, fd, pid);
	return rc != ENOENT ? rc :
	    spawn((const char *)getauxval(AT_EXECFN), argv, fd, pid);
}
