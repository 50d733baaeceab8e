/* Libraries are asked for the version in use, but for fcgi and libjwt, which cannot say. */
#include "config.h"

#include "cli/version.h"

#include <confuse.h>
#include <json-c/json.h>
#include <openssl/crypto.h>
#include <sqlite3.h>
#include <string.h>

#include "http/curl_api.h"

void
version_print(struct buf *out)
{
	/* "OpenSSL 3.0.2 15 Mar 2022": the date is dropped. */
	const char *openssl = OpenSSL_version(OPENSSL_VERSION);
	size_t len = strcspn(openssl, " ");

	if (openssl[len] == ' ')
		len += 1 + strcspn(openssl + len + 1, " ");
	buf_printf(out, "leadrelay %s\nfcgi %s\njson-c %s\nlibjwt %s\n%s\n",
	    PACKAGE_VERSION, FCGI_LIBRARY_VERSION, json_c_version(),
	    LIBJWT_VERSION, curl_api_version());
	buf_printf(out, "sqlite %s\nlibconfuse %s\n%.*s\n",
	    sqlite3_libversion(), confuse_version, (int)len, openssl);
}
