/*
 * rules: LeadPro's field rules as one table.  What is judged (lead_check) and what
 * is printed (lead_schema) both come from here.
 */
#ifndef LEADRELAY_LEAD_RULES_H
#define LEADRELAY_LEAD_RULES_H

#include <stdbool.h>
#include <stddef.h>

#include "lead/check.h"

enum rule_type {
	RULE_STRING, RULE_NUMBER, RULE_INTEGER, RULE_BOOLEAN, RULE_OBJECT, RULE_ARRAY
};

/* When the absence of a field, or null in it, is a violation. */
enum rule_when {
	RULE_OPTIONAL, RULE_ALWAYS, RULE_VALUED, RULE_ADVERT, RULE_PROPERTY
};
#define RULE_WHENS (RULE_PROPERTY + 1)

/* The condition behind RULE_VALUED and later ones: these types of lead. */
struct rule_condition {
	const char *const *types;	/* NULL ends them; NULL: no condition */
	bool no_office;			/* and only when office_id is absent or null */
	const char *words;		/* "is required ${words}" */
};

struct rule {
	const char *name;
	enum rule_type type;
	enum rule_when required;
	const struct check *check;	/* beyond the type; NULL: none */
	unsigned int min, max;		/* what they measure is the check's business; min: characters */
	const char *const *words;	/* NULL ends them */
};

extern const struct rule rules[];
extern const size_t rules_count;
extern const struct rule_condition rules_conditions[RULE_WHENS];
extern const char *const rules_events[];	/* NULL ends them */

#endif
