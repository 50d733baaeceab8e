#include "base/base64url.h"

#include <stdint.h>

const char base64url_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* The value of each character plus one; 0 is "not in the alphabet". */
static const unsigned char values[256] = {
	['A'] = 1, ['B'] = 2, ['C'] = 3, ['D'] = 4, ['E'] = 5, ['F'] = 6,
	['G'] = 7, ['H'] = 8, ['I'] = 9, ['J'] = 10, ['K'] = 11, ['L'] = 12,
	['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16, ['Q'] = 17, ['R'] = 18,
	['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
	['Y'] = 25, ['Z'] = 26,
	['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
	['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38,
	['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44,
	['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48, ['w'] = 49, ['x'] = 50,
	['y'] = 51, ['z'] = 52,
	['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56, ['4'] = 57, ['5'] = 58,
	['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['-'] = 63, ['_'] = 64
};

ssize_t
base64url_decode(const char *str, size_t len, unsigned char *out)
{
	unsigned char *o = out;
	unsigned int v, held = 0;
	uint32_t bits = 0;

	if (len % 4 == 1)
		return -1;
	for (size_t i = 0; i < len; i++) {
		if ((v = values[(unsigned char)str[i]]) == 0)
			return -1;
		bits = bits << 6 | (v - 1);
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
