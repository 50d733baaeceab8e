#include "client/target.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#define HOST_MAX 256

/* The host in ${len} bytes of "host[:port]", brackets off; NULL or a fault. */
static const char *
take_host(const char *authority, size_t len, char host[HOST_MAX])
{
	const char *start = authority, *end;

	if (memchr(authority, '@', len) != NULL)
		return "a URL with a user name is not taken";
	if (len > 0 && authority[0] == '[') {
		start++;
		end = memchr(authority, ']', len);
		if (end == NULL)
			return "the bracket of the address is not closed";
	} else {
		end = memchr(authority, ':', len);
		if (end == NULL)
			end = authority + len;
	}
	if (end == start)
		return "the URL names no host";
	if (end - start >= HOST_MAX)
		return "the host name is too long";
	memcpy(host, start, (size_t)(end - start));
	host[end - start] = '\0';
	return NULL;
}

static bool
is_loopback(const char *host)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (inet_pton(AF_INET, host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	if (inet_pton(AF_INET6, host, &v6) == 1)
		return IN6_IS_ADDR_LOOPBACK(&v6);
	return strcasecmp(host, "localhost") == 0;
}

const char *
target_read(const char *url, struct target *target)
{
	char host[HOST_MAX];
	const char *authority, *path, *fault;
	size_t len;

	for (const char *p = url; *p != '\0'; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f || *p == '\\')
			return "blanks, control characters and backslashes have no place in a URL";
	if (strncasecmp(url, "http://", 7) == 0)
		authority = url + 7;
	else if (strncasecmp(url, "https://", 8) == 0)
		authority = url + 8;
	else
		return "the URL must start with http:// or https://";
	len = strcspn(authority, "/?#");
	if ((fault = take_host(authority, len, host)) != NULL)
		return fault;
	target->loopback = is_loopback(host);
	path = authority + len;
	len = strcspn(path, "?#");
	if (len == 0)
		buf_putc(&target->path, '/');
	else
		buf_add(&target->path, path, len);
	return buf_ok(&target->path) ? NULL : "out of memory";
}
