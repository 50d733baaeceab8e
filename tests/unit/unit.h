/*
 * unit: cmocka and what it wants included before it.
 */
#ifndef LEADRELAY_TESTS_UNIT_H
#define LEADRELAY_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* The number of elements of an array. */
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
