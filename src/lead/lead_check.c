/*
 * Each field: is it there, of its type, an integer where one is asked for; then the
 * field's own check.  All fields are looked at, whatever was found before.
 */
#include <json-c/json.h>

#include "lead/check.h"
#include "lead/lead.h"
#include "lead/report.h"
#include "lead/rules.h"

/* What each rule type takes, and the words for a value that it does not take. */
static const struct {
	json_type types[2];
	const char *words;
} takes[] = {
	[RULE_STRING]	= { { json_type_string, json_type_string }, "must be a string" },
	[RULE_NUMBER]	= { { json_type_int, json_type_double }, "must be a number" },
	[RULE_INTEGER]	= { { json_type_int, json_type_double }, "must be a number" },
	[RULE_BOOLEAN]	= { { json_type_boolean, json_type_boolean }, "must be a boolean" },
	[RULE_OBJECT]	= { { json_type_object, json_type_object }, "must be an object" },
	[RULE_ARRAY]	= { { json_type_array, json_type_array }, "must be an array" },
};

static bool
condition_holds(const struct rule_condition *c, struct json_object *type,
    struct json_object *office_id)
{
	if (c->types == NULL)
		return c->words != NULL;	/* always; optional has no words */
	if (c->no_office && office_id != NULL)
		return false;
	return json_object_is_type(type, json_type_string) &&
	    check_word(type, c->types);
}

static void
check_field(struct report *r, const struct rule *rule, bool required)
{
	const struct report_step data = { NULL, "data", 0 };
	const struct report_step field = { &data, rule->name, 0 };
	struct json_object *value;
	json_type type;
	int64_t n;

	report_begin(r, &field);
	r->rule = rule;
	value = json_object_object_get(r->lead->data, rule->name);
	type = json_object_get_type(value);
	if (value == NULL) {
		if (required)
			report_field(r, "required", "is required%s",
			    rules_conditions[rule->required].words);
	} else if (type != takes[rule->type].types[0] &&
	    type != takes[rule->type].types[1]) {
		report_field(r, "type", "%s", takes[rule->type].words);
	} else if (rule->type == RULE_INTEGER && !check_integer(value, &n)) {
		report_field(r, "integer", "must be an integer within ±(2^53-1)");
	} else if (rule->check != NULL) {
		rule->check->judge(r, value);
	}
	report_end(r);
}

/* A member of the payload: is it there, and as lead_read wants it? */
static void
check_member(struct report *r, const char *name, bool good, const char *words)
{
	const struct report_step at = { NULL, name, 0 };

	report_begin(r, &at);
	if (json_object_object_get(r->lead->root, name) == NULL)
		report_field(r, "required", "is required");
	else if (!good)
		report_field(r, name, "%s", words);
}

size_t
lead_check(const struct lead *lead, const int64_t *offices, size_t office_count,
    struct buf *errors)
{
	struct report r = {
		.lead = lead, .offices = offices, .office_count = office_count,
		.errors = errors
	};
	bool holds[RULE_WHENS];
	struct json_object *type, *office_id;

	check_member(&r, "event", lead->event[0] != '\0',
	    "must be lead.created or lead.updated");
	check_member(&r, "data", lead->data != NULL, "must be an object");
	if (lead->data != NULL) {
		type = json_object_object_get(lead->data, "type");
		office_id = json_object_object_get(lead->data, "office_id");
		for (size_t i = 0; i < RULE_WHENS; i++)
			holds[i] = condition_holds(&rules_conditions[i], type, office_id);
		for (size_t i = 0; i < rules_count; i++)
			check_field(&r, &rules[i], holds[rules[i].required]);
	}
	buf_puts(errors, r.count == 0 ? "[]" : "]");
	return r.count;
}
