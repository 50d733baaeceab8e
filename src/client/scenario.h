/*
 * scenario: the trouble a receiver must expect, sent to it on purpose.
 *
 * Each scenario is a few requests and the answer that each has to get; so that
 * a person can prove an installation, front server included.
 */
#ifndef LEADRELAY_CLIENT_SCENARIO_H
#define LEADRELAY_CLIENT_SCENARIO_H

#include <stdint.h>

#include "base/buf.h"
#include "config/config.h"

struct scenario;

/* NULL: there is none of that name. */
const struct scenario *scenario_named(const char *name);

/* "duplicate, reorder, ...": the names of all. */
void scenario_names(struct buf *out);

/*
 * Play it at ${url} with the lead ${id}, signed with the first secret of
 * ${source} and judged by its settings.  Prints a line for each request.
 * EXIT_DONE when every answer was as expected, else EXIT_NO; EXIT_UNAVAILABLE
 * when there was none; EXIT_SOFTWARE.
 */
int scenario_play(const struct scenario *scenario, const char *url,
    const struct config_source *source, int64_t id);

#endif
