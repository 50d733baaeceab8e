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
 * with a new refresh token and forget the old one: see refresh_token.h.
 *
 * Everything belongs to the relay's thread.
 */
#ifndef LEADRELAY_HTTP_OAUTH_H
#define LEADRELAY_HTTP_OAUTH_H

#include <stdbool.h>
#include <stdint.h>

struct config_destination;
struct credentials;
struct http_client;
struct oauth;
struct refresh_token;

enum oauth_state {
	OAUTH_READY,			/* the credentials hold a token that is good */
	OAUTH_FETCHING,
	OAUTH_FAILED			/* told once: the next call tries again */
};

/*
 * For the destination ${config}; ${credentials} gets the tokens.  All are
 * borrowed.  NULL: out of memory.
 */
struct oauth *oauth_new(struct http_client *http,
    const struct config_destination *config, struct credentials *credentials);

/* NULL is fine. */
void oauth_free(struct oauth *o);

/* Its destination's refresh token is in ${kept}, borrowed.  Before all that follows. */
void oauth_attach(struct oauth *o, struct refresh_token *kept);

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

/* Is a request to the token endpoint under way?  Break it off. */
bool oauth_busy(const struct oauth *o);
void oauth_cancel(struct oauth *o);

/*
 * Its settings are former ones, and nothing new is sent with its token: break a
 * request off, unless its answer may be a refresh token that must not be lost.
 */
void oauth_leave(struct oauth *o);

#endif
