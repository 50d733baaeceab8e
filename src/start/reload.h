/*
 * reload: a new configuration beside the one in force, all or nothing.
 *
 * The file is read whole, its programs are compiled, its log is opened, the outbox
 * and the relay are made ready for its destinations; only then do requests meet
 * it.  Whatever fails, the former one stays in force everywhere, and the log says
 * why.  What can only be set when a process starts keeps its value until then.
 */
#ifndef LEADRELAY_START_RELOAD_H
#define LEADRELAY_START_RELOAD_H

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct config;
struct process;

#define RELOAD_TROUBLE_SIZE 256
#define RELOAD_UNTIL_MENDED "webhooks are answered 503 until this is mended"

/* Remembers what was said and seen; zeroed to begin with but for ${file}. */
struct reload {
	char *file;			/* the configuration */
	uint64_t seen;			/* the files as they were when last read */
	uint64_t candidate;		/* as they were a moment ago */
	bool failing;
	int64_t again_ms;		/* when a bad one is tried again */
	uint64_t said;			/* a hash of the faults */
	char trouble[RELOAD_TROUBLE_SIZE]; /* the first of them; "": all is well */
};

/*
 * Where there is none in force: read the file, and say what is wrong with it,
 * once.  ${at_once}: else one that somebody is writing just now, or that was
 * refused a moment ago, is left alone.  NULL: none yet.
 */
struct config *reload_first(struct reload *rl, bool at_once);

/* What reload_first found cannot be put in force, for the reason in ${why}, a line each. */
void reload_refuse(struct reload *rl, const struct config *config,
    const struct buf *why);

/*
 * Read the file of the configuration in force again and put the new one in force in
 * all that ${p} has.  False: nothing has changed.  One thread at a time.
 */
bool reload_again(struct process *p);

/* Take note of the files of ${config}, just loaded. */
void reload_note(struct reload *rl, const struct config *config);

/*
 * Have the configuration or the secrets changed since, and been left alone for a
 * moment?  To be asked about once a second: a look costs a stat of each file.
 */
bool reload_due(struct reload *rl, const struct config *config);

#endif
