/*
 * object: one JSON object on one line, member by member.
 *
 * Strings from outside become valid JSON whatever their bytes are, without
 * characters a terminal would act on.
 */
#ifndef LEADRELAY_CLI_OBJECT_H
#define LEADRELAY_CLI_OBJECT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

void object_open(struct buf *out);	/* {, after a comma in an array */
void object_close(struct buf *out);	/* } */
bool object_end(struct buf *out);	/* } and print_line */

/*
 * Append a member, or with NULL for a name an array's value.  NULL and the moment 0
 * become null.
 */
void object_string(struct buf *out, const char *name, const char *str);
void object_bytes(struct buf *out, const char *name, const char *str, size_t len);
void object_number(struct buf *out, const char *name, int64_t number);
void object_number_unless(struct buf *out, const char *name, int64_t number,
    int64_t none);			/* null when it is ${none} */
void object_bool(struct buf *out, const char *name, bool value);
void object_moment(struct buf *out, const char *name, int64_t ms);

/* Append a member whose value is the JSON text given, or null. */
void object_json(struct buf *out, const char *name, const char *text, size_t len);

/* Open a member that is an array; the caller ends it by ']'. */
void object_array(struct buf *out, const char *name);

#endif
