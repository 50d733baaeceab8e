/*
 * Lengths in code points.
 */
#include <json-c/json.h>

#include "base/utf8.h"
#include "lead/check.h"
#include "lead/rules.h"

/* Code points, not bytes. */
static void
judge_length(struct report *r, struct json_object *value)
{
	const struct rule *rule = r->rule;
	const char *str = json_object_get_string(value);
	size_t points = utf8_count(str, (size_t)json_object_get_string_len(value));

	if (points >= rule->min && points <= rule->max)
		return;
	if (rule->min > 0)
		report_field(r, "length", "must be %u to %u characters long",
		    rule->min, rule->max);
	else
		report_field(r, "length", "must be at most %u characters long", rule->max);
}

const struct check check_length = { judge_length, ", \"maxLength\": %u" };
