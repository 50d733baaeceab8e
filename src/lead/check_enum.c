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

void
check_put_words(struct buf *out, const char *const *words, bool nullable)
{
	const char *const *word;

	for (word = words; *word != NULL; word++) {
		if (word != words)
			buf_puts(out, ", ");
		buf_json(out, *word, strlen(*word));
	}
	if (nullable)
		buf_puts(out, ", null");
}

static void
judge_enum(struct report *r, const struct rule *rule, struct json_object *value)
{
	struct buf list = { 0 };
	const char *const *word;

	if (check_word(value, rule->words))
		return;
	for (word = rule->words; *word != NULL; word++)
		buf_printf(&list, "%s%s", word == rule->words ? "" : ", ", *word);
	report_field(r, "enum", "must be one of %s", buf_ok(&list) ? list.data : "a list");
	buf_free(&list);
}

static void
schema_enum(const struct rule *rule, struct buf *out)
{
	buf_puts(out, ", \"enum\": [");
	check_put_words(out, rule->words, rule->required == RULE_OPTIONAL);
	buf_putc(out, ']');
}

const struct check check_enum = { judge_enum, schema_enum };
