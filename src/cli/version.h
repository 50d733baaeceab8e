/*
 * version: the program's version and those of the libraries it runs with.
 */
#ifndef LEADRELAY_CLI_VERSION_H
#define LEADRELAY_CLI_VERSION_H

#include "base/buf.h"

/* "leadrelay X.Y.Z", then a library a line.  Loads libcurl if it has to. */
void version_print(struct buf *out);

#endif
