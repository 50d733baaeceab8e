/*
 * posix_spawn, so that nothing of ours runs between fork and exec; signals to their
 * defaults, descriptors closed but the three that were named.
 */
#include "base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"

#define PASSWD_SIZE 4096

static const char usual[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:"
    "/usr/bin:/sbin:/bin\0SHELL=/bin/sh";

/* Add a variable and the NUL that ends it. */
static void
add(struct buf *text, const char *name, const char *value)
{
	buf_puts(text, name);
	buf_puts(text, value);
	buf_putc(text, '\0');
}

/* Who we are, as far as the system knows. */
static void
add_user(struct buf *text)
{
	char space[PASSWD_SIZE];
	struct passwd pw, *found = NULL;

	if (getpwuid_r(geteuid(), &pw, space, sizeof(space), &found) != 0 ||
	    found == NULL) {
		add(text, "HOME=", "/");
		return;
	}
	add(text, "HOME=", pw.pw_dir);
	add(text, "USER=", pw.pw_name);
	add(text, "LOGNAME=", pw.pw_name);
}

/* ${text}, whose strings are NUL-terminated, with pointers to them before it. */
static char **
make_list(const struct buf *text)
{
	size_t count = 0, at;
	char **list, *copy;

	for (at = 0; at < text->len; at++)
		count += text->data[at] == '\0';
	if ((list = malloc((count + 1) * sizeof(*list) + text->len)) == NULL)
		return NULL;
	copy = memcpy((char *)(list + count + 1), text->data, text->len);
	for (at = 0; at < count; at++, copy += strlen(copy) + 1)
		list[at] = copy;
	list[count] = NULL;
	return list;
}

char **
spawn_environment(const char *const *extra)
{
	struct buf text = { 0 };
	char **list = NULL;

	buf_add(&text, usual, sizeof(usual));
	add_user(&text);
	for (; *extra != NULL; extra++)
		add(&text, *extra, "");
	if (buf_ok(&text))
		list = make_list(&text);
	buf_free(&text);
	return list;
}

/* Make ${fd} the child's stream ${stream}. */
static int
add_stream(posix_spawn_file_actions_t *actions, int fd, int stream)
{
	if (fd == -1)
		return posix_spawn_file_actions_addopen(actions, stream, "/dev/null",
		    O_RDWR, 0);
	return posix_spawn_file_actions_adddup2(actions, fd, stream);
}

/* The three streams; they must not be each other's sources. */
static int
add_streams(posix_spawn_file_actions_t *actions, const struct spawn *sp)
{
	int rc;

	if ((rc = add_stream(actions, sp->in, STDIN_FILENO)) != 0 ||
	    (rc = add_stream(actions, sp->out, STDOUT_FILENO)) != 0 ||
	    (rc = add_stream(actions, sp->err, STDERR_FILENO)) != 0)
		return rc;
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 34)
	/* A library's, perhaps: ours all are closed by exec. */
	rc = posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
#endif
	return rc;
}

/* Signals as after a login; a group of its own. */
static int
set_signals(posix_spawnattr_t *attr)
{
	sigset_t none, all;
	int rc;

	(void)sigemptyset(&none);
	(void)sigfillset(&all);
	if ((rc = posix_spawnattr_setsigmask(attr, &none)) != 0 ||
	    (rc = posix_spawnattr_setsigdefault(attr, &all)) != 0 ||
	    (rc = posix_spawnattr_setpgroup(attr, 0)) != 0)
		return rc;
	return posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK |
	    POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
}

pid_t
spawn_start(const struct spawn *sp)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	pid_t pid = -1;
	int rc;

	if ((rc = posix_spawnattr_init(&attr)) != 0)
		goto out;
	if ((rc = posix_spawn_file_actions_init(&actions)) != 0)
		goto out_attr;
	if ((rc = set_signals(&attr)) == 0 &&
	    (rc = add_streams(&actions, sp)) == 0)
		rc = posix_spawn(&pid, sp->path != NULL ? sp->path : sp->argv[0],
		    &actions, &attr, (char *const *)(uintptr_t)sp->argv, sp->environment);
	(void)posix_spawn_file_actions_destroy(&actions);
out_attr:
	(void)posix_spawnattr_destroy(&attr);
out:
	if (rc == 0)
		return pid;
	errno = rc;
	return -1;
}
