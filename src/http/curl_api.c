/*
 * Either way, dlopen(3) or linked, the table is filled name by name, and whole or not at all.
 */
#include "config.h"

#include "http/curl_api.h"

#include "base/buf.h"

#ifdef CURL_DLOPEN

#include <dlfcn.h>
#include <string.h>

/* The ABI has been 4 since 2006; the second name is Debian's GnuTLS build. */
static const char *const library_names[] = {
	"libcurl.so.4", "libcurl-gnutls.so.4", "libcurl.so"
};

static void *
open_library(struct buf *why)
{
	void *library;
	size_t i;

	for (i = 0; i < sizeof(library_names) / sizeof(library_names[0]); i++)
		if ((library = dlopen(library_names[i], RTLD_NOW | RTLD_LOCAL)) != NULL)
			return library;
	buf_printf(why, "%s cannot be loaded (%s): install libcurl (Debian: libcurl4)",
	    library_names[0], dlerror());
	return NULL;
}

static int
fill(struct curl_api *api, struct buf *why)
{
	void *library, *symbol;

	if ((library = open_library(why)) == NULL)
		return -1;
	/* POSIX lets a symbol's address be read as a function's; ISO C has no cast for it. */
#define X(name) \
	if ((symbol = dlsym(library, "curl_" #name)) == NULL) { \
		buf_puts(why, "libcurl has no curl_" #name ": install 7.80 or newer"); \
		(void)dlclose(library);	/* or the next try would find this one */ \
		return -1; \
	} \
	memcpy(&api->name, &symbol, sizeof(symbol));
	CURL_API_TABLE(X)
#undef X
	return 0;
}

#else

static int
fill(struct curl_api *api, struct buf *why)
{
	(void)why;
#define X(name) api->name = curl_##name;
	CURL_API_TABLE(X)
#undef X
	return 0;
}

#endif

int
curl_api_load(struct curl_api *api, struct buf *why)
{
	CURLcode rc;

	if (fill(api, why) == -1)
		return -1;
	if ((rc = api->global_init(CURL_GLOBAL_DEFAULT)) != CURLE_OK) {
		buf_printf(why, "libcurl cannot start: %s", api->easy_strerror(rc));
		return -1;
	}
	return 0;
}

const char *
curl_api_version(void)
{
	struct curl_api curl;
	struct buf why = { 0 };
	const char *name = "libcurl (cannot be loaded)";

	if (curl_api_load(&curl, &why) == 0)
		name = curl.version();
	buf_free(&why);
	return name;
}
