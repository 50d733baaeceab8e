#include "config.h"

#include "program/again.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

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

/* Signals as a program expects them; a group of its own; standard streams. */
static int
prepare(posix_spawnattr_t *attr, posix_spawn_file_actions_t *actions, int fd)
{
	sigset_t none, all;
	int rc;

	(void)sigemptyset(&none);
	(void)sigfillset(&all);
	if ((rc = posix_spawnattr_setsigmask(attr, &none)) != 0 ||
	    (rc = posix_spawnattr_setsigdefault(attr, &all)) != 0 ||
	    (rc = posix_spawnattr_setpgroup(attr, 0)) != 0 ||
	    (rc = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK |
	    POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP)) != 0 ||
	    (rc = posix_spawn_file_actions_adddup2(actions, fd, STDIN_FILENO)) != 0 ||
	    (rc = posix_spawn_file_actions_addopen(actions, STDOUT_FILENO, "/dev/null",
	    O_RDWR, 0)) != 0)
		return rc;
	return posix_spawn_file_actions_adddup2(actions, STDOUT_FILENO,
	    STDERR_FILENO);
}

static int
spawn(const char *path, char *const *argv, int fd, pid_t *pid)
{
	static char *nothing[] = { NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	int rc;

	if ((rc = posix_spawnattr_init(&attr)) != 0)
		return rc;
	if ((rc = posix_spawn_file_actions_init(&actions)) != 0) {
		(void)posix_spawnattr_destroy(&attr);
		return rc;
	}
	if ((rc = prepare(&attr, &actions, fd)) == 0)
		rc = posix_spawn(pid, path, &actions, &attr, argv, nothing);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)posix_spawnattr_destroy(&attr);
	return rc;
}

/* As deploy/bundle/start does it: the libraries lie beside the loader. */
static int
start_by(const char *loader, const char *word, int fd, pid_t *pid)
{
	char *folder = strndup(loader, (size_t)(strrchr(loader, '/') - loader));
	const char *const argv[] = { loader, "--inhibit-cache", "--library-path",
	    folder, "--argv0", NAME, (const char *)getauxval(AT_EXECFN), word, NULL };
	int rc = folder == NULL ? ENOMEM :
	    spawn(loader, (char *const *)(uintptr_t)argv, fd, pid);

	free(folder);
	return rc;
}

int
again_start(const char *word, int fd, pid_t *pid)
{
	const char *const argv[] = { NAME, word, NULL };
	char *const *words = (char *const *)(uintptr_t)argv;
	char loader[PATH_MAX];
	int rc;

	if (has_own_loader(loader))
		return start_by(loader, word, fd, pid);
	rc = spawn("/proc/self/exe", words, fd, pid);
	return rc != ENOENT ? rc :
	    spawn((const char *)getauxval(AT_EXECFN), words, fd, pid);
}
