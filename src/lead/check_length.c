#include <json-c/json.h>

#include "lead/check.h"
#include "lead/rules.h"

/* Code points, not bytes: those that begin one are no continuation bytes. */
static void
judge_length(struct report *r, const struct rule *rule, struct json_object *value)
{
	const char *str = json_object_get_string(value);
	size_t len = (size_t)json_object_get_string_len(value), points = 0, i;

	for (i = 0; i < len; i++)
		points += ((unsigned char)str[i] & 0xc0) != 0x80;
	if (points >= rule->min && points <= rule->max)
		return;
	if (rule->min > 0)
		report_field(r, "length", "must be %u to %u characters long",
		    rule->min, rule->max);
	else
		report_field(r, "length", "must be at most %u characters long", rule->max);
}

static void
schema_length(const struct rule *rule, struct buf *out)
{
	if (rule->min > 0)
		buf_printf(out, ", \"minLength\": %u", rule->min);
	buf_printf(out, ", \"maxLength\": %u", rule->max);
}

const struct check check_length = { judge_length, schema_length };
