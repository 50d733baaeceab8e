/*
 * load: the configuration of a process, and its log.
 */
#ifndef LEADRELAY_START_LOAD_H
#define LEADRELAY_START_LOAD_H

#include <stdbool.h>

#include "config/config.h"

/* As config_load, of the file that ${option} (--config's value, or NULL) means. */
struct config *load_config(const char *option, struct config_fault *fault);

/*
 * At a start, when we are who we stay: turn to the log of ${config}.  One that
 * cannot be opened is said, and stops nothing.  ${quiet}, for cron: standard error
 * gets only what is wrong.
 */
void load_log_first(const struct config *config, bool quiet);

/* At a reload: turn to the log of ${config}.  0, or -1: said in the one there was. */
int load_log(const struct config *config);

/* Log what a load found wrong, a line each. */
void load_say(const struct buf *faults);

#endif
