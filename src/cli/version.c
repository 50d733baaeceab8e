#include "config.h"

#include "cli/version.h"

#include <confuse.h>
#include <json-c/json.h>
#include <openssl/crypto.h>
#include <sqlite3.h>
#include <string.h>

#include "http/curl_api.h"
#include "token/jwt.h"

void
version_print(struct buf *out)
{
	/* "OpenSSL 3.0.2 15 Mar 2022": the date is dropped. */
	const char *openssl = OpenSSL_version(OPENSSL_VERSION);
	size_t len = strcspn(openssl, " ");

	if (openssl[len] == ' ')
		len += 1 + strcspn(openssl + len + 1, " ");
	buf_printf(out, "leadrelay %s\n", PACKAGE_VERSION);
	buf_printf(out, "fcgi %s\n", FCGI_LIBRARY_VERSION);
	buf_printf(out, "json-c %s\n", json_c_version());
	buf_printf(out, "%s\n", jwt_library());
	buf_printf(out, "%s\n", curl_api_version());
	buf_printf(out, "sqlite %s\n", sqlite3_libversion());
	buf_printf(out, "libconfuse %s\n", confuse_version);
	buf_printf(out, "%.*s\n", (int)len, openssl);
}
