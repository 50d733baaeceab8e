/*
 * The table of what no configuration changes, and what each destination sets.
 */
#include "http/transport.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/buf.h"
#include "config/config.h"
#include "config/url.h"

#define CA_CACHE_S 1L	/* how long a changed ca_file may go unseen */

const char *
transport_ca_file(void)
{
	static const char *const places[] = {
		"/etc/ssl/certs/ca-certificates.crt",	/* Debian, Ubuntu, Arch */
		"/etc/pki/tls/certs/ca-bundle.crt",	/* RHEL, Fedora */
		"/etc/ssl/ca-bundle.pem",		/* SUSE */
		"/etc/ssl/cert.pem",			/* Alpine, BSD */
	};
	const char *named = getenv("SSL_CERT_FILE");
	size_t i;

	if (named != NULL && access(named, R_OK) == 0)
		return named;
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (access(places[i], R_OK) == 0)
			return places[i];
	return NULL;
}

/* What every transfer has, whatever the destination. */
static const struct {
	CURLoption option;
	long value;
} fixed_options[] = {
	{ CURLOPT_NOSIGNAL, 1 },
	{ CURLOPT_FOLLOWLOCATION, 0 },
	{ CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2 },
	{ CURLOPT_SSL_VERIFYPEER, 1 },
	{ CURLOPT_SSL_VERIFYHOST, 2 },
	{ CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS },
	{ CURLOPT_TCP_KEEPALIVE, 1 },
	{ CURLOPT_UPLOAD_BUFFERSIZE, 16384 },
};

static CURLcode
set_protocols(const struct curl_api *curl, CURL *easy)
{
#if LIBCURL_VERSION_NUM >= 0x075500
	return curl->easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	return curl->easy_setopt(easy, CURLOPT_PROTOCOLS,
	    (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
}

CURLcode
transport_setup(const struct curl_api *curl, CURL *easy,
    const struct config_destination *config, const char *ca_file)
{
	const struct {
		CURLoption option;
		const char *value;	/* NULL: libcurl's default, except where noted */
	} strings[] = {
		{ CURLOPT_CAINFO, config->ca_file != NULL ? config->ca_file : ca_file },
		{ CURLOPT_SSLCERT, config->client_cert },
		{ CURLOPT_SSLKEY, config->client_key },
		/* "" keeps the environment's proxies out. */
		{ CURLOPT_PROXY, config->proxy != NULL ? config->proxy : "" },
		{ CURLOPT_NOPROXY, "" },
	};
	CURLcode rc;
	size_t i;

	for (i = 0; i < sizeof(fixed_options) / sizeof(fixed_options[0]); i++)
		if ((rc = curl->easy_setopt(easy, fixed_options[i].option,
		    fixed_options[i].value)) != CURLE_OK)
			return rc;
	for (i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
		if (strings[i].value != NULL && (rc = curl->easy_setopt(easy,
		    strings[i].option, strings[i].value)) != CURLE_OK)
			return rc;
	if ((rc = set_protocols(curl, easy)) != CURLE_OK ||
	    (rc = curl->easy_setopt(easy, CURLOPT_TIMEOUT_MS,
	    (long)config->timeout_ms)) != CURLE_OK ||
	    (rc = curl->easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
	    (long)config->connect_timeout_ms)) != CURLE_OK)
		return rc;
	/*
	 * With a folder of authorities set, as distributions build it in, libcurl
	 * parses the whole bundle again for every connection.
	 */
	if (config->ca_file != NULL || ca_file != NULL)
		(void)curl->easy_setopt(easy, CURLOPT_CAPATH, NULL);
#if LIBCURL_VERSION_NUM >= 0x075700
	/*
	 * Else libcurl believes for a day what it has parsed: good for the
	 * system's bundle, long for a file that was just replaced.  Before
	 * 7.87 it reads the file for every connection.
	 */
	if (config->ca_file != NULL)
		(void)curl->easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, CA_CACHE_S);
#endif
	return CURLE_OK;
}

int
transport_check_url(const struct curl_api *curl,
    const struct config_destination *config, const char *url, struct buf *why)
{
	char *scheme = NULL, *host = NULL;
	CURLU *parsed;
	int rc = -1;

	if ((parsed = curl->url()) == NULL) {
		buf_puts(why, "out of memory");
		return -1;
	}
	if (curl->url_set(parsed, CURLUPART_URL, url, 0) != CURLUE_OK ||
	    curl->url_get(parsed, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
	    curl->url_get(parsed, CURLUPART_HOST, &host, 0) != CURLUE_OK)
		buf_puts(why, "the URL cannot be understood: write https://host/path");
	else if (strcasecmp(scheme, "https") == 0)
		rc = 0;
	else if (strcasecmp(scheme, "http") != 0)
		buf_printf(why, "the URL is %s: only https and http are spoken", scheme);
	else if (!config->allow_http && !url_host_is_loopback(host, strlen(host)))
		buf_puts(why, "plain http beyond this machine: use https, or set allow_http = yes");
	else
		rc = 0;
	curl->free(scheme);
	curl->free(host);
	curl->url_cleanup(parsed);
	return rc;
}
