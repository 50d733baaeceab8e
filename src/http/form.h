/*
 * form: a JSON object as application/x-www-form-urlencoded.
 */
#ifndef LEADRELAY_HTTP_FORM_H
#define LEADRELAY_HTTP_FORM_H

#include <stddef.h>

#include "base/buf.h"

#define FORM_MAX_DEPTH 32

/*
 * Append the object in the ${len} bytes of valid JSON at ${json}, in the order
 * of its members, as the WHATWG URL Standard (section 5.2) serialises a form:
 * UTF-8, blanks as "+".  A member of a nested object is "a[b]", an element of an
 * array "a[0]"; numbers stand as they are written; true and false as words; null
 * and empty containers leave no trace.  Returns NULL, or a constant phrase when
 * it is no object or nests too deep.
 */
const char *form_encode(const char *json, size_t len, struct buf *out);

/*
 * Append one more "name=value" to the form in ${out}.  ${name} is plain ASCII; a
 * NULL ${value} leaves no trace.
 */
void form_add(struct buf *out, const char *name, const char *value);

#endif
