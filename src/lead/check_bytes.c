#include <string.h>

#include "lead/check.h"
#include "lead/compact.h"
#include "lead/rules.h"

/*
 * Find the sized fields in the text.  The size is judged there and not on the
 * tree, because json-c forgets how a large integer was written.
 */
static void
locate(struct report *r)
{
	size_t at;

	r->sized[0].name = "appointment_availability";
	r->sized[1].name = "meta";
	r->sized[2].name = "questionnaire";
	(void)json_scan(r->lead->data_text, r->lead->data_len, r->sized,
	    REPORT_SIZED, &at);
	r->located = true;
}

void
check_bytes(struct report *r)
{
	const struct rule *rule = r->rule;
	const struct json_member *m;

	if (!r->located)
		locate(r);
	for (m = r->sized; m < r->sized + REPORT_SIZED; m++)
		if (strcmp(m->name, rule->name) == 0 && m->value != NULL &&
		    compact_size(m->value, m->len, rule->max) > rule->max)
			report_field(r, "bytes",
			    "must be at most %u bytes as compact JSON", rule->max);
}
