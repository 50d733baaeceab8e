/*
 * check: does a configuration make sense, beyond each value on its own?
 */
#ifndef LEADRELAY_CONFIG_CHECK_H
#define LEADRELAY_CONFIG_CHECK_H

#include "config/fault.h"
#include "config/parse.h"

struct config;
struct config_source;
struct config_alert;
struct config_destination;

/* One section of the file, as a check asks about it. */
struct check_site {
	struct fault_place at;		/* where the section begins */
	struct parse_section section;
	const char *title;		/* "source default", for a person */
};

/*
 * Check one section, reporting every fault and warning at its line.  A source's
 * secrets are loaded here; a relative path in a store's url or in log is made
 * absolute, and a file for libcurl is looked for in $CREDENTIALS_DIRECTORY.
 */
void check_source(const struct check_site *site, struct config_source *source);
void check_store(const struct check_site *site, struct config *config);
void check_worker(const struct check_site *site, struct config *config);
void check_alert(const struct check_site *site, struct config_alert *alert);
void check_destination(const struct check_site *site,
    struct config_destination *dest);

#endif
