/*
 * Words of a list, exactly as they are spelt there.
 */
#include <string.h>

#include <json-c/json.h>

#include "lead/check.h"
#include "lead/rules.h"

bool
check_word(struct json_object *string, const char *const *words)
{
	const char *str = json_object_get_string(string);
	size_t len = (size_t)json_object_get_string_len(string);

	for (; *words != NULL; words++)
		if (strlen(*words) == len && memcmp(*words, str, len) == 0)
			return true;
	return false;
}

static void
judge_enum(struct report *r, struct json_object *value)
{
	struct buf list = { 0 };
	const char *const *word;

	if (check_word(value, r->rule->words))
		return;
	for (word = r->rule->words; *word != NULL; word++)
		buf_printf(&list, "%s%s", word == r->rule->words ? "" : ", ", *word);
	report_field(r, "enum", "must be one of %s", buf_ok(&list) ? list.data : "a list");
	buf_free(&list);
}

const struct check check_enum = { judge_enum, "" };
