/*
 * oauth: the access token of a destination (OAuth 2.0, RFC 6749).
 *
 * The client credentials grant (section 4.4), or with a refresh token file the
 * refresh token grant (section 6).  The client names itself in the form's body,
 * client_id and client_secret, which RFC 6749 allows (section 2.3.1) and more
 * providers understand than the Authorization header.
 *
 * A token is fetched when there is something to send and none is good, once for
 * all that wait, among the other transfers; and thrown away when it runs out or
 * the destination answers 401.  It lives in memory alone.  A provider may answer
 * with a new refresh token and forget the old one (rotation): the new one is
 * kept in the outbox, until the operator's file holds another.
 *
 * Everything belongs to the relay's thread, but for oauth_load.
 */
#ifndef LEADRELAY_RELAY_OAUTH_H
#define LEADRELAY_RELAY_OAUTH_H

#include <stdbool.h>
#include <stdint.h>

struct config_destination;
struct credentials;
struct engine;
struct oauth;
struct store;

enum oauth_state {
	OAUTH_READY,			/* the credentials hold a token that is good */
	OAUTH_FETCHING,
	OAUTH_FAILED			/* told once: the next call tries again */
};

/*
 * For the destination ${config}, the store's ${number}; ${credentials} gets the
 * tokens.  All are borrowed.  NULL: out of memory.
 */
struct oauth *oauth_new(struct engine *engine,
    const struct config_destination *config, struct credentials *credentials,
    int64_t number);

/* No job of its own may be under way.  NULL is fine. */
void oauth_free(struct oauth *o);

/* Read the refresh token that was kept; in a transaction.  -1: store->fault. */
int oauth_load(struct oauth *o, struct store *store);

/* Is there a token?  If not, one is fetched. */
enum oauth_state oauth_token(struct oauth *o, int64_t mono_ms);

/* After OAUTH_FAILED: a phrase that begins "token endpoint: ". */
const char *oauth_error(const struct oauth *o);

/* Which token is in use: to be given back with the answer it got. */
unsigned oauth_serial(const struct oauth *o);

/*
 * The destination answered with ${status} to the token ${serial}.  True: it
 * refused a token that had been good, or is no longer the one in use, so that
 * the same request is worth sending again with the next one.
 */
bool oauth_answered(struct oauth *o, unsigned serial, int status);

/* Is a refresh token that was given to us on disk?  If not, it is tried again. */
bool oauth_saved(struct oauth *o);

/* Is a request to the token endpoint under way?  Break it off. */
bool oauth_busy(const struct oauth *o);
void oauth_cancel(struct oauth *o);

#endif
