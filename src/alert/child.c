/*
 * The text is in a pipe before the program starts, so that nobody ever waits to write.
 */
#include "alert/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/spawn.h"

#define TIMEOUT "/usr/bin/timeout"
#define WORDS_MAX 8			/* of a command */

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

/*
 * ${argv}, as a command of timeout(1), which ends it and all that it started when
 * we are not there any more.  Where there is none, itself.
 */
static void
bound(const char *const *argv, const char *words[WORDS_MAX + 5])
{
	static const char *const prefix[] = { TIMEOUT, "-s", "KILL", CHILD_BOUND_S };
	size_t count = 0, i;

	if (access(TIMEOUT, X_OK) == 0)
		for (; count < sizeof(prefix) / sizeof(prefix[0]); count++)
			words[count] = prefix[count];
	for (i = 0; argv[i] != NULL && i < WORDS_MAX; i++)
		words[count++] = argv[i];
	words[count] = NULL;
}

int
child_start(struct child *c, const char *const *argv, const char *const *extra,
    const struct buf *text, int64_t mono_ms, struct buf *why)
{
	char **environment = spawn_environment(extra);
	const char *words[WORDS_MAX + 5];
	struct spawn sp = { NULL, words, environment, -1, -1, -1 };

	bound(argv, words);
	c->pid = -1;
	c->end_mono_ms = mono_ms + CHILD_LIMIT_MS;
	if (environment != NULL && access(argv[0], X_OK) == 0 && (sp.in = fill_pipe(text)) != -1)
		c->pid = spawn_start(&sp);
	if (c->pid == -1)
		buf_printf(why, "cannot be started: %s", strerror(errno));
	if (sp.in != -1)
		(void)close(sp.in);
	free(environment);
	if (c->pid != -1)
		return 0;
	c->pid = 0;
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
