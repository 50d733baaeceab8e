/*
 * The fields that hold more than one value.
 */
#include <json-c/json.h>

#include "lead/check.h"
#include "lead/compact.h"
#include "lead/rules.h"

/*
 * Report when the field's compact JSON is longer than the rule's max.  The size is
 * judged in the text and not on the tree, because json-c forgets how a large integer
 * was written.
 */
static void
judge_bytes(struct report *r)
{
	struct json_member m = { r->rule->name, NULL, 0 };
	size_t at;

	(void)json_scan(r->lead->data_text, r->lead->data_len, &m, 1, &at);
	if (m.value != NULL && compact_size(m.value, m.len, r->rule->max) > r->rule->max)
		report_field(r, "bytes", "must be at most %u bytes as compact JSON",
		    r->rule->max);
}

static bool
is_string(struct json_object *value)
{
	return json_object_is_type(value, json_type_string);
}

static bool
is_date(struct json_object *value)
{
	return is_string(value) && check_date_text(json_object_get_string(value),
	    (size_t)json_object_get_string_len(value), false);
}

/* Every array at ${value} or inside it holds only dates; recursion ends at JSON_MAX_DEPTH. */
static void
judge_dates(struct report *r, const struct report_step *at, struct json_object *value)
{
	struct report_step step = { at, NULL, 0 };
	struct json_object *element;
	size_t count;

	if (json_object_is_type(value, json_type_array)) {
		count = json_object_array_length(value);
		for (; step.index < count; step.index++) {
			element = json_object_array_get_idx(value, step.index);
			if (!is_date(element))
				report_element(r, &step, "date", "must be an ISO 8601 date");
			judge_dates(r, &step, element);
		}
	} else if (json_object_is_type(value, json_type_object)) {
		json_object_object_foreach(value, name, member) {
			step.name = name;
			judge_dates(r, &step, member);
		}
	}
}

static void
judge_availability(struct report *r, struct json_object *value)
{
	struct report_step at = { r->field, "hours", 0 };
	struct json_object *hours;

	judge_bytes(r);
	hours = json_object_object_get(value, "hours");
	if (hours != NULL && !json_object_is_type(hours, json_type_array))
		report_element(r, &at, "type", "must be an array");
	judge_dates(r, r->field, value);
}

const struct check check_availability = { judge_availability,
    ", \"additionalProperties\": { \"$ref\": \"#/$defs/dates\" }, "
	    "\"properties\": { \"hours\": { \"type\": [\"array\", \"null\"], "
	    "\"$ref\": \"#/$defs/dates\" } }, "
	    "\"x-leadrelay-rule\": { \"maxCompactBytes\": %u }" };

static void
judge_meta(struct report *r, struct json_object *value)
{
	struct report_step step = { r->field, NULL, 0 };

	judge_bytes(r);
	json_object_object_foreach(value, name, member) {
		step.name = name;
		if (!is_string(member))
			report_element(r, &step, "type", "must be a string");
	}
}

const struct check check_meta = { judge_meta,
    ", \"additionalProperties\": { \"type\": \"string\" }, "
	    "\"x-leadrelay-rule\": { \"maxCompactBytes\": %u }" };

/* Report the elements of the array that are not of ${type}. */
static void
judge_elements(struct report *r, const struct report_step *at, struct json_object *array,
    json_type type, const char *rule, const char *words)
{
	struct report_step step = { at, NULL, 0 };
	size_t count = json_object_array_length(array);

	for (; step.index < count; step.index++)
		if (!json_object_is_type(json_object_array_get_idx(array, step.index), type))
			report_element(r, &step, rule, words);
}

/* One question and its answer. */
static void
judge_pair(struct report *r, const struct report_step *at, struct json_object *value)
{
	bool is_array = json_object_is_type(value, json_type_array);

	if (!is_array || json_object_array_length(value) != 2)
		report_element(r, at, "items", "must be an array of exactly 2 strings");
	if (is_array)
		judge_elements(r, at, value, json_type_string, "type", "must be a string");
}

static void
judge_questionnaire(struct report *r, struct json_object *value)
{
	struct report_step step = { r->field, NULL, 0 };
	size_t count = json_object_array_length(value);

	judge_bytes(r);
	for (; step.index < count; step.index++)
		judge_pair(r, &step, json_object_array_get_idx(value, step.index));
}

const struct check check_questionnaire = { judge_questionnaire,
    ", \"items\": { \"type\": \"array\", \"minItems\": 2, \"maxItems\": 2, "
	    "\"items\": { \"type\": \"string\" } }, "
	    "\"x-leadrelay-rule\": { \"maxCompactBytes\": %u }" };

static void
judge_objects(struct report *r, struct json_object *value)
{
	judge_elements(r, r->field, value, json_type_object, "items", "must be an object");
}

const struct check check_objects = { judge_objects,
    ", \"items\": { \"type\": \"object\" }" };
