/*
 * Connects with the handle a delivery would use (CURLOPT_CONNECT_ONLY), and puts what
 * libcurl says into words that end in a cure.
 */
#include "http/preflight.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "config/config.h"
#include "http/credentials.h"
#include "http/curl_api.h"
#include "http/transport.h"

#define ALERT_TIMEOUT_MS 5000

/* What goes wrong on the way, and its cure. */
static const struct {
	CURLcode code;
	const char *phrase;
} cures[] = {
	{ CURLE_COULDNT_RESOLVE_HOST,
	  "its host name cannot be resolved: check the name in the URL and this machine's DNS" },
	{ CURLE_COULDNT_RESOLVE_PROXY,
	  "the proxy's host name cannot be resolved: check proxy" },
	{ CURLE_COULDNT_CONNECT,
	  "nobody takes the connection: check host and port, and whether a firewall stands between" },
	{ CURLE_OPERATION_TIMEDOUT,
	  "no answer within connect_timeout: check host and port, and whether a firewall drops the way out" },
	{ CURLE_SSL_CACERT_BADFILE,
	  "the file of certificate authorities cannot be used: check ca_file, or install ca-certificates" },
	{ CURLE_SSL_CERTPROBLEM,
	  "the client certificate cannot be used: check client_cert and client_key" },
	{ CURLE_SSL_CONNECT_ERROR,
	  "TLS 1.2 or newer could not be agreed on: check that the port speaks https, and its TLS versions" },
	{ CURLE_UNSUPPORTED_PROTOCOL,
	  "only https and http are spoken: check the URL" },
};

/*
 * Why a certificate was not believed: OpenSSL's verification result
 * (X509_V_ERR_…, openssl-verification-options(1)).
 */
static const struct {
	long result;
	const char *phrase;
} distrusts[] = {
	{ 9, "its certificate is not valid yet: check this machine's clock, then the certificate" },
	{ 10, "its certificate has expired: its owner must renew it" },
	{ 18, "its certificate is self-signed: give the certificate as ca_file" },
	{ 19, "its certificate chain ends in an authority unknown here: give that authority as ca_file" },
	{ 20, "its certificate's authority is unknown here: give it as ca_file, or install ca-certificates" },
	{ 21, "its certificate's authority is unknown here: give it as ca_file, or install ca-certificates" },
	{ 62, "its certificate is for another host: use the name the certificate is for" },
};

static const char *
distrust(const struct curl_api *curl, CURL *easy, const char *error)
{
	long result = 0;
	size_t i;

	(void)curl->easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &result);
	for (i = 0; i < sizeof(distrusts) / sizeof(distrusts[0]); i++)
		if (distrusts[i].result == result)
			return distrusts[i].phrase;
	if (strstr(error, "subject name") != NULL)
		return "its certificate is for another host: use the name the certificate is for";
	return "its certificate is not to be trusted: check it, and ca_file";
}

/* Say what happened; returns the part of it that names nothing. */
static const char *
explain(const struct curl_api *curl, CURL *easy, CURLcode code,
    const char *error, struct buf *why)
{
	const char *phrase = NULL;
	size_t i;

	if (code == CURLE_PEER_FAILED_VERIFICATION && easy != NULL)
		phrase = distrust(curl, easy, error);
	for (i = 0; phrase == NULL && i < sizeof(cures) / sizeof(cures[0]); i++)
		if (cures[i].code == code)
			phrase = cures[i].phrase;
	if (error[0] == '\0')
		error = curl->easy_strerror(code);
	if (phrase != NULL)
		buf_printf(why, "%s (%s)", phrase, error);
	else
		buf_printf(why, "it cannot be reached (%s): check the URL", error);
	return phrase != NULL ? phrase : "it cannot be reached: check the URL";
}

static int
connect_to(const struct curl_api *curl, const struct config_destination *config,
    const char *url, struct buf *why, const char **phrase)
{
	char error[CURL_ERROR_SIZE] = "";
	CURLcode code = CURLE_OUT_OF_MEMORY;
	CURL *easy;

	if ((easy = curl->easy_init()) == NULL)
		goto out;
	if ((code = transport_setup(curl, easy, config, transport_ca_file())) != CURLE_OK ||
	    (code = curl->easy_setopt(easy, CURLOPT_ERRORBUFFER, error)) != CURLE_OK ||
	    (code = curl->easy_setopt(easy, CURLOPT_URL, url)) != CURLE_OK ||
	    (code = curl->easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L)) != CURLE_OK)
		goto out;
	code = curl->easy_perform(easy);
out:
	if (code != CURLE_OK)
		*phrase = explain(curl, easy, code, error, why);
	if (easy != NULL)
		curl->easy_cleanup(easy);
	return code == CURLE_OK ? 0 : -1;
}

static int
try_url(const struct curl_api *curl, const struct config_destination *config,
    const char *url, struct buf *why, const char **phrase)
{
	if (transport_check_url(curl, config, url, why) == -1)
		return -1;
	return connect_to(curl, config, url, why, phrase);
}

/* The place itself, and the token endpoint where there is one. */
static int
try_place(const struct config_destination *place, struct buf *why,
    const char **phrase)
{
	struct credentials *credentials;
	struct curl_api curl;
	struct buf words = { 0 };
	int rc = -1;

	*phrase = "it cannot be tried: 'leadrelay check' beside the worker says why";
	if ((credentials = credentials_new(place)) == NULL) {
		buf_puts(why, "out of memory");
		return -1;
	}
	if (credentials_refresh(credentials, why) == 0 &&
	    curl_api_load(&curl, why) == 0)
		rc = try_url(&curl, place, credentials_url(credentials), why, phrase);
	if (rc == 0 && place->oauth_token_url != NULL &&
	    (rc = try_url(&curl, place, place->oauth_token_url, &words,
	    phrase)) == -1)
		buf_printf(why, "token endpoint: %s", words.data);
	buf_free(&words);
	if (rc == 0)
		*phrase = NULL;
	credentials_free(credentials);
	return rc;
}

int
preflight_destination(const struct config *config, size_t index, struct buf *why,
    const char **phrase)
{
	return try_place(&config->destinations[index], why, phrase);
}

int
preflight_alert(const struct config *config, struct buf *why)
{
	const struct config_destination place = {
		.url = config->alert.url, .url_file = config->alert.url_file,
		.timeout_ms = ALERT_TIMEOUT_MS, .connect_timeout_ms = ALERT_TIMEOUT_MS };
	const char *phrase;

	return try_place(&place, why, &phrase);
}
