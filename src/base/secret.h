/*
 * secret: files that hold secrets.
 *
 * A name is looked for first in $CREDENTIALS_DIRECTORY (its last path segment
 * there), then as the absolute path it is.  A UTF-8 BOM, CR and outer blanks
 * are dropped.  A file that others may read (o+r) is refused unless it lies in
 * $CREDENTIALS_DIRECTORY or /run/secrets, or ${allow_readable} is set.
 */
#ifndef LEADRELAY_BASE_SECRET_H
#define LEADRELAY_BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define SECRET_COUNT_MAX 64	/* signing secrets in one file */
#define SECRET_SIZE_MAX 4096	/* bytes of a signing secret */
#define SECRET_ONE_MAX 16384	/* bytes of a credential: some bearer tokens are long */

struct secret {
	char *bytes;			/* NUL-terminated, never with a NUL inside */
	size_t len;			/* never 0 */
};

struct secret_list {
	struct secret *items;
	size_t count;
};

/*
 * Read the signing secrets in ${path}, one a line, empty lines skipped, at most
 * SECRET_COUNT_MAX of at most SECRET_SIZE_MAX bytes.  ${list} is overwritten.
 * Returns 0, or -1 with ${list} empty and a phrase appended to ${why}, neither
 * path nor secret in it: "holds no secret", "may be read by others (mode 0644):
 * chmod o-r".
 */
int secret_read_list(const char *path, bool allow_readable,
    struct secret_list *list, struct buf *why);

/*
 * Read one credential into ${out}: the file's first line, at most SECRET_ONE_MAX
 * bytes and no control characters.  Same faults; ${out} keeps what it had then, so a credential in use
 * survives a bad edit of its file.  The caller ends with secret_wipe.
 */
int secret_read_one(const char *path, bool allow_readable, struct buf *out,
    struct buf *why);

/* The path that would really be read for ${path}; the caller frees it.  NULL: no memory. */
char *secret_resolve(const char *path);

/* Overwrite and free. */
void secret_list_free(struct secret_list *list);
void secret_wipe(struct buf *b);

#endif
