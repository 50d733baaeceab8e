/*
 * worker: leadrelay as a front server starts it: puts configuration, outbox,
 * relay and intake together, and takes them apart in the right order.
 */
#ifndef LEADRELAY_START_WORKER_H
#define LEADRELAY_START_WORKER_H

/*
 * Serve FastCGI until a signal says stop (TERM, INT, QUIT, USR1), within two
 * seconds of it, and relay beside it where the configuration says so.  HUP opens
 * the log file again and takes a new configuration (reload.h); on descriptor 0 a
 * changed file is taken too.  ${config_option} is --config's value or NULL;
 * ${address} --listen's, or NULL to serve on descriptor 0, a listening socket.  Returns the exit status.
 *
 * A configuration that is bad, an outbox that cannot be opened and a library that
 * is not there are looked at again each second: meanwhile webhooks are answered
 * 503, which a sender understands better than silence.
 */
int worker_serve(const char *config_option, const char *address);

/*
 * Answer one plain CGI request, whatever state things are in, and end the process.
 * What it stored is delivered by a child that nobody waits for, within half a
 * minute or not at all, where the configuration has `relay = yes`.
 */
_Noreturn void worker_cgi(char **environment);

#endif
