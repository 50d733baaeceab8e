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

/* cmocka 2 calls the names of 1.1 deprecated, and takes "stop" for itself. */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
#undef stop

/* The number of elements of an array. */
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
