/*
 * url: the parts of an absolute URL that the configuration asks about.
 */
#ifndef LEADRELAY_CONFIG_URL_H
#define LEADRELAY_CONFIG_URL_H

#include <stdbool.h>
#include <stddef.h>

/* Pieces of the URL's own text. */
struct url {
	const char *scheme;
	size_t scheme_len;
	const char *user;	/* NULL: no user information */
	const char *host;	/* with the brackets of an IPv6 address */
	size_t host_len;
	const char *port;	/* digits; NULL: none */
	size_t port_len;
	const char *rest;	/* path, query and fragment; may be "" */
};

/* Take ${str} apart; false when it is no "scheme://host[:port]…" or holds blanks. */
bool url_split(const char *str, struct url *url);

/* Is the scheme ${name}, in any case? */
bool url_is(const struct url *url, const char *name);

/* Is the host this machine itself: localhost, 127.0.0.0/8 or [::1]? */
bool url_is_loopback(const struct url *url);
bool url_host_is_loopback(const char *name, size_t len);

#endif
