/*
 * Two tables: statuses, and libcurl's codes.  What is in neither is passing trouble
 * (codes), or goes by its hundred (statuses).
 */
#include "relay/classify.h"

#include <curl/curl.h>

#include "config/config.h"

/* The first row that holds the status decides. */
static const struct {
	int low, high;
	enum classify_class class;
} statuses[] = {
	{ 401, 405, CLASSIFY_DESTINATION },	/* credentials, address, method */
	{ 407, 407, CLASSIFY_DESTINATION },
	{ 408, 408, CLASSIFY_PASSING },
	{ 410, 410, CLASSIFY_DESTINATION },
	{ 415, 415, CLASSIFY_DESTINATION },
	{ 421, 421, CLASSIFY_DESTINATION },
	{ 423, 423, CLASSIFY_PASSING },
	{ 425, 425, CLASSIFY_PASSING },
	{ 426, 426, CLASSIFY_DESTINATION },
	{ 429, 429, CLASSIFY_PASSING },
	{ 501, 501, CLASSIFY_DESTINATION },
	{ 505, 505, CLASSIFY_DESTINATION },
	{ 200, 299, CLASSIFY_LEAD },		/* a yes that `success` does not name */
	{ 300, 399, CLASSIFY_DESTINATION },	/* redirects are not followed */
	{ 400, 499, CLASSIFY_LEAD },
	{ 0, 999, CLASSIFY_PASSING },
};

/* Before anything was sent: these say that nobody could get through just now. */
static const int destination_errors[] = {
	CURLE_UNSUPPORTED_PROTOCOL,
	CURLE_URL_MALFORMAT,
	CURLE_COULDNT_RESOLVE_PROXY,
	CURLE_COULDNT_RESOLVE_HOST,
	CURLE_COULDNT_CONNECT,
	CURLE_OPERATION_TIMEDOUT,		/* while connecting */
	CURLE_SSL_CONNECT_ERROR,
	CURLE_SSL_CERTPROBLEM,
	CURLE_SSL_CIPHER,
	CURLE_PEER_FAILED_VERIFICATION,
	CURLE_SSL_CACERT_BADFILE,
	CURLE_SSL_CRL_BADFILE,
	CURLE_SSL_ISSUER_ERROR,
	CURLE_SSL_PINNEDPUBKEYNOTMATCH,
	CURLE_SSL_INVALIDCERTSTATUS,
	CURLE_SSL_CLIENTCERT,
	CURLE_USE_SSL_FAILED,
	CURLE_PROXY,
	CURLE_GOT_NOTHING,			/* a proxy hung up, or TLS was cut short */
	CURLE_RECV_ERROR,
	CURLE_SEND_ERROR,
};

enum classify_class
classify_status(const struct config_range *success, size_t success_count,
    int status, bool unknown)
{
	size_t i;

	for (i = 0; i < success_count; i++)
		if (status >= success[i].low && status <= success[i].high)
			return CLASSIFY_DELIVERED;
	if (status == 409 && unknown)
		return CLASSIFY_DELIVERED;
	for (i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		if (status >= statuses[i].low && status <= statuses[i].high)
			return statuses[i].class;
	return CLASSIFY_PASSING;
}

enum classify_class
classify_error(int curl_code, bool sending)
{
	size_t i;

	if (sending)
		return CLASSIFY_PASSING;
	for (i = 0; i < sizeof(destination_errors) / sizeof(destination_errors[0]); i++)
		if (curl_code == destination_errors[i])
			return CLASSIFY_DESTINATION;
	return CLASSIFY_PASSING;
}
