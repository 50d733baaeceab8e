/*
 * parse: the door to libConfuse: a configuration's text as sections of settings.
 *
 * Everything is read as strings, each with its line, by options made from the
 * key table; what they mean is for value and check.
 */
#ifndef LEADRELAY_CONFIG_PARSE_H
#define LEADRELAY_CONFIG_PARSE_H

#include <stdbool.h>
#include <stddef.h>

#include "config/fault.h"
#include "config/keys.h"

struct cfg_t;

struct parse {
	struct cfg_t *root;	/* NULL: out of memory */
	bool whole;		/* false: a fault of syntax, the rest was not read */
};

/* One section.  Its strings live until parse_free. */
struct parse_section {
	struct cfg_t *cfg;	/* NULL: it is not in the file, and line is 0 */
	int line;		/* where it begins */
	const char *name;	/* "" when it has none */
};

/* One key's values. */
struct parse_setting {
	int line;
	int earlier;		/* the line it was given on before, or 0 */
	const char **texts;	/* the caller frees the array, not the strings */
	size_t count;		/* 0: an empty list */
};

/*
 * Read what scan_text wrote.  Faults of syntax are reported (${at}: the file)
 * and end the reading.  Any thread; parse_free in any case.
 */
struct parse parse_text(const char *text, struct fault_place at);
void parse_free(struct parse *p);

/* How many sections of that kind there are, and the ${index}th of them. */
size_t parse_count(const struct parse *p, enum section_id id);
struct parse_section parse_section(const struct parse *p, enum section_id id,
    size_t index);

/* The key in that section.  False: it is not there (or memory ran out: texts is NULL). */
bool parse_setting(const struct parse_section *section, const char *name,
    struct parse_setting *out);

/* The line it stands on there, or 0. */
int parse_line_of(const struct parse_section *section, const char *name);

#endif
