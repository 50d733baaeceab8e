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

void object_open(struct buf *out);	/* { */
void object_close(struct buf *out);	/* } */

/* Append a member.  NULL and the moment 0 become null. */
void object_string(struct buf *out, const char *name, const char *str);
void object_bytes(struct buf *out, const char *name, const char *str, size_t len);
void object_number(struct buf *out, const char *name, int64_t number);
void object_bool(struct buf *out, const char *name, bool value);
void object_moment(struct buf *out, const char *name, int64_t ms);

/* Append a member whose value is the JSON text given, or null. */
void object_json(struct buf *out, const char *name, const char *text, size_t len);

/*
 * Append only the name, for a value that the caller appends; and what goes
 * before a value in an array: a comma, unless it is the first.
 */
void object_name(struct buf *out, const char *name);
void object_comma(struct buf *out);

#endif
