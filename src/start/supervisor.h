/*
 * supervisor: the thread that takes signals, and sees to it that a stop has an end.
 *
 * It waits for nothing else, so that whatever hangs, a signal is answered at
 * once; what a signal means is carried out elsewhere.  A process that has not
 * ended in time after one that says stop is ended.
 */
#ifndef LEADRELAY_START_SUPERVISOR_H
#define LEADRELAY_START_SUPERVISOR_H

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>

#define SUPERVISOR_END_MS 1700		/* from the signal; 2 s are promised */

/* None of these may wait.  They are called on the supervisor's thread. */
struct supervisor_duty {
	/* HUP. */
	void (*hang_up)(void *owner);
	/* TERM, INT, QUIT, USR1: begin to stop.  Called once. */
	void (*stop)(void *owner);
	/* Every ${every_ms}; with 0 never. */
	void (*beat)(void *owner);
	int every_ms;
	void *owner;
};

struct supervisor {
	struct supervisor_duty duty;
	sigset_t signals;
	pthread_t thread;
	atomic_int status;		/* to exit with when time is up */
	atomic_bool over;		/* the work is done */
};

/*
 * From here on signals are ours: to be called before any other thread is made,
 * all of which inherit the mask.  0, or -1: said.
 */
int supervisor_start(struct supervisor *k, const struct supervisor_duty *duty);

/*
 * As the signal would: for work that has ended.  Time begins to run; should it run
 * out, ${status} is the exit's.  Before, it is 0: what was accepted is in the outbox,
 * and the next process goes on with it.
 */
void supervisor_stop(struct supervisor *k, int status);

/* All is done, the process ends in time. */
void supervisor_end(struct supervisor *k);

#endif
