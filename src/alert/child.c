#include "alert/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* Our environment and ${extra}; the strings are borrowed. */
static char **
join_environment(const char *const *extra)
{
	size_t ours = 0, more = 0, i;
	char **all;

	while (environ[ours] != NULL)
		ours++;
	while (extra[more] != NULL)
		more++;
	if ((all = calloc(ours + more + 1, sizeof(*all))) == NULL)
		return NULL;
	/* Of two with the same name the first counts. */
	for (i = 0; i < more; i++)
		all[i] = (char *)(uintptr_t)extra[i];
	for (i = 0; i < ours; i++)
		all[more + i] = environ[i];
	return all;
}

/* A pipe with ${text} in it, for reading; -1: errno. */
static int
fill_pipe(const struct buf *text)
{
	size_t len = text->len < CHILD_TEXT_MAX ? text->len : CHILD_TEXT_MAX;
	int ends[2], error;
	ssize_t n;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) == -1)
		return -1;
	n = write(ends[1], text->data, len);
	error = errno;
	(void)close(ends[1]);
	/* Whoever reads it expects one that waits. */
	if (n == (ssize_t)len && fcntl(ends[0], F_SETFL, 0) == 0)
		return ends[0];
	(void)close(ends[0]);
	errno = n == -1 ? error : EIO;
	return -1;
}

/* Signals as a program expects them; a group of its own; standard streams. */
static int
prepare(posix_spawnattr_t *attr, posix_spawn_file_actions_t *actions, int in)
{
	sigset_t none, usual;
	int rc;

	(void)sigemptyset(&none);
	(void)sigemptyset(&usual);
	(void)sigaddset(&usual, SIGPIPE);
	if ((rc = posix_spawnattr_setsigmask(attr, &none)) != 0 ||
	    (rc = posix_spawnattr_setsigdefault(attr, &usual)) != 0 ||
	    (rc = posix_spawnattr_setpgroup(attr, 0)) != 0 ||
	    (rc = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK |
	    POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP)) != 0 ||
	    (rc = posix_spawn_file_actions_adddup2(actions, in, STDIN_FILENO)) != 0 ||
	    (rc = posix_spawn_file_actions_addopen(actions, STDOUT_FILENO, "/dev/null",
	    O_WRONLY, 0)) != 0 ||
	    (rc = posix_spawn_file_actions_adddup2(actions, STDOUT_FILENO,
	    STDERR_FILENO)) != 0)
		return rc;
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 34)
	/* libcurl's sockets, above all. */
	rc = posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
#endif
	return rc;
}

static int
spawn(struct child *c, const char *const *argv, char **environment, int in)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	int rc;

	if ((rc = posix_spawnattr_init(&attr)) != 0)
		return rc;
	if ((rc = posix_spawn_file_actions_init(&actions)) != 0) {
		(void)posix_spawnattr_destroy(&attr);
		return rc;
	}
	if ((rc = prepare(&attr, &actions, in)) == 0)
		rc = posix_spawn(&c->pid, argv[0], &actions, &attr,
		    (char *const *)(uintptr_t)argv, environment);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)posix_spawnattr_destroy(&attr);
	return rc;
}

int
child_start(struct child *c, const char *const *argv, const char *const *extra,
    const struct buf *text, int64_t mono_ms, struct buf *why)
{
	char **environment = join_environment(extra);
	int in, rc;

	c->pid = 0;
	c->end_mono_ms = mono_ms + CHILD_LIMIT_MS;
	if (environment == NULL || (in = fill_pipe(text)) == -1) {
		buf_printf(why, "cannot be started: %s", strerror(errno));
		free(environment);
		return -1;
	}
	rc = spawn(c, argv, environment, in);
	(void)close(in);
	free(environment);
	if (rc == 0)
		return 0;
	c->pid = 0;
	buf_printf(why, "cannot be started: %s", strerror(rc));
	return -1;
}

int
child_look(struct child *c, int64_t mono_ms, struct buf *why)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(c->pid, &status, WNOHANG)) == -1 && errno == EINTR)
		continue;
	if (pid == 0) {
		if (mono_ms >= c->end_mono_ms)
			(void)kill(-c->pid, SIGKILL);
		return 0;
	}
	c->pid = 0;
	if (pid == -1)
		buf_printf(why, "is lost: %s", strerror(errno));
	else if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 1;
	else if (WIFEXITED(status))
		buf_printf(why, "ended with status %d", WEXITSTATUS(status));
	else if (mono_ms >= c->end_mono_ms)
		buf_puts(why, "was killed: it took too long");
	else
		buf_printf(why, "was ended by signal %d", WTERMSIG(status));
	return -1;
}
