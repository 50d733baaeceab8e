/*
 * credentials: what a destination's secret files hold, read again when they change.
 */
#ifndef LEADRELAY_HTTP_CREDENTIALS_H
#define LEADRELAY_HTTP_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct config_destination;
struct credentials;

/* ${config} is borrowed.  Nothing is read yet.  NULL: out of memory. */
struct credentials *credentials_new(const struct config_destination *config);

/* Wipes what it holds.  NULL is fine. */
void credentials_free(struct credentials *c);

/*
 * Read the files that changed since (by time, size or inode).  0, or -1 with a
 * phrase in ${why} when one cannot be read: what was read from it before stays
 * good, but see credentials_complete.
 */
int credentials_refresh(struct credentials *c, struct buf *why);

/* Has every file been read once?  Without that nothing can be sent. */
bool credentials_complete(const struct credentials *c);

/*
 * Take ${token} as what "Authorization: ${scheme} " is followed by, until the
 * next one; NULL: none any more.  Out of memory: none, too.
 */
void credentials_set_token(struct credentials *c, const char *scheme,
    const char *token);

/* What the files of OAuth hold; NULL when there is none. */
const char *credentials_client_secret(const struct credentials *c);
const char *credentials_refresh_token(const struct credentials *c);

/* The URL to send to: from `url` or `url_file`. */
const char *credentials_url(const struct credentials *c);

/* The header lines the files make ("Authorization: Bearer …"). */
size_t credentials_header_count(const struct credentials *c);
const char *credentials_header(const struct credentials *c, size_t index);

/*
 * Overwrite with '*' whatever in ${text} is one of our credentials, also with
 * JSON's backslashes strewn in.
 */
void credentials_scrub(const struct credentials *c, char *text, size_t len);

#endif
