/*
 * signals: which of them this process takes as an error, not as its death.
 *
 * Whoever starts us hands down what it ignores and blocks, and the kernel's own
 * defaults turn a file-size limit or a peer that hangs up into death.  So what
 * we count on is set at the very start, for every way of being started.
 */
#ifndef LEADRELAY_BASE_SIGNALS_H
#define LEADRELAY_BASE_SIGNALS_H

/* At the start of the process: nothing is blocked, and the table is in force. */
void signals_start(void);

/*
 * For whoever speaks to peers that may hang up: SIGPIPE is an error as well.
 * Any other command ends by it, as whatever stands before a "| head" does.
 */
void signals_expect_hangups(void);

#endif
