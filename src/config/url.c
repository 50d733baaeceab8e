/*
 * For what is judged before libcurl is loaded; where a request is sent, libcurl's own
 * parser has the last word (http/transport.c).
 */
#include "config/url.h"

#include <arpa/inet.h>

#include <string.h>
#include <strings.h>

#define ALPHA "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGIT "0123456789"

static bool
has_blank(const char *str)
{
	for (; *str != '\0'; str++)
		if ((unsigned char)*str <= ' ' || *str == 0x7f)
			return true;
	return false;
}

/* "host[:port]" up to ${end}. */
static bool
split_host(struct url *url, const char *end)
{
	const char *p = url->host;

	if (*p == '[') {
		p = memchr(p, ']', (size_t)(end - p));
		if (p == NULL || p == url->host + 1)
			return false;
		p++;
	} else
		p += strcspn(p, ":/?#");
	if (p > end)
		p = end;
	url->host_len = (size_t)(p - url->host);
	if (p == end)
		return url->host_len > 0;
	if (*p != ':')
		return false;
	url->port = p + 1;
	url->port_len = (size_t)(end - url->port);
	return url->host_len > 0 && url->port_len > 0 && url->port_len <= 5 &&
	    strspn(url->port, DIGIT) == url->port_len;
}

bool
url_split(const char *str, struct url *url)
{
	const char *at;
	const char *end;

	*url = (struct url){ .scheme = str };
	url->scheme_len = strspn(str, ALPHA DIGIT "+-.");
	if (url->scheme_len == 0 || has_blank(str) ||
	    strncmp(str + url->scheme_len, "://", 3) != 0)
		return false;
	url->host = str + url->scheme_len + 3;
	end = url->host + strcspn(url->host, "/?#");
	url->rest = end;
	at = memrchr(url->host, '@', (size_t)(end - url->host));
	if (at != NULL) {
		url->user = url->host;
		url->host = at + 1;
	}
	return split_host(url, end);
}

bool
url_is(const struct url *url, const char *name)
{
	return strlen(name) == url->scheme_len &&
	    strncasecmp(url->scheme, name, url->scheme_len) == 0;
}

bool
url_host_is_loopback(const char *name, size_t len)
{
	char host[INET6_ADDRSTRLEN + 2];
	struct in_addr v4;
	struct in6_addr v6;

	if (len >= 2 && name[0] == '[' && name[len - 1] == ']') {
		name++;
		len -= 2;
	}
	if (len >= sizeof(host))
		return false;
	memcpy(host, name, len);
	host[len] = '\0';
	return strcasecmp(host, "localhost") == 0 ||
	    (inet_pton(AF_INET, host, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127) ||
	    (inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6));
}

bool
url_is_loopback(const struct url *url)
{
	return url_host_is_loopback(url->host, url->host_len);
}
