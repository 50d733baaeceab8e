/*
 * load: the configuration of a process that serves or relays, and its log.
 */
#ifndef LEADRELAY_START_LOAD_H
#define LEADRELAY_START_LOAD_H

#include "config/config.h"

struct buf;
struct program_host;

/*
 * Load the configuration that ${option} (--config's value, or NULL) means.  NULL:
 * said.  What it only warns of is left in ${warnings}, for load_say.
 */
struct config *load_config(const char *option, struct buf *warnings);

/*
 * At a start, when we are who we stay: turn to the log of ${config}.  One that
 * cannot be opened is said, and stops nothing.
 */
void load_log_first(const struct config *config);

/* Log what a load found wrong, a line each. */
void load_say(const struct buf *faults);

/* At a reload: turn to the log of ${config}.  0, or -1: said in the one there was. */
int load_log(const struct config *config);

/*
 * For a process that lives no longer than a request's child: have a host that runs
 * the destinations' programs.  0, or -1: one does not compile, which is a fault of
 * the configuration and has been said.
 */
int load_programs(const struct config *config, struct program_host **host);

#endif
