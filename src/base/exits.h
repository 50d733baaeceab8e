/*
 * exits: what the program's exit statuses mean (sysexits.h, and 1 for "no").
 * The first that applies, in this order.
 */
#ifndef LEADRELAY_BASE_EXITS_H
#define LEADRELAY_BASE_EXITS_H

enum {
	EXIT_DONE = 0,
	EXIT_NO = 1,		/* the answer is "no", or a person is needed */
	EXIT_USAGE = 64,
	EXIT_NOINPUT = 66,	/* no such id or file */
	EXIT_UNAVAILABLE = 69,	/* something needed does not answer */
	EXIT_SOFTWARE = 70,	/* our own fault */
	EXIT_CANTCREAT = 73,	/* the store cannot be created */
	EXIT_IOERR = 74,	/* the store cannot be written */
	EXIT_CONFIG = 78
};

#endif
