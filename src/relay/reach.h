/*
 * reach: can this process reach its destinations?  For a probe's answer.
 *
 * Asking never waits.  The destinations are tried one after the other by a
 * thread that lives as long as that takes (connect_timeout each at most), and
 * not again before REACH_AGE_MS have passed, however often it is asked.
 */
#ifndef LEADRELAY_RELAY_REACH_H
#define LEADRELAY_RELAY_REACH_H

#include <stdbool.h>

#define REACH_AGE_MS 5000

struct buf;
struct config;
struct reach;

/* NULL: no memory. */
struct reach *reach_new(void);

/*
 * False: a destination is being tried just now, so this may not be released;
 * the process should end by _exit.  NULL is fine.
 */
bool reach_free(struct reach *r);

/*
 * Append what is known of the destinations of ${config}, the one in force, as a
 * JSON array, an object each: {"name":"crm","state":"reached"}; the state may
 * also be "failed", with an "error" in words that name no file, "testing", or
 * "untested".  With ${try} they are tried, unless that was done just now.  A
 * share of the configuration is kept.  Any thread.
 */
void reach_tell(struct reach *r, struct config *config, bool try,
    struct buf *out);

/* The same for a process that lives for one request: tried at once, which waits. */
void reach_tell_now(const struct config *config, bool try, struct buf *out);

#endif
