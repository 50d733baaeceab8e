/*
 * The same table as lead_check.c goes by, printed; a check prints its own keywords.
 */
#include <string.h>

#include "lead/check.h"
#include "lead/lead.h"
#include "lead/number.h"
#include "lead/rules.h"

static const char *const type_words[] = {
	[RULE_STRING] = "string", [RULE_NUMBER] = "number", [RULE_INTEGER] = "integer",
	[RULE_BOOLEAN] = "boolean", [RULE_OBJECT] = "object", [RULE_ARRAY] = "array",
};

/* Append ${words} as JSON strings with commas between, and null last if ${nullable}. */
static void
put_words(struct buf *out, const char *const *words, bool nullable)
{
	for (const char *const *word = words; *word != NULL; word++)
		buf_printf(out, "%s\"%s\"", word == words ? "" : ", ", *word);
	buf_puts(out, nullable ? ", null" : "");
}

/* Append ${text} with ${max} wherever it says %u. */
static void
put_keywords(struct buf *out, const char *text, unsigned int max)
{
	const char *mark;

	for (; (mark = strstr(text, "%u")) != NULL; text = mark + 2) {
		buf_add(out, text, (size_t)(mark - text));
		buf_printf(out, "%u", max);
	}
	buf_puts(out, text);
}

/* Names of the fields with this condition, as JSON strings with ${suffix}, commas between. */
static void
put_names(struct buf *out, enum rule_when when, const char *suffix)
{
	const char *comma = "";

	for (size_t i = 0; i < rules_count; i++)
		if (rules[i].required == when) {
			buf_printf(out, "%s\"%s\"%s", comma, rules[i].name, suffix);
			comma = ", ";
		}
}

static void
put_field(struct buf *out, const struct rule *rule)
{
	const char *type = type_words[rule->type];

	buf_printf(out, "        \"%s\": { \"type\": ", rule->name);
	/* A null in a field that may be absent counts as absent. */
	if (rule->required == RULE_ALWAYS)
		buf_printf(out, "\"%s\"", type);
	else
		buf_printf(out, "[\"%s\", \"null\"]", type);
	if (rule->type == RULE_INTEGER)
		buf_printf(out, ", \"minimum\": -%lld, \"maximum\": %lld",
		    (long long)NUMBER_MAX_INTEGER, (long long)NUMBER_MAX_INTEGER);
	if (rule->min > 0)
		buf_printf(out, ", \"minLength\": %u", rule->min);
	if (rule->words != NULL) {
		buf_puts(out, ", \"enum\": [");
		put_words(out, rule->words, rule->required == RULE_OPTIONAL);
		buf_putc(out, ']');
	}
	if (rule->check != NULL)
		put_keywords(out, rule->check->schema, rule->max);
	buf_puts(out, " }");
}

/* "if" the condition holds, "then" its fields are there and not null. */
static void
put_condition(struct buf *out, enum rule_when when)
{
	const struct rule_condition *c = &rules_conditions[when];

	buf_puts(out, "        { \"if\": { \"required\": [\"type\"], "
	    "\"properties\": { \"type\": { \"enum\": [");
	put_words(out, c->types, false);
	buf_puts(out, "] }");
	if (c->no_office)
		buf_puts(out, ", \"office_id\": { \"type\": \"null\" }");
	buf_puts(out, " } },\n          \"then\": { \"required\": [");
	put_names(out, when, "");
	buf_puts(out, "], \"properties\": { ");
	put_names(out, when, ": { \"not\": { \"type\": \"null\" } }");
	buf_puts(out, " } } }");
}

static void
put_data(struct buf *out)
{
	buf_puts(out, "    \"data\": {\n      \"type\": \"object\",\n      \"required\": [");
	put_names(out, RULE_ALWAYS, "");
	buf_puts(out, "],\n      \"properties\": {\n");
	for (size_t i = 0; i < rules_count; i++) {
		put_field(out, &rules[i]);
		buf_puts(out, i + 1 < rules_count ? ",\n" : "\n");
	}
	buf_puts(out, "      },\n      \"allOf\": [\n");
	for (size_t i = RULE_VALUED; i < RULE_WHENS; i++) {
		put_condition(out, (enum rule_when)i);
		buf_puts(out, i + 1 < RULE_WHENS ? ",\n" : "\n");
	}
	buf_puts(out, "      ]\n    }\n");
}

void
lead_schema(struct buf *out)
{
	buf_puts(out, "{\n"
	    "  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
	    "  \"title\": \"LeadPro webhook\",\n"
	    "  \"type\": \"object\",\n"
	    "  \"required\": [\"event\", \"data\"],\n"
	    "  \"properties\": {\n"
	    "    \"event\": { \"enum\": [");
	put_words(out, rules_events, false);
	buf_puts(out, "] },\n");
	put_data(out);
	buf_printf(out, "  },\n"
	    "  \"x-leadrelay-rule\": { \"maxDepth\": %d, \"uniqueNames\": true },\n",
	    JSON_MAX_DEPTH);
	buf_puts(out, "  \"$defs\": {\n"
	    "    \"date\": { \"type\": \"string\", \"pattern\": "
	    CHECK_DATE_PATTERN("?") ",\n"
	    "      \"x-leadrelay-rule\": { \"calendarDay\": true } },\n"
	    "    \"dates\": {\n"
	    "      \"items\": { \"allOf\": [{ \"$ref\": \"#/$defs/date\" }, "
	    "{ \"$ref\": \"#/$defs/dates\" }] },\n"
	    "      \"additionalProperties\": { \"$ref\": \"#/$defs/dates\" } }\n"
	    "  }\n}\n");
}
