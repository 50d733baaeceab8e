/*
 * base64url: bits are shifted in at one end of a word and taken out at the other;
 * those that were taken already are left to fall out at its top.
 */
#include "base/base64url.h"

#include <stdint.h>

const char base64url_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* The six bits that ${c} stands for, or -1. */
static int
value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '-' ? 62 : c == '_' ? 63 : -1;
}

ssize_t
base64url_decode(const char *str, size_t len, unsigned char *out)
{
	unsigned char *o = out;
	unsigned int held = 0;
	uint32_t bits = 0;
	int value;

	if (len % 4 == 1)
		return -1;
	for (size_t i = 0; i < len; i++) {
		if ((value = value_of(str[i])) == -1)
			return -1;
		bits = bits << 6 | (uint32_t)value;
		if ((held += 6) >= 8)
			*o++ = (unsigned char)(bits >> (held -= 8));
	}
	/* What is left of the last character belongs to no byte. */
	return (bits & ((1U << held) - 1)) == 0 ? o - out : -1;
}

void
base64url_encode(const unsigned char *bytes, size_t len, char *out)
{
	unsigned int held = 0;
	uint32_t bits = 0;

	for (size_t i = 0; i < len; i++) {
		bits = bits << 8 | bytes[i];
		for (held += 8; held >= 6;)
			*out++ = base64url_alphabet[bits >> (held -= 6) & 63];
	}
	if (held != 0)
		*out++ = base64url_alphabet[bits << (6 - held) & 63];
	*out = '\0';
}

void
base64url_add(struct buf *out, const void *bytes, size_t len)
{
	size_t room = BASE64URL_ENCODED_SIZE(len);

	if (!buf_reserve(out, room))
		return;
	base64url_encode(bytes, len, out->data + out->len);
	out->len += room - 1;
}
