/*
 * transport: how a destination is reached: protocols, TLS, proxy, timeouts.
 */
#ifndef LEADRELAY_HTTP_TRANSPORT_H
#define LEADRELAY_HTTP_TRANSPORT_H

#include "http/curl_api.h"

struct buf;
struct config_destination;

/*
 * The bundle of certificate authorities: what $SSL_CERT_FILE names, as for
 * OpenSSL and curl(1), else the first that is there of the places distributions
 * use.  NULL: none, libcurl's own default applies.  Never freed.
 */
const char *transport_ca_file(void);

/*
 * Give ${easy} everything that does not change from one request to the next.
 * CURLE_OK, or what libcurl objected to.
 */
CURLcode transport_setup(const struct curl_api *curl, CURL *easy,
    const struct config_destination *config, const char *ca_file);

/*
 * May leads be sent to ${url}?  https may; http only to this machine itself or
 * with allow_http.  0, or -1 with a phrase in ${why} that ends in the cure.
 */
int transport_check_url(const struct curl_api *curl,
    const struct config_destination *config, const char *url, struct buf *why);

#endif
