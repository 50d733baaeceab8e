/*
 * What the kernel and the loader left in this process tells what it was started
 * from: the auxiliary vector and the list of what is loaded.
 */
#include "config.h"

#include "program/again.h"

#include <errno.h>
#include <limits.h>
#include <link.h>
#include <stdbool.h>
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

int
again_start(const char *word, int fd, pid_t *pid)
{
	static char *nothing[] = { NULL };
	const char *self = (const char *)getauxval(AT_EXECFN);
	char loader[PATH_MAX], folder[PATH_MAX];
	bool own = has_own_loader(loader);
	const char *const plain[] = { NAME, word, NULL };
	/* As deploy/bundle/start does it: the libraries lie beside the loader. */
	const char *const loaded[] = { loader, "--inhibit-cache", "--library-path",
	    folder, "--argv0", NAME, self, word, NULL };
	struct spawn sp = { .path = own ? loader : "/proc/self/exe",
	    .argv = own ? loaded : plain, .environment = nothing, .in = fd,
	    .out = -1, .err = -1 };

	if (own) {
		strcpy(folder, loader);
		*strrchr(folder, '/') = '\0';
	}
	*pid = spawn_start(&sp);
	if (*pid == -1 && errno == ENOENT && !own) {
		sp.path = self;
		*pid = spawn_start(&sp);
	}
	return *pid == -1 ? errno : 0;
}
