/*
 * json: is this text a JSON object exactly as RFC 8259 has it?
 *
 * json-c's strict mode lets through single quotes, NaN, raw control characters,
 * overlong UTF-8, lone surrogates and duplicate names; this scanner does not,
 * and it says where in the text each top-level member's value stands, so that
 * digests are taken over the bytes as they were signed.
 */
#ifndef LEADRELAY_BASE_JSON_H
#define LEADRELAY_BASE_JSON_H

#include <stddef.h>

#define JSON_MAX_DEPTH 32	/* containers inside each other; the outermost is 1 */

/* A member to look for at the top level.  ${value} is NULL when it is absent. */
struct json_member {
	const char *name;
	const char *value;		/* its first byte in the scanned text */
	size_t len;
};

/*
 * Scan ${len} bytes at ${text}.  Returns NULL when they are one JSON object in
 * UTF-8 without BOM, no name twice in any object (compared after unescaping),
 * no NUL in a name (json-c would cut it there, and take it for another member),
 * no lone surrogate, no deeper than JSON_MAX_DEPTH, and nothing but white space
 * round it; the wanted members are then located.  Otherwise a constant phrase
 * ("duplicate member name") with *at set to the offset of the fault.  Never
 * reads past ${len}; time and memory are linear (log-linear in names).
 */
const char *json_scan(const char *text, size_t len, struct json_member *wanted,
    size_t wanted_count, size_t *at);

/*
 * Write the ${len} bytes at ${raw}, what stands between a string's quotes in text
 * that was scanned, without their escapes at ${out}, which has room for as many.
 * Returns the end of what was written.
 */
char *json_unescape(const char *raw, size_t len, char *out);

#endif
