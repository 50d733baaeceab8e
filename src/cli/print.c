/* One list of what is unfit for a terminal, for text and for JSON strings. */
#include "cli/print.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/exits.h"
#include "base/text.h"
#include "base/utf8.h"

#define INDENT 2

/* Would a terminal act on it instead of showing it? */
static bool
unfit(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x61c ||
	    c == 0x200e || c == 0x200f || c == 0x2028 || c == 0x2029 ||
	    (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

void
print_text(struct buf *out, const char *str, size_t len)
{
	size_t size;
	uint32_t c;

	for (; len != 0; str += size, len -= size) {
		if ((size = utf8_get(str, len, &c)) == 0) {
			buf_printf(out, "\\x%02x", (unsigned char)*str);
			size = 1;
		} else if (c == '\n') {
			buf_puts(out, "\\n");
		} else if (c == '\t') {
			buf_puts(out, "\\t");
		} else if (unfit(c)) {
			buf_printf(out, "\\u%04x", (unsigned)c);
		} else {
			buf_add(out, str, size);
		}
	}
}

void
print_string(struct buf *out, const char *str)
{
	print_text(out, str, strlen(str));
}

void
print_span(struct buf *out, int64_t from_ms, int64_t to_ms)
{
	char text[TEXT_DURATION_SIZE];
	int64_t span = to_ms > from_ms ? to_ms - from_ms : 0;

	/* Nobody at a keyboard counts milliseconds. */
	buf_puts(out, span < 1000 ? "0s" :
	    text_format_duration(span / 1000 * 1000, text));
}

void
print_moment(struct buf *out, int64_t ms, int64_t now_ms)
{
	bool ahead = ms > now_ms;
	char text[TEXT_TIME_SIZE];

	if (ms == 0) {
		buf_puts(out, "never");
		return;
	}
	text_format_time(ms, text);
	text[strcspn(text, ".Z")] = '\0';
	buf_printf(out, "%sZ (%s", text, ahead ? "in " : "");
	print_span(out, ahead ? now_ms : ms, ahead ? ms : now_ms);
	buf_puts(out, ahead ? ")" : " ago)");
}

void
print_bytes(struct buf *out, uint64_t bytes)
{
	static const char *const units[] = { "B", "KB", "MB", "GB", "TB", "PB", "EB" };
	double n = (double)bytes;
	size_t unit = 0;

	for (; n >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0]); unit++)
		n /= 1024;
	buf_printf(out, unit == 0 ? "%.0f %s" : "%.1f %s", n, units[unit]);
}

static void
new_line(struct buf *out, int indent)
{
	if (indent >= 0)
		buf_printf(out, "\n%*s", indent, "");
}

/* A character inside a string, where an escape is as good as the character. */
static size_t
json_character(struct buf *out, const char *str, size_t len)
{
	uint32_t c;
	size_t size = utf8_get(str, len, &c);

	if (size == 0)
		buf_puts(out, "\\ufffd");
	else if (unfit(c))
		buf_printf(out, "\\u%04x", (unsigned)c);
	else
		buf_add(out, str, size);
	return size != 0 ? size : 1;
}

/* One character outside of strings that is no blank. */
static void
json_mark(struct buf *out, char c, bool opened, int *indent)
{
	bool pretty = *indent >= 0, closes = c == ']' || c == '}';

	/* Whatever follows an opening bracket, but its closing one, starts a line. */
	if (closes && pretty)
		*indent -= INDENT;
	if (closes != opened)
		new_line(out, *indent);
	buf_putc(out, c);
	if ((c == '[' || c == '{') && pretty)
		*indent += INDENT;
	else if (c == ',')
		new_line(out, *indent);
	else if (c == ':' && pretty)
		buf_putc(out, ' ');
}

void
print_json(struct buf *out, const char *text, size_t len, int indent)
{
	bool quoted = false, opened = false;
	size_t n;

	for (; len > 0; text += n, len -= n) {
		n = 1;
		if (quoted && *text == '\\' && len > 1)
			buf_add(out, text, n = 2);
		else if (quoted) {
			quoted = *text != '"';
			n = json_character(out, text, len);
		} else if (strchr(" \t\r\n", *text) == NULL) {
			json_mark(out, *text, opened, &indent);
			opened = *text == '[' || *text == '{';
			quoted = *text == '"';
		}
	}
}

bool
print_flush(struct buf *out)
{
	bool ok = buf_ok(out);

	if (ok && out->len > 0)
		(void)fwrite(out->data, 1, out->len, stdout);
	buf_reset(out);
	return ok;
}

bool
print_line(struct buf *out)
{
	bool ok;

	buf_putc(out, '\n');
	ok = print_flush(out);
	buf_free(out);
	return ok;
}

int
print_fail(int status, const char *fmt, ...)
{
	struct buf words = { 0 }, out = { 0 };
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&words, fmt, ap);
	va_end(ap);
	if (buf_ok(&words))
		print_string(&out, words.data);
	fprintf(stderr, "leadrelay: %s\n",
	    buf_ok(&words) && buf_ok(&out) && out.len > 0 ? out.data : "out of memory");
	buf_free(&words);
	buf_free(&out);
	return status;
}

int
print_end(struct buf *out, bool oom)
{
	oom |= !print_flush(out);
	buf_free(out);
	return oom ? print_fail(EXIT_SOFTWARE, "out of memory") : EXIT_DONE;
}
