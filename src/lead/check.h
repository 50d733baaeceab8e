/*
 * check: what a field's rule demands beyond its JSON type.
 *
 * Each check stands in a file of its own, beside what JSON Schema can say of it,
 * so that the two cannot drift apart; what it cannot say goes to the keyword
 * "x-leadrelay-rule".
 */
#ifndef LEADRELAY_LEAD_CHECK_H
#define LEADRELAY_LEAD_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lead/report.h"

struct json_object;

struct check {
	/* Judge ${value}, which is of the type that r->rule wants; report what is wrong. */
	void (*judge)(struct report *r, struct json_object *value);
	/* Schema keywords beyond the rule's min and words, each as ', "keyword": value'; %u: its max. */
	const char *schema;
};

extern const struct check check_length;		/* min..max code points */
extern const struct check check_enum;		/* one of words */
extern const struct check check_email;		/* at most max bytes */
extern const struct check check_date;		/* ISO 8601, with time */
extern const struct check check_decimals;	/* at most max decimal places */
extern const struct check check_office;		/* in the operator's list */
extern const struct check check_availability;	/* at most max bytes; dates */
extern const struct check check_meta;		/* at most max bytes; strings */
extern const struct check check_questionnaire;	/* at most max bytes; pairs */
extern const struct check check_objects;	/* an array of objects */

/* Is the value of this number an integer within ±(2^53 - 1)?  Then in *n. */
bool check_integer(struct json_object *value, int64_t *n);

/* Is this one of ${words} (NULL ends them)? */
bool check_word(struct json_object *string, const char *const *words);

/* Does LeadPro's form of an ISO 8601 date take the ${len} bytes? */
bool check_date_text(const char *str, size_t len, bool need_time);

/* The pattern of check_date_text as a JSON string. */
#define CHECK_DATE_PATTERN(time_optional) \
	"\"^(?!0000)[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])" \
	"(?:[Tt ](?:[01][0-9]|2[0-3]):[0-5][0-9]" \
	"(?::(?:[0-5][0-9]|60)(?:\\\\.[0-9]+)?)?" \
	"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):?[0-5][0-9])?)" time_optional "$\""

#endif
