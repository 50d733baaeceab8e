/*
 * input: a payload from a file or standard input.
 */
#ifndef LEADRELAY_CLI_INPUT_H
#define LEADRELAY_CLI_INPUT_H

#include "base/buf.h"

#define INPUT_MAX (1u << 20)		/* bytes of a payload */

/*
 * Put into the empty ${payload} the bytes of ${path} ("-": standard input) as they are.  EXIT_DONE; or
 * EXIT_NOINPUT, said on standard error, also for an empty file.
 */
int input_read(const char *path, struct buf *payload);

#endif
