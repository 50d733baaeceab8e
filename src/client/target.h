/*
 * target: the URL that send posts to, looked at before anything is sent.
 */
#ifndef LEADRELAY_CLIENT_TARGET_H
#define LEADRELAY_CLIENT_TARGET_H

#include <stdbool.h>

#include "base/buf.h"

struct target {
	bool loopback;			/* 127.0.0.0/8, [::1] or localhost */
	struct buf path;		/* without query; "/" when the URL names none */
};

/*
 * Read ${url}: http or https, a host, no user name, no blanks, control
 * characters or backslashes, on which programs differ.  NULL, or a constant
 * phrase saying what is wrong.  The caller frees target->path.
 */
const char *target_read(const char *url, struct target *target);

#endif
