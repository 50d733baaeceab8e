/*
 * check: does a configuration make sense, beyond each value on its own?
 */
#ifndef LEADRELAY_CONFIG_CHECK_H
#define LEADRELAY_CONFIG_CHECK_H

#include "config/fault.h"
#include "config/parse.h"

/* One section of the file, as a check asks about it. */
struct check_site {
	struct fault_place at;		/* where the section begins */
	struct parse_section section;
	const char *folder;		/* where relative paths count from */
	const char *title;		/* "source default", for a person */
};

/*
 * Check one section, whose struct is ${base}, reporting every fault and warning at
 * its line.  A source's secrets are loaded here; a relative path in a store's url or
 * in log is made absolute, and a file for libcurl is looked for in
 * $CREDENTIALS_DIRECTORY.
 */
void check_section(const struct check_site *site, enum section_id id, void *base);

#endif
