/* Only what every program reads the same way is taken; libcurl reads it again. */
#include "client/target.h"

#include <string.h>

#include "config/url.h"

#define HOST_MAX 256

const char *
target_read(const char *str, struct target *target)
{
	struct url url;
	size_t len;

	for (const char *p = str; *p != '\0'; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f || *p == '\\')
			return "blanks, control characters and backslashes have no place in a URL";
	if (!url_split(str, &url))
		return "it is no http://HOST[:PORT]/PATH";
	if (!url_is(&url, "http") && !url_is(&url, "https"))
		return "the URL must start with http:// or https://";
	if (url.user != NULL)
		return "a URL with a user name is not taken";
	if (url.host_len >= HOST_MAX)
		return "the host name is too long";
	target->loopback = url_is_loopback(&url);
	len = strcspn(url.rest, "?#");
	if (len == 0)
		buf_putc(&target->path, '/');
	else
		buf_add(&target->path, url.rest, len);
	return buf_ok(&target->path) ? NULL : "out of memory";
}
