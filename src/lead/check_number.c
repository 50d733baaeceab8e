/*
 * Integers, decimal places and office ids, by the number's text (number.c).
 */
#include <string.h>

#include <json-c/json.h>

#include "lead/check.h"
#include "lead/number.h"
#include "lead/rules.h"

/*
 * json-c keeps the text of numbers with a point or an exponent, and prints just
 * that; the others are integers, saturated far outside of what is allowed.
 */
bool
check_integer(struct json_object *value, int64_t *n)
{
	const char *text;

	if (json_object_is_type(value, json_type_int)) {
		*n = json_object_get_int64(value);
		return *n >= -NUMBER_MAX_INTEGER && *n <= NUMBER_MAX_INTEGER;
	}
	text = json_object_get_string(value);
	return text != NULL && number_integer(text, strlen(text), n);
}

static void
judge_decimals(struct report *r, struct json_object *value)
{
	const char *text = json_object_is_type(value, json_type_int) ? "0" :
	    json_object_get_string(value);

	if (text == NULL || number_decimals(text, strlen(text)) > r->rule->max)
		report_field(r, "decimals", "must have at most %u decimal places",
		    r->rule->max);
}

const struct check check_decimals = { judge_decimals,
    ", \"x-leadrelay-rule\": { \"maxDecimals\": %u }" };

static void
judge_office(struct report *r, struct json_object *value)
{
	int64_t id;

	if (r->offices == NULL || !check_integer(value, &id))
		return;
	for (size_t i = 0; i < r->office_count; i++)
		if (r->offices[i] == id)
			return;
	report_field(r, "office_id", "must be one of the configured office ids");
}

const struct check check_office = { judge_office,
    ", \"x-leadrelay-rule\": { \"officeIds\": \"as configured\" }" };
