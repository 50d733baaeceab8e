/*
 * One decoder for everybody: strict, without state.
 */
#include "base/utf8.h"

#include <stdbool.h>

char *
utf8_put(char *out, uint32_t c)
{
	if (c < 0x80) {
		*out++ = (char)c;
		return out;
	}
	if (c < 0x800) {
		*out++ = (char)(0xc0 | c >> 6);
	} else {
		if (c < 0x10000) {
			*out++ = (char)(0xe0 | c >> 12);
		} else {
			*out++ = (char)(0xf0 | c >> 18);
			*out++ = (char)(0x80 | (c >> 12 & 0x3f));
		}
		*out++ = (char)(0x80 | (c >> 6 & 0x3f));
	}
	*out++ = (char)(0x80 | (c & 0x3f));
	return out;
}

/* Does the byte go on with a character that began before it? */
static bool
goes_on(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

size_t
utf8_get(const char *bytes, size_t len, uint32_t *c)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char lead = (unsigned char)bytes[0];
	size_t n = lead < 0x80 ? 1 : lead < 0xc0 ? 0 : lead < 0xe0 ? 2 :
	    lead < 0xf0 ? 3 : lead < 0xf8 ? 4 : 0;

	if (n == 0 || n > len)
		return 0;
	*c = n == 1 ? lead : lead & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if (!goes_on(bytes[i]))
			return 0;
		*c = *c << 6 | ((unsigned char)bytes[i] & 0x3f);
	}
	return *c < least[n] || *c > 0x10ffff || (*c >= 0xd800 && *c <= 0xdfff) ? 0 : n;
}

size_t
utf8_count(const char *bytes, size_t len)
{
	size_t count = 0;

	for (size_t i = 0; i < len; i++)
		count += !goes_on(bytes[i]);
	return count;
}
