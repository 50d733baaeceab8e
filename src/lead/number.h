/*
 * number: JSON numbers judged by their decimal text, never through binary.
 *
 * Every function takes the ${len} bytes of a number that json_scan let pass, and
 * its time is linear in them, whatever the exponent says.
 */
#ifndef LEADRELAY_LEAD_NUMBER_H
#define LEADRELAY_LEAD_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The integers that every IEEE 754 double tells apart: ±(2^53 - 1). */
#define NUMBER_MAX_INTEGER INT64_C(9007199254740991)

/*
 * True when the number's value is an integer within ±NUMBER_MAX_INTEGER
 * ("1.0", "1E+2", "-0"); then in *value.
 */
bool number_integer(const char *text, size_t len, int64_t *value);

/* Decimal places that the value needs: 1 for "10.10", 0 for "1.5e3", 3 for "1e-3". */
int64_t number_decimals(const char *text, size_t len);

/*
 * The bytes that JavaScript's JSON.stringify prints for the number: the shortest
 * digits that read back as the same double, in the form of ECMA-262's
 * Number::toString; "null" when it overflows.  The byte at text[len] must be
 * readable and no part of a number.
 */
size_t number_js_size(const char *text, size_t len);

#endif
