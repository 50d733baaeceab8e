/*
 * preflight: can a destination be reached?  The way a delivery takes, up to the
 * point where it would send something.
 */
#ifndef LEADRELAY_HTTP_PREFLIGHT_H
#define LEADRELAY_HTTP_PREFLIGHT_H

#include <stddef.h>

struct buf;
struct config;

/*
 * Resolve and connect to a destination as a delivery would (TLS included),
 * sending nothing.  0, or -1 with a phrase in ${why} that ends in the cure; and
 * in ${phrase} a constant that says the same without any name or path, NULL when
 * all is well.
 */
int preflight_destination(const struct config *config, size_t index,
    struct buf *why, const char **phrase);

/* The same for the place that alerts are posted to. */
int preflight_alert(const struct config *config, struct buf *why);

#endif
