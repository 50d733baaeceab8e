/*
 * A socket in the file system is looked at and replaced under a lock file beside it:
 * so one that listens is never taken for a dead one, nor the other way round.
 */
#include "intake/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/identity.h"
#include "base/text.h"

#define BACKLOG 1024
#define SOCKET_MODE 0660
#define PORT_MAX 65535
#define NEW_SUFFIX ".new"
#define LOCK_SUFFIX ".lock"
#define LOCK_PAUSE_NS 10000000
#define LOCK_TRIES 150			/* a second and a half: who stops us waits two */

/* Say what failed, close, fail. */
static int
give_up(struct buf *why, const char *what, int fd)
{
	buf_printf(why, "%s: %s", what, strerror(errno));
	if (fd != -1)
		(void)close(fd);
	return -1;
}

/* Does anybody answer on the socket at ${address}? */
static bool
is_alive(const struct sockaddr_un *address)
{
	int fd, error = 0;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return true;		/* cannot tell: leave it alone */
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == -1)
		error = errno;
	(void)close(fd);
	return error != ECONNREFUSED && error != ENOENT;
}

/* Take a dead socket out of the way; anything else at ${path} stays. */
static int
clear_path(const struct sockaddr_un *address, struct buf *why)
{
	const char *path = address->sun_path, *fault = NULL;
	struct stat st;

	if (lstat(path, &st) == -1)
		return errno == ENOENT ? 0 : give_up(why, path, -1);
	if (!S_ISSOCK(st.st_mode))
		fault = " is there already and is no socket";
	else if (is_alive(address))
		fault = ": another process is listening there";
	if (fault != NULL) {
		buf_printf(why, "%s%s", path, fault);
		return -1;
	}
	if (unlink(path) == -1 && errno != ENOENT)
		return give_up(why, path, -1);
	return 0;
}

/* Whose the socket at ${path} is. */
static int
give(const char *path, const char *name, const struct identity *owner,
    struct buf *why)
{
	uid_t uid = owner != NULL ? owner->uid : (uid_t)-1;
	gid_t gid = owner != NULL ? owner->gid : (gid_t)-1;
	struct group *group;

	if (name != NULL) {
		if ((group = getgrnam(name)) == NULL) {
			buf_printf(why, "there is no group %s (socket_group)", name);
			return -1;
		}
		gid = group->gr_gid;
	}
	if (lchown(path, uid, gid) == 0)
		return 0;
	buf_printf(why, "giving %s to %s%s: %s", path,
	    name != NULL ? "the group " : "its user", name != NULL ? name : "",
	    strerror(errno));
	return -1;
}

/* A socket that listens at ${address}, where nobody looks for one yet. */
static int
make_socket(const struct sockaddr_un *address, const char *group,
    struct buf *why)
{
	const char *path = address->sun_path;
	mode_t mask;
	int fd, rc;

	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) == -1)
		return give_up(why, "socket", -1);
	/* Closed to all until it belongs to the right group. */
	mask = umask(0777 & ~0600);
	rc = bind(fd, (const struct sockaddr *)address, sizeof(*address));
	(void)umask(mask);
	if (rc == -1)
		return give_up(why, path, fd);
	if (give(path, group, NULL, why) == 0) {
		if (chmod(path, SOCKET_MODE) == 0 && listen(fd, BACKLOG) == 0)
			return fd;
		(void)give_up(why, path, -1);
	}
	(void)unlink(path);
	(void)close(fd);
	return -1;
}

/* Put a new socket where ${address} says, if nobody listens there; one at a time. */
static int
replace(const struct sockaddr_un *address, const struct sockaddr_un *beside,
    const char *group, struct buf *why)
{
	int fd;

	/* What lies beside is left from somebody who died at this. */
	if (clear_path(address, why) == -1 || clear_path(beside, why) == -1 ||
	    (fd = make_socket(beside, group, why)) == -1)
		return -1;
	if (rename(beside->sun_path, address->sun_path) == 0)
		return fd;
	(void)give_up(why, address->sun_path, fd);
	(void)unlink(beside->sun_path);
	return -1;
}

