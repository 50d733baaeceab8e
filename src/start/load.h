/*
 * load: the configuration of a process, and its log.
 */
#ifndef LEADRELAY_START_LOAD_H
#define LEADRELAY_START_LOAD_H

#include "config/config.h"

/* As config_load, of the file that ${option} (--config's value, or NULL) means. */
struct config *load_config(const char *option, struct config_fault *fault);

/*
 * Turn to the log of ${config}.  At a start, when we are who we stay, one that cannot
 * be opened is said, and stops nothing; with _CRON standard error gets only what is
 * wrong.  At a reload (_AGAIN): 0, or -1: said in the one there was.
 */
enum load_log { LOAD_LOG_FIRST, LOAD_LOG_CRON, LOAD_LOG_AGAIN };
int load_log(const struct config *config, enum load_log when);

/* Log what a load found wrong, a line each. */
void load_say(const struct buf *faults);

#endif
