#include "cli/object.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "cli/print.h"

void
object_open(struct buf *out)
{
	buf_putc(out, '{');
}

void
object_close(struct buf *out)
{
	buf_putc(out, '}');
}

void
object_comma(struct buf *out)
{
	char last = out->len == 0 ? '{' : out->data[out->len - 1];

	if (last != '{' && last != '[')
		buf_putc(out, ',');
}

void
object_name(struct buf *out, const char *name)
{
	object_comma(out);
	buf_printf(out, "\"%s\":", name);
}

void
object_bytes(struct buf *out, const char *name, const char *str, size_t len)
{
	struct buf quoted = { 0 };

	object_name(out, name);
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
	if (str == NULL)
		object_json(out, name, NULL, 0);
	else
		object_bytes(out, name, str, strlen(str));
}

void
object_number(struct buf *out, const char *name, int64_t number)
{
	object_name(out, name);
	buf_printf(out, "%" PRId64, number);
}

void
object_bool(struct buf *out, const char *name, bool value)
{
	object_name(out, name);
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
	object_name(out, name);
	if (text == NULL)
		buf_puts(out, "null");
	else
		print_json(out, text, len, -1);
}
