/*
 * load: the configuration of a process that serves or relays, and its log.
 */
#ifndef LEADRELAY_LOAD_H
#define LEADRELAY_LOAD_H

#include "config/config.h"

/*
 * Load the configuration that ${option} (--config's value, or NULL) means and
 * turn to its log.  NULL: said.
 */
struct config *load_config(const char *option);

#endif
