/*
 * buf: all that is appended goes through buf_reserve, which alone knows of lost memory.
 */
#include "base/buf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

#define BUF_FIRST 256

bool
buf_reserve(struct buf *b, size_t more)
{
	size_t need, cap;
	char *data;

	if (b->oom)
		return false;
	if (more >= SIZE_MAX / 2 - b->len) {
		b->oom = true;
		return false;
	}
	need = b->len + more + 1;
	if (need <= b->cap)
		return true;
	for (cap = b->cap != 0 ? b->cap : BUF_FIRST; cap < need;)
		cap *= 2;
	if ((data = realloc(b->data, cap)) == NULL) {
		b->oom = true;
		return false;
	}
	b->data = data;
	b->cap = cap;
	return true;
}

void
buf_add(struct buf *b, const void *bytes, size_t len)
{
	if (!buf_reserve(b, len))
		return;
	if (len != 0)
		memcpy(b->data + b->len, bytes, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void
buf_puts(struct buf *b, const char *str)
{
	buf_add(b, str, strlen(str));
}

void
buf_putc(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void
buf_int(struct buf *b, long long value)
{
	char digits[24];

	buf_add(b, digits, (size_t)snprintf(digits, sizeof(digits), "%lld", value));
}

void
buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0 || !buf_reserve(b, (size_t)n)) {
		b->oom = true;
		return;
	}
	(void)vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
	b->len += (size_t)n;
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(b, fmt, ap);
	va_end(ap);
}

/* Append the one character at ${s} as it stands inside a JSON string. */
static void
add_escaped(struct buf *b, const char *s, size_t n)
{
	static const char shorts[] = "\"\"\\\\\bb\ff\nn\rr\tt";
	const char *p;

	for (p = shorts; *p != '\0'; p += 2) {
		if (*s == p[0]) {
			buf_putc(b, '\\');
			buf_putc(b, p[1]);
			return;
		}
	}
	if ((unsigned char)*s < 0x20)
		buf_printf(b, "\\u%04x", (unsigned int)*s);
	else
		buf_add(b, s, n);
}

void
buf_json(struct buf *b, const char *str, size_t len)
{
	const char *end = str + len;
	uint32_t c;
	size_t n;

	buf_putc(b, '"');
	for (; str < end; str += n) {
		if ((n = utf8_get(str, (size_t)(end - str), &c)) == 0) {
			buf_puts(b, "\xef\xbf\xbd");
			n = 1;
		} else {
			add_escaped(b, str, n);
		}
	}
	buf_putc(b, '"');
}

void
buf_percent(struct buf *b, const char *bytes, size_t len, const char *marks)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)bytes[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') || (c != '\0' && strchr(marks, c) != NULL))
			buf_putc(b, bytes[i]);
		else
			buf_printf(b, "%%%02X", c);
	}
}

bool
buf_ok(const struct buf *b)
{
	return !b->oom;
}

const char *
buf_phrase(const struct buf *b)
{
	return buf_ok(b) && b->data != NULL ? b->data : "out of memory";
}

char *
buf_detach(struct buf *b)
{
	char *data;

	if (b->data == NULL)
		buf_add(b, "", 0);
	if (b->oom) {
		buf_free(b);
		return NULL;
	}
	data = b->data;
	*b = (struct buf){ 0 };
	return data;
}

void
buf_reset(struct buf *b)
{
	b->len = 0;
	b->oom = false;
	if (b->data != NULL)
		b->data[0] = '\0';
}

void
buf_free(struct buf *b)
{
	free(b->data);
	*b = (struct buf){ 0 };
}
