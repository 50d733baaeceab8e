/*
 * libjq: the functions of libjq that are used, loaded in a runner.
 *
 * A jv argument is consumed unless jv_copy'd first (jv.h).
 */
#ifndef LEADRELAY_PROGRAM_LIBJQ_H
#define LEADRELAY_PROGRAM_LIBJQ_H

#include <jq.h>
#include <jv.h>

#define LIBJQ_TABLE(X) \
	X(jq_init) X(jq_teardown) X(jq_set_error_cb) X(jq_set_input_cb) \
	X(jq_set_debug_cb) X(jq_set_attr) \
	X(jq_compile) X(jq_start) X(jq_next) X(jq_format_error) X(jq_halted) \
	X(jq_get_error_message) \
	X(jv_parse_sized) X(jv_dump_string) X(jv_get_kind) X(jv_free) X(jv_invalid) \
	X(jv_copy) X(jv_array) X(jv_array_get) X(jv_string) X(jv_string_value) \
	X(jv_string_length_bytes) X(jv_invalid_has_msg) X(jv_invalid_get_msg)

struct libjq {
#define X(name) __typeof__(&name) name;
	LIBJQ_TABLE(X)
#undef X
};

/* Fill ${jq}.  NULL, or a phrase that ends in the cure. */
const char *libjq_load(struct libjq *jq);

#endif
