/*
 * Datagrams to the service manager; one that does not listen costs a moment, once.
 */
#include "base/notify.h"

#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"

#define STATUS_MAX 400
#define BUSY_MS 50		/* how long a manager with much to read is waited for */

/* Connect to the datagram socket ${name}, "@..." being an abstract one; -1: no. */
static int
connect_to(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t len = strlen(name);
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	int fd;

	if ((name[0] != '/' && name[0] != '@') || len < 2 ||
	    len >= sizeof(address.sun_path))
		return -1;
	memcpy(address.sun_path, name, len);
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd != -1 &&
	    connect(fd, (const struct sockaddr *)&address, size) == -1) {
		(void)close(fd);
		fd = -1;
	}
	return fd;
}

/* Half of what the manager waits for, as sd_watchdog_enabled(3) advises. */
static int
watchdog_ms(void)
{
	const char *pid = getenv("WATCHDOG_PID"), *usec = getenv("WATCHDOG_USEC");
	int64_t value;

	if (pid != NULL && (text_parse_int(pid, 1, INT32_MAX, &value) == -1 ||
	    value != getpid()))
		return 0;
	if (usec == NULL || text_parse_int(usec, 1, INT64_MAX, &value) == -1)
		return 0;
	value /= 2000;
	return value < 1 ? 1 : value > 60000 ? 60000 : (int)value;
}

void
notify_open(struct notify *n)
{
	const char *name = getenv("NOTIFY_SOCKET");

	n->fd = name != NULL ? connect_to(name) : -1;
	n->watchdog_ms = n->fd != -1 ? watchdog_ms() : 0;
	(void)unsetenv("NOTIFY_SOCKET");
	(void)unsetenv("WATCHDOG_USEC");
	(void)unsetenv("WATCHDOG_PID");
}

void
notify_close(struct notify *n)
{
	if (n->fd != -1)
		(void)close(n->fd);
	n->fd = -1;
}

static int
say(const struct notify *n, const char *lines)
{
	struct pollfd pfd = { .fd = n->fd, .events = POLLOUT };

	if (n->fd == -1 ||
	    send(n->fd, lines, strlen(lines), MSG_NOSIGNAL) != -1)
		return 0;
	if (poll(&pfd, 1, BUSY_MS) != 1 ||
	    send(n->fd, lines, strlen(lines), MSG_NOSIGNAL) == -1)
		return -1;
	return 0;
}

int
notify_ready(const struct notify *n)
{
	return say(n, "READY=1");
}

void
notify_reloading(const struct notify *n)
{
	struct timespec now;
	char lines[80];

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	(void)snprintf(lines, sizeof(lines),
	    "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)now.tv_sec * 1000000 +
	    now.tv_nsec / 1000);
	(void)say(n, lines);
}

void
notify_stopping(const struct notify *n)
{
	(void)say(n, "STOPPING=1");
}

void
notify_alive(const struct notify *n)
{
	(void)say(n, "WATCHDOG=1");
}

/* The manager drops a line that is not UTF-8, so plain ASCII it is. */
void
notify_status(const struct notify *n, const char *text)
{
	char line[sizeof("STATUS=") + STATUS_MAX];
	char *c;

	(void)snprintf(line, sizeof(line), "STATUS=%s", text);
	for (c = line; *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			*c = *c == '\n' || *c == '\t' ? ' ' : '?';
	(void)say(n, line);
}
