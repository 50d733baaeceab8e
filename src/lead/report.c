/*
 * Errors are written as they are found, up to a limit, beyond which they are counted.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lead/report.h"

/*
 * One name as a token of a JSON Pointer in a URI fragment: '~' and '/' escaped
 * (RFC 6901 section 3), then every byte that RFC 3986 does not allow in a fragment.
 * Given up when ${out} is longer than ${max}.
 */
static void
put_name(struct buf *out, const char *name, size_t max)
{
	static const char marks[] = "-._!$&'()*+,;=:@?";

	for (; *name != '\0' && out->len <= max; name++) {
		if (*name == '~')
			buf_puts(out, "~0");
		else if (*name == '/')
			buf_puts(out, "~1");
		else
			buf_percent(out, name, 1, marks);
	}
}

/*
 * Write the steps down to ${step}, or those that end before ${out} is longer than
 * ${max}; false when not all did.
 */
static bool
put_pointer(struct buf *out, const struct report_step *step, size_t max)
{
	size_t len;

	if (step == NULL)
		return true;
	if (!put_pointer(out, step->up, max))
		return false;
	len = out->len;
	buf_putc(out, '/');
	if (step->name != NULL)
		put_name(out, step->name, max);
	else
		buf_printf(out, "%zu", step->index);
	if (out->len <= max)
		return true;
	out->len = len;
	return false;
}

static void
put_error(struct report *r, const struct report_step *at, const char *rule,
    const char *detail)
{
	buf_puts(r->errors, r->count++ == 0 ? "[{\"pointer\":\"#" : ",{\"pointer\":\"#");
	(void)put_pointer(r->errors, at, r->errors->len + REPORT_MAX_POINTER);
	buf_puts(r->errors, "\",\"rule\":");
	buf_json(r->errors, rule, strlen(rule));
	buf_puts(r->errors, ",\"detail\":");
	buf_json(r->errors, detail, strlen(detail));
	buf_putc(r->errors, '}');
}

void
report_field(struct report *r, const char *rule, const char *detail, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, detail);
	(void)vsnprintf(text, sizeof(text), detail, ap);
	va_end(ap);
	put_error(r, r->field, rule, text);
}

void
report_element(struct report *r, const struct report_step *at, const char *rule,
    const char *detail)
{
	r->element_rule = rule;
	if (++r->elements <= REPORT_MAX_ELEMENTS)
		put_error(r, at, rule, detail);
}

void
report_begin(struct report *r, const struct report_step *field)
{
	r->field = field;
	r->elements = 0;
}

void
report_end(struct report *r)
{
	if (r->elements > REPORT_MAX_ELEMENTS)
		report_field(r, r->element_rule, "%zu more inside it break this rule",
		    r->elements - REPORT_MAX_ELEMENTS);
}