/* Is the file ${fd}, now locked, still the one at ${path}? */
static bool
is_at(const char *path, int fd)
{
	struct stat here, there;

	return fstat(fd, &here) == 0 && lstat(path, &there) == 0 &&
	    here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

/*
 * Hold the file ${path} as long as a socket beside it is looked at and replaced.
 * Whoever gives it back unlinks it, so one that was waited for may be gone.
 */
static int
lock(const char *path, struct buf *why)
{
	static const struct timespec pause = { .tv_nsec = LOCK_PAUSE_NS };
	int fd, tries;

	for (tries = 0; tries < LOCK_TRIES; tries++) {
		/* Somebody else's, left behind, must not be in the way. */
		fd = open(path, O_RDONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0444);
		if (fd == -1)
			return give_up(why, path, -1);
		if (flock(fd, LOCK_EX | LOCK_NB) == 0 && is_at(path, fd))
			return fd;
		(void)close(fd);
		(void)nanosleep(&pause, NULL);
	}
	buf_printf(why, "another process is starting there (%s is locked)", path);
	return -1;
}

static int
listen_unix(const char *path, const char *group, struct buf *why)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX }, beside = address;
	char held[sizeof(address.sun_path) + sizeof(LOCK_SUFFIX)];
	/* A longest path keeps its length. */
	int stem = (int)(sizeof(address.sun_path) - sizeof(NEW_SUFFIX)), guard, fd;

	if (strlen(path) >= sizeof(address.sun_path)) {
		buf_printf(why, "a socket's path has 1 to %zu bytes",
		    sizeof(address.sun_path) - 1);
		return -1;
	}
	memcpy(address.sun_path, path, strlen(path) + 1);
	(void)snprintf(beside.sun_path, sizeof(beside.sun_path), "%.*s%s", stem,
	    path, NEW_SUFFIX);
	(void)snprintf(held, sizeof(held), "%.*s%s", stem, path, LOCK_SUFFIX);
	if ((guard = lock(held, why)) == -1)
		return -1;
	fd = replace(&address, &beside, group, why);
	(void)unlink(held);
	(void)close(guard);
	return fd;
}

static int
listen_at(const struct addrinfo *ai)
{
	const int on = 1;
	int fd;

	fd = socket(ai->ai_family, ai->ai_socktype | SOCK_CLOEXEC, ai->ai_protocol);
	if (fd == -1)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) == -1 ||
	    listen(fd, BACKLOG) == -1) {
		int saved = errno;

		(void)close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

/* "host:port", the host perhaps in brackets (RFC 3986 section 3.2.2). */
static int
listen_tcp(const char *address, struct buf *why)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
	    .ai_flags = AI_PASSIVE | AI_NUMERICSERV };
	struct addrinfo *list = NULL, *ai;
	const char *colon = strrchr(address, ':');
	size_t len = (size_t)(colon - address);
	size_t bracket = address[0] == '[' && colon[-1] == ']';
	char *host = strndup(address + bracket, len - 2 * bracket);
	int rc, fd = -1;

	if (host == NULL)
		return give_up(why, address, -1);
	if ((rc = getaddrinfo(host, colon + 1, &hints, &list)) != 0) {
		buf_printf(why, "%s: %s", address, gai_strerror(rc));
		goto out;
	}
	for (ai = list; ai != NULL && fd == -1; ai = ai->ai_next)
		fd = listen_at(ai);
	if (fd == -1)
		(void)give_up(why, address, -1);
	freeaddrinfo(list);
out:
	free(host);
	return fd;
}

/* A port is judged here: getaddrinfo takes 65537 for 1. */
bool
serve_is_address(const char *address)
{
	const char *colon = strrchr(address, ':');
	int64_t port;

	if (strncmp(address, "unix:", 5) == 0)
		return address[5] != '\0';
	return colon != NULL && colon != address &&
	    text_parse_int(colon + 1, 0, PORT_MAX, &port) == 0;
}

bool
serve_has_group(const char *name)
{
	return name == NULL || getgrnam(name) != NULL;
}

int
serve_listen(const char *address, const char *group, struct buf *why)
{
	if (!serve_is_address(address)) {
		buf_puts(why, "expected unix:/path or host:port");
		return -1;
	}
	if (strncmp(address, "unix:", 5) == 0)
		return listen_unix(address + 5, group, why);
	return listen_tcp(address, why);
}

int
serve_give(const char *address, const char *group,
    const struct identity *owner, struct buf *why)
{
	if (strncmp(address, "unix:", 5) != 0)
		return 0;
	return give(address + 5, group, owner, why);
}

bool
serve_is_listening(int fd)
{
	int on = 0;
	socklen_t len = sizeof(on);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &len) == 0 &&
	    on != 0;
}
