/*
 * serve: the FastCGI worker: a listening socket, request threads, a clean stop.
 *
 * All threads wait on one epoll set.  A request is read to its end before any
 * stage sees it, so a peer that stalls holds memory and no thread.  The socket
 * may be shared with other processes; its flags are neither changed nor relied on.
 */
#ifndef LEADRELAY_INTAKE_SERVE_H
#define LEADRELAY_INTAKE_SERVE_H

#include <stdbool.h>

#include "intake/receive.h"

struct buf;
struct identity;

/*
 * Make a listening socket: "unix:/path" (0660, group ${group} if not NULL;
 * replaces a socket nobody answers on, never a living one) or "host:port".  Of
 * several that do so at once one succeeds.  Whoever sees the path can connect: the
 * socket is made beside it, as "path.new", and renamed.
 * Returns the descriptor, or -1 with a phrase in ${why}.
 */
int serve_listen(const char *address, const char *group, struct buf *why);

/*
 * Give the socket that serve_listen made to ${owner} (NULL: as it is) and ${group}
 * (NULL: the owner's), who were not known then.  0, or -1 with a phrase in ${why}.
 */
int serve_give(const char *address, const char *group,
    const struct identity *owner, struct buf *why);

/* Does ${address} have one of the forms that serve_listen takes? */
bool serve_is_address(const char *address);

/* Is there a group ${name}, if not NULL? */
bool serve_has_group(const char *name);

/*
 * Is descriptor ${fd} a listening socket?  (fd 0 of a worker started by
 * spawn-fcgi, mod_fcgid, lighttpd or systemd.)
 */
bool serve_is_listening(int fd);

/*
 * Called about every ${every_ms}, on serve_run's own thread, as long as a request
 * thread answers; it must not wait.
 */
struct serve_pulse {
	void (*beat)(void *owner);
	void *owner;
	int every_ms;
};

/*
 * Serve requests on ${fd} with up to ${threads} threads (no more than twice the
 * processors: they never wait) until serve_stop: then accept nothing more,
 * answer what is in flight, and return within two seconds.  ${pulse} may be NULL.
 *
 * 0: all is answered.  1: some requests were not done when time was up; they
 * got a 503, but may still be worked at, so ${rx} and the outbox must stay as
 * they are until the process ends.  -1: it could not start.  Both are said in the log.
 */
int serve_run(struct receiver *rx, int fd, int threads,
    const struct serve_pulse *pulse);

/*
 * Ask serve_run to return, now or, when it does not run yet, as soon as it
 * does.  Async-signal-safe, any thread.
 */
void serve_stop(void);

#endif
