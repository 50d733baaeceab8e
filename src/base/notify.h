/*
 * notify: tells the service manager how we do, by the protocol of sd_notify(3).
 *
 * Where there is no manager all of it does nothing.  Nothing here waits: a
 * manager that does not read misses a line.  Any thread, after notify_open.
 */
#ifndef LEADRELAY_BASE_NOTIFY_H
#define LEADRELAY_BASE_NOTIFY_H

struct notify {
	int fd;				/* -1: nobody wants to know */
	int watchdog_ms;		/* how often it wants to be fed; 0: never */
};

/*
 * Take the manager's variables out of the environment, so that no child speaks
 * in our name.  Before there are threads.
 */
void notify_open(struct notify *n);
void notify_close(struct notify *n);

int notify_ready(const struct notify *n);	/* -1: not heard, to be said again */
void notify_reloading(const struct notify *n);	/* notify_ready ends it */
void notify_stopping(const struct notify *n);
void notify_alive(const struct notify *n);	/* feeds the watchdog */

/* One line for a person; what cannot stand in it is replaced. */
void notify_status(const struct notify *n, const char *text);

#endif
