/*
 * client: libcurl, as all requests of one thread share it.
 */
#ifndef LEADRELAY_HTTP_CLIENT_H
#define LEADRELAY_HTTP_CLIENT_H

#include "http/curl_api.h"

/*
 * Something that libcurl carries out, at the beginning of whatever CURLINFO_PRIVATE
 * of its handle points at.  ended is called on that thread when it is over.
 */
struct http_task {
	void (*ended)(struct http_task *task, CURLcode code);
};

struct http_client {
	struct curl_api curl;
	CURLM *multi;
	const char *ca_file;		/* the system's; NULL: libcurl's default */
};

#endif
