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
	const unsigned char *s = (const unsigned char *)str;
	unsigned char *o = out;
	uint32_t bits = 0;
	unsigned int v, held = 0;
	size_t i;

	if (len % 4 == 1)
		return -1;
	for (i = 0; i + 4 <= len; i += 4) {
		unsigned int a = values[s[i]], b = values[s[i + 1]];
		unsigned int c = values[s[i + 2]], d = values[s[i + 3]];

		if (a == 0 || b == 0 || c == 0 || d == 0)
			return -1;
		bits = (uint32_t)(a - 1) << 18 | (uint32_t)(b - 1) << 12 |
		    (uint32_t)(c - 1) << 6 | (uint32_t)(d - 1);
		*o++ = (unsigned char)(bits >> 16);
		*o++ = (unsigned char)(bits >> 8);
		*o++ = (unsigned char)bits;
	}
	for (bits = 0; i < len; i++) {
		if ((v = values[s[i]]) == 0)
			return -1;
		bits = bits << 6 | (v - 1);
		held += 6;
	}
	/* Two characters hold one byte and 4 bits, three hold two and 2 bits. */
	if (held != 0) {
		unsigned int spare = held % 8;

		if ((bits & ((1U << spare) - 1)) != 0)
			return -1;
		for (held -= spare, bits >>= spare; held != 0; held -= 8)
			*o++ = (unsigned char)(bits >> (held - 8));
	}
	return o - out;
}

void
base64url_encode(const unsigned char *bytes, size_t len, char *out)
{
	uint32_t bits;
	size_t i;

	for (i = 0; i + 3 <= len; i += 3) {
		bits = (uint32_t)bytes[i] << 16 | (uint32_t)bytes[i + 1] << 8 |
		    bytes[i + 2];
		*out++ = base64url_alphabet[bits >> 18];
		*out++ = base64url_alphabet[bits >> 12 & 63];
		*out++ = base64url_alphabet[bits >> 6 & 63];
		*out++ = base64url_alphabet[bits & 63];
	}
	if (len - i == 1) {
		*out++ = base64url_alphabet[bytes[i] >> 2];
		*out++ = base64url_alphabet[(bytes[i] & 3) << 4];
	} else if (len - i == 2) {
		*out++ = base64url_alphabet[bytes[i] >> 2];
		*out++ = base64url_alphabet[(bytes[i] & 3) << 4 | bytes[i + 1] >> 4];
		*out++ = base64url_alphabet[(bytes[i + 1] & 15) << 2];
	}
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
