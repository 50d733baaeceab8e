/*
 * names: a list of words that grows.  A zeroed one is empty.
 */
#ifndef LEADRELAY_CLI_NAMES_H
#define LEADRELAY_CLI_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct names {
	char **list;
	size_t count;
	bool oom;			/* one is missing: memory ran out */
};

/* Append a copy of ${name}; names_learn: unless it is there. */
void names_add(struct names *names, const char *name);
void names_learn(struct names *names, const char *name);

bool names_know(const struct names *names, const char *name);

/* "a, b and c" */
void names_tell(const struct names *names, struct buf *out);

/* Release the memory; it is empty again. */
void names_free(struct names *names);

#endif
