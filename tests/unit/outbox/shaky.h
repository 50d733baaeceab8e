/*
 * shaky: a disk that fails when told to, under SQLite.
 */
#ifndef LEADRELAY_TESTS_OUTBOX_SHAKY_H
#define LEADRELAY_TESTS_OUTBOX_SHAKY_H

/* What the log's file does wrong: the next ${syncs} fsyncs, writes. */
struct shaky {
	int sync_code;			/* what a fsync returns; 0: it works */
	int write_code;			/* what a write returns; 0: it works */
	int writes_left;		/* writes that still work before that */
	int failed;			/* how often it did go wrong */
};

/* Put it between SQLite and the disk, for every later connection. */
struct shaky *shaky_install(void);

#endif
