/*
 * report: the violations found in one lead, as the JSON array of lead_check.
 */
#ifndef LEADRELAY_LEAD_REPORT_H
#define LEADRELAY_LEAD_REPORT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/json.h"
#include "lead/lead.h"

/*
 * A payload of bad elements must not grow into an answer of hundreds of
 * megabytes: so many of one field's elements are named each for itself, the
 * others are counted in one entry more, and a pointer that would be longer names
 * the nearest container whose pointer is not.
 */
#define REPORT_MAX_ELEMENTS 256
#define REPORT_MAX_POINTER 1024

struct rule;

/* A place in the payload: the steps from the root to it, innermost first. */
struct report_step {
	const struct report_step *up;	/* NULL: a member of the payload */
	const char *name;		/* NULL: an element of an array */
	size_t index;
};

struct report {
	const struct lead *lead;
	const int64_t *offices;		/* as lead_check has them */
	size_t office_count;

	struct buf *errors;
	size_t count;			/* entries so far */
	const struct report_step *field; /* being judged, by ${rule} */
	const struct rule *rule;
	size_t elements;		/* of it that broke a rule */
	const char *element_rule;	/* the rule that the last of them broke */
};

/* The field, or an element inside it, breaks ${rule}.  ${detail} never quotes the lead. */
void report_field(struct report *r, const char *rule, const char *detail, ...)
    __attribute__((format(printf, 3, 4)));
void report_element(struct report *r, const struct report_step *at,
    const char *rule, const char *detail);

/* From now on ${field} is judged. */
void report_begin(struct report *r, const struct report_step *field);

/* The field is done: tell of the elements that were only counted. */
void report_end(struct report *r);

#endif
