/* What is open, and whether a comma is due, is read off the last byte written. */
#include "cli/object.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "cli/print.h"

static void
add_comma(struct buf *out)
{
	char last = out->len == 0 ? '{' : out->data[out->len - 1];

	if (last != '{' && last != '[')
		buf_putc(out, ',');
}

static void
add_name(struct buf *out, const char *name)
{
	add_comma(out);
	if (name != NULL)
		buf_printf(out, "\"%s\":", name);
}

void
object_open(struct buf *out)
{
	add_comma(out);
	buf_putc(out, '{');
}

void
object_close(struct buf *out)
{
	buf_putc(out, '}');
}

bool
object_end(struct buf *out)
{
	object_close(out);
	return print_line(out);
}

void
object_array(struct buf *out, const char *name)
{
	add_name(out, name);
	buf_putc(out, '[');
}

void
object_bytes(struct buf *out, const char *name, const char *str, size_t len)
{
	struct buf quoted = { 0 };

	if (str == NULL) {
		object_json(out, name, NULL, 0);
		return;
	}
	add_name(out, name);
	buf_json(&quoted, str, len);
	if (!buf_ok(&quoted))
		out->oom = true;
	else
		print_json(out, quoted.data, quoted.len, -1);
	buf_free(&quoted);
}

void
object_string(struct buf *out, const char *name, const char *str)
{
	object_bytes(out, name, str, str != NULL ? strlen(str) : 0);
}

void
object_number(struct buf *out, const char *name, int64_t number)
{
	add_name(out, name);
	buf_printf(out, "%" PRId64, number);
}

void
object_number_unless(struct buf *out, const char *name, int64_t number,
    int64_t none)
{
	if (number == none)
		object_json(out, name, NULL, 0);
	else
		object_number(out, name, number);
}

void
object_bool(struct buf *out, const char *name, bool value)
{
	add_name(out, name);
	buf_puts(out, value ? "true" : "false");
}

void
object_moment(struct buf *out, const char *name, int64_t ms)
{
	char text[TEXT_TIME_SIZE];

	object_string(out, name, ms == 0 ? NULL : text_format_time(ms, text));
}

void
object_json(struct buf *out, const char *name, const char *text, size_t len)
{
	add_name(out, name);
	if (text == NULL)
		buf_puts(out, "null");
	else
		print_json(out, text, len, -1);
}
