/*
 * files: how many may be open at once.
 */
#ifndef LEADRELAY_BASE_FILES_H
#define LEADRELAY_BASE_FILES_H

#define FILES_RESERVED 64		/* for the outbox, the relay, the log */
#define FILES_NEEDED 128

/* The limit of this process. */
long files_max(void);

/* Say so when it is less than what is needed to work well. */
void files_check(void);

#endif
