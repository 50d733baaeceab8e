/*
 * keys: every setting there is, as one table.
 *
 * Reading, checking, printing and releasing settings all walk this table, and
 * the manual page and the sample configuration are tested against it: a new
 * setting is a member in config.h, a line here, and its words in the manual.
 */
#ifndef LEADRELAY_CONFIG_KEYS_H
#define LEADRELAY_CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum section_id {
	SECTION_SOURCE,
	SECTION_STORE,
	SECTION_WORKER,
	SECTION_ADMIN,
	SECTION_DESTINATION,
	SECTION_ALERT,
	SECTIONS
};

struct section {
	const char *name;
	const char *unnamed;	/* the name when none is given; NULL: it must be */
	bool several;		/* any number, each with a name; else one, without */
	size_t size;		/* of its struct */
	size_t offset;		/* in struct config: of the struct, or of the array */
	size_t count_offset;	/* of the array's length */
	size_t name_offset;	/* in its own struct */
};

enum key_type {
	KEY_STRING,		/* char * */
	KEY_PATH,		/* char *, made absolute */
	KEY_DURATION,		/* int64_t, milliseconds, -1 when not set */
	KEY_SIZE,		/* uint64_t, bytes */
	KEY_INT,		/* int64_t; 0 when not set */
	KEY_RATE,		/* struct config_rate */
	KEY_SWITCH,		/* bool; two names, that of false first */
	KEY_CHOICE,		/* int: which of the names */
	KEY_STRINGS,		/* char **, and a count */
	KEY_DURATIONS,		/* int64_t *, and a count */
	KEY_INTS,		/* int64_t *, sorted, and a count */
	KEY_RANGES		/* struct config_range *, and a count */
};

enum {
	KEY_OFF = 1,		/* its default is a word for "not set", and may be written */
	KEY_MASK_URL = 2,	/* shown as scheme and host only */
	KEY_MASK_HEADER = 4,	/* shown without its value where that may be a credential */
	KEY_AT_START = 8,	/* looked at when a process starts: a reload keeps the former */
	KEY_SECRET = 16		/* names a file that no web server may serve */
};

struct key {
	enum section_id section;
	const char *name;
	enum key_type type;
	size_t offset;		/* in the section's struct */
	size_t count_offset;	/* lists: of their length */
	const char *def;	/* as text; NULL: not set, and no word for it */
	const char *const *names; /* KEY_SWITCH, KEY_CHOICE; ends in NULL */
	int64_t min, max;	/* of a number, or of each in a list */
	unsigned flags;
	const char *help;	/* one line */
	const char *see;	/* which keys or pages belong to it, or NULL */
};

struct config;

extern const struct section keys_sections[SECTIONS];
extern const struct key keys_table[];
extern const size_t keys_count;

/*
 * The ${index}th struct of the section in ${config}, or NULL behind the last; its name
 * in *name, NULL where there is one such section and it has none.
 */
void *keys_struct(const struct config *config, enum section_id id, size_t index,
    char **name);

/* NULL when there is none.  The strings are the ${len} bytes at ${name}. */
const struct section *keys_section(const char *name, size_t len);
const struct key *keys_find(enum section_id section, const char *name,
    size_t len);

#endif
