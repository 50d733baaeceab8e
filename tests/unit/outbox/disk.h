/*
 * disk: a disk with a cache in front of it, under SQLite, that fails when told to.
 *
 * It does what a kernel does.  What is written is read back at once, but is on the
 * disk only after a sync that worked.  A sync that fails forgets what it could not
 * write: readers still see it, no later sync writes it, until somebody writes the
 * same bytes again.  When the power goes, of what was written since the last sync
 * any part may have reached the disk.
 *
 * Processes that are killed, and machines that stop, are one thing to the code
 * under test: from some call on nothing happens any more (disk_stop_at).  After
 * closing what was open, the files are what a kill leaves behind; disk_power_cut
 * makes of them what a power cut leaves.
 */
#ifndef LEADRELAY_TESTS_OUTBOX_DISK_H
#define LEADRELAY_TESTS_OUTBOX_DISK_H

#include <stdbool.h>

struct disk {
	/* Of the files that SQLite syncs. */
	int calls;			/* writes, truncations and syncs so far */
	int syncs;			/* of these, syncs */
	int stop_at;			/* from this call on nothing works; 0: never */
	int fail_from;			/* syncs fail from this one on, counted from 1; 0: none */
	int fail_to;			/* and up to this one */
	int fail_every;			/* every n-th sync fails; 0: none */
	bool fail_log_only;		/* only syncs of the log or the journal fail */

	/* Of the log or the journal alone. */
	int write_code;			/* what a write returns; 0: it works */
	int writes_left;		/* writes that still work before that */
	int failed;			/* how often something was made to fail */
};

/* Put it between SQLite and the disk, for every later connection; forgets all. */
struct disk *disk_install(void);

/* Forget what went wrong and was counted; the files stay as they are. */
void disk_mend(void);

/*
 * The power was cut; no connection is open.  Make the files what is on the disk:
 * what was synced, and of the rest what ${seed} chooses.
 */
void disk_power_cut(unsigned seed);

#endif
