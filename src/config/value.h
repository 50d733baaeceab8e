/*
 * value: a setting as text and as the typed member of its struct.
 */
#ifndef LEADRELAY_CONFIG_VALUE_H
#define LEADRELAY_CONFIG_VALUE_H

#include <stddef.h>

#include "base/buf.h"
#include "config/keys.h"

/*
 * Set the member of ${base} (the section's struct) that ${key} names from the
 * ${count} strings of ${texts}; relative paths count from ${folder}.  Returns 0,
 * or -1 with what was expected in ${why} ("a duration such as 90s, 15m or 4d")
 * and the member as it was.  What it held before must not need freeing.
 */
int value_set(const struct key *key, void *base, const char *const *texts,
    size_t count, const char *folder, struct buf *why);

/* Set the member to its default, or to "not set".  0, or -1 when out of memory. */
int value_set_default(const struct key *key, void *base, const char *folder);

/* Append the member in file syntax; nothing when it is not set and has no word for it. */
void value_print(const struct key *key, const void *base, struct buf *out);

/*
 * Give the member of ${to} the value it has in ${from}; not for lists.  0, or -1
 * when out of memory, and ${to} is as it was.
 */
int value_copy(const struct key *key, const void *from, void *to);

/* Release what the member holds and clear it. */
void value_free(const struct key *key, void *base);

/* ${path} counted from ${folder}, in fresh memory; NULL when there is none. */
char *value_absolute(const char *folder, const char *path);

#endif
