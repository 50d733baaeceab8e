/*
 * programs: a destination's jq programs: read, judged, kept up to date.
 *
 * A file that changed is read again, and takes over when it compiles, which its
 * first run shows (program.h); else the former program stays in use, which is said
 * in the log.
 */
#ifndef LEADRELAY_PROGRAM_PROGRAMS_H
#define LEADRELAY_PROGRAM_PROGRAMS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/stamp.h"
#include "program/program.h"

struct config;
struct config_destination;

enum programs_which {
	PROGRAMS_WHEN,
	PROGRAMS_TRANSFORM,
	PROGRAMS_SUCCESS_WHEN,
	PROGRAMS_CAPTURE,
	PROGRAMS_KINDS
};

/* From the configuration or from a file; or both NULL: there is none. */
struct programs_one {
	const char *given;
	const char *path;
	uint64_t stamp;
	char *text;			/* in use */
	char *fresh;			/* of a file that changed, or NULL */
};

struct programs {
	struct program_pool *pool;
	const struct config_destination *config;
	struct programs_one all[PROGRAMS_KINDS];	/* programs.c's own */
};

#define PROGRAMS_TEXT_MAX (256u << 10)	/* bytes of a program */

/* "when", "transform": the key's name; when_file's is "when" too. */
const char *programs_name(enum programs_which which);

/* How long it may take to find out: while others wait for the end, and else. */
#define PROGRAMS_BEGIN_MS 1500
#define PROGRAMS_CHECK_MS 20000

/*
 * Have a pool, and see that every program of ${config} compiles.  0; -1, with a
 * line in ${why} for each that does not, naming its file, and no pool; or 1: it
 * cannot be found out now, or not in ${ms}, for the reason in ${why}, and what
 * needs them waits.
 */
int programs_begin(const struct config *config, struct program_pool **pool,
    int ms, struct buf *why);

/* What a log says of a 1; with the reason. */
#define PROGRAMS_UNKNOWN "whether the jq programs compile is not known yet: %s"

/*
 * The same check of a further configuration, by a pool of its own; a 1 has been
 * said.  Any thread.
 */
int programs_check(const struct config *config, struct buf *why);

/*
 * Read the programs of ${config}, which is borrowed, as is ${pool}.  NULL: a
 * phrase in ${why}.  Any thread, until one is run.
 */
struct programs *programs_new(struct program_pool *pool,
    const struct config_destination *config, struct buf *why);

/* NULL is fine. */
void programs_free(struct programs *p);

bool programs_has(const struct programs *p, enum programs_which which);

/*
 * The text that is to be run now, good until the next call: of a file that
 * changed, the new one.
 */
const char *programs_text(struct programs *p, enum programs_which which);

/*
 * A run of ${text}, which was such a one, ended so.  True: it does not take over;
 * run *former instead, good for as long.
 */
bool programs_judge(struct programs *p, enum programs_which which,
    const char *text, enum program_state state, const struct buf *out,
    const char **former);

#endif
