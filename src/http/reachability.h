/*
 * reachability: can this process reach its destinations?  For a front probe's answer.
 *
 * Asking never waits.  The destinations are tried one after the other by a
 * thread that lives as long as that takes (connect_timeout each at most), and
 * not again before REACHABILITY_AGE_MS have passed, however often it is asked.
 */
#ifndef LEADRELAY_HTTP_REACHABILITY_H
#define LEADRELAY_HTTP_REACHABILITY_H

#include <stdbool.h>

#define REACHABILITY_AGE_MS 5000

struct buf;
struct config;
struct reachability;

/* NULL: no memory. */
struct reachability *reachability_new(void);

/*
 * False: a destination is being tried just now, so this may not be released;
 * the process should end by _exit.  NULL is fine.
 */
bool reachability_free(struct reachability *r);

/*
 * Append what is known of the destinations of ${config}, the one in force, as a
 * JSON array, an object each: {"name":"crm","state":"reached"}; the state may
 * also be "failed", with an "error" in words that name no file, "testing", or
 * "untested".  With ${try} they are tried, unless that was done just now.  A
 * share of the configuration is kept.  Any thread.
 */
void reachability_tell(struct reachability *r, struct config *config, bool try,
    struct buf *out);

/* The same for a process that lives for one request: tried at once, which waits. */
void reachability_tell_now(const struct config *config, bool try, struct buf *out);

#endif
