/*
 * curl_api: libcurl behind a table of function pointers.
 *
 * libcurl drags 29 libraries in, so it is loaded when a relay starts and not
 * with the program (configure --disable-curl-dlopen links it instead).  Every
 * call goes through the table, so both ways read the same.
 */
#ifndef LEADRELAY_HTTP_CURL_API_H
#define LEADRELAY_HTTP_CURL_API_H

#include <curl/curl.h>

struct buf;

#define CURL_API_TABLE(X) \
	X(easy_cleanup) \
	X(easy_getinfo) \
	X(easy_init) \
	X(easy_perform) \
	X(easy_setopt) \
	X(easy_strerror) \
	X(free) \
	X(global_init) \
	X(multi_add_handle) \
	X(multi_cleanup) \
	X(multi_info_read) \
	X(multi_init) \
	X(multi_perform) \
	X(multi_poll) \
	X(multi_remove_handle) \
	X(multi_setopt) \
	X(multi_strerror) \
	X(multi_wakeup) \
	X(url) \
	X(url_cleanup) \
	X(url_get) \
	X(url_set) \
	X(version)

struct curl_api {
#define X(name) __typeof__(curl_##name) *name;
	CURL_API_TABLE(X)
#undef X
};

/*
 * Load libcurl, fill ${api} and initialise the library.  It stays loaded until
 * the process ends.  0, or -1 with a phrase that ends in the cure in ${why}.
 */
int curl_api_load(struct curl_api *api, struct buf *why);

/* libcurl's name and version, loading it if need be; a constant. */
const char *curl_api_version(void);

#endif
