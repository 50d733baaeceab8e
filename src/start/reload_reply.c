/*
 * Whoever asks connects first and then sends SIGHUP; whoever is asked hears all that have
 * connected when a reload begins, and answers them when it ends.  Nobody signals back, so
 * neither needs leave to.
 */
#include "start/reload_reply.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/exits.h"
#include "base/text.h"

#define WAIT_S 30			/* a store that somebody keeps locked takes its time */
#define CROWD_S 1			/* for a place at the door */
#define WAITING_MAX 128			/* knocks not heard yet */
#define TAKEN '1'
#define REFUSED '0'

/* The door of the process ${pid}; its length. */
static socklen_t
door_of(pid_t pid, struct sockaddr_un *address)
{
	int len;

	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	/* Behind a NUL: a name of its own, not a file's. */
	len = snprintf(address->sun_path + 1, sizeof(address->sun_path) - 1,
	    "leadrelay-reload/%ld", (long)pid);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len);
}

/* --- who is asked ---------------------------------------------------------- */

int
reload_reply_open(void)
{
	struct sockaddr_un address;
	socklen_t len = door_of(getpid(), &address);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd == -1 || (bind(fd, (struct sockaddr *)&address, len) == 0 &&
	    listen(fd, WAITING_MAX) == 0))
		return fd;
	(void)close(fd);
	return -1;
}

size_t
reload_reply_hear(int door, int askers[RELOAD_REPLY_MAX])
{
	size_t count = 0;
	int fd;

	while (count < RELOAD_REPLY_MAX && (fd = accept4(door, NULL, NULL,
	    SOCK_CLOEXEC | SOCK_NONBLOCK)) != -1)
		askers[count++] = fd;
	return count;
}

void
reload_reply_tell(int asker, bool taken)
{
	const char word = taken ? TAKEN : REFUSED;

	(void)send(asker, &word, 1, MSG_NOSIGNAL);
	(void)close(asker);
}

/* --- who asks -------------------------------------------------------------- */

/*
 * Knock at the door of ${pid}, and of nobody who only took its name, for ${seconds}.
 * -1: errno; EAGAIN: so many stand there that nobody more may.
 */
static int
knock(pid_t pid, int seconds)
{
	const struct timeval knocking = { .tv_sec = seconds }, limit = { .tv_sec = WAIT_S };
	struct sockaddr_un address;
	socklen_t len = door_of(pid, &address), peer_len = sizeof(struct ucred);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct ucred peer;

	if (fd == -1)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &knocking, sizeof(knocking));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&address, len) == 0 &&
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &peer_len) == 0) {
		if (peer.pid == pid)
			return fd;
		errno = ECONNREFUSED;
	}
	(void)close(fd);
	return -1;
}

static int
tell_failure(const char *pid, const char *why)
{
	fprintf(stderr, "leadrelay: --reload %s: %s\n", pid, why);
	return EXIT_UNAVAILABLE;
}

/* What is said at the door ${fd}, as an exit status. */
static int
await_reply(int fd, const char *pid)
{
	char word = '\0';
	ssize_t n = recv(fd, &word, 1, 0);

	if (n == 1 && word == TAKEN)
		return EXIT_DONE;
	if (n == 1) {
		fputs("leadrelay: the new configuration is not taken; "
		    "the process's log says why\n", stderr);
		return EXIT_CONFIG;
	}
	if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return tell_failure(pid, "no answer in 30 seconds: it is still "
		    "at it, and its log will say what became of it");
	return tell_failure(pid, "it ended meanwhile");
}

/* Is it what we are ourselves, by the name of its program? */
static bool
is_ours(pid_t pid)
{
	char path[32], name[16] = "";
	ssize_t n = -1;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%ld/comm", (long)pid);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) != -1) {
		n = read(fd, name, sizeof(name) - 1);
		(void)close(fd);
	}
	return n > 0 && strncmp(name, "leadrelay", 9) == 0;
}

/* Knock; who crowds the door without wanting anything is heard, and gone, after a SIGHUP. */
static int
knock_through(pid_t pid)
{
	int fd = knock(pid, CROWD_S);

	if (fd != -1 || errno != EAGAIN || !is_ours(pid) || kill(pid, SIGHUP) == -1)
		return fd;
	return knock(pid, WAIT_S);
}

int
reload_reply_ask(const char *text)
{
	int64_t pid;
	int fd, status;

	if (text_parse_int(text, 2, INT32_MAX, &pid) == -1) {
		fprintf(stderr, "leadrelay: --reload %s: not a process number\n",
		    text);
		return EXIT_USAGE;
	}
	if (kill((pid_t)pid, 0) == -1)
		return tell_failure(text, strerror(errno));
	/* SIGHUP would be the end of anything else. */
	if ((fd = knock_through((pid_t)pid)) == -1)
		return tell_failure(text, errno == ECONNREFUSED ?
		    "is no leadrelay of this version that takes a SIGHUP" :
		    strerror(errno));
	if (kill((pid_t)pid, SIGHUP) == -1)
		status = tell_failure(text, strerror(errno));
	else
		status = await_reply(fd, text);
	(void)close(fd);
	return status;
}
