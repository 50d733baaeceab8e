/*
 * supervisor: the two threads beside the work: one takes signals, one does what may wait.
 *
 * The first waits for nothing else, so that whatever hangs, a signal is answered at
 * once; a process that has not ended in time after one that says stop is ended.
 * The second takes turns: it reads the configuration and opens the outbox, however
 * long that takes; whoever asks it for something (SIGHUP) goes on at once.
 */
#ifndef LEADRELAY_START_SUPERVISOR_H
#define LEADRELAY_START_SUPERVISOR_H

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>

#define SUPERVISOR_END_MS 1700		/* from the signal; 2 s are promised */

struct supervisor_duty {
	/* A turn.  ${hung_up}: there was a SIGHUP; the result is what its askers are told. */
	bool (*turn)(void *owner, bool hung_up);
	int turn_ms;			/* between two turns; 0: only after a SIGHUP */

	/* On the thread for signals; neither may wait. */
	void (*stop)(void *owner);	/* TERM, INT, QUIT, USR1: begin to stop.  Called once */
	void (*beat)(void *owner);
	int beat_ms;			/* between two of them; 0: never */
};

struct supervisor {
	struct supervisor_duty duty;
	void *owner;
	sigset_t signals;
	pthread_t for_signals, for_turns;
	int door;			/* where who asks for a turn knocks (reload_reply.h) */
	atomic_int status;		/* to exit with when time is up */
	atomic_bool stopping;		/* begin nothing more; before duty->stop is called */
	atomic_bool over;		/* the work is done */
	pthread_mutex_t lock;		/* guards what follows, and changes of ${stopping} */
	pthread_cond_t changed;
	bool hung_up;			/* for the next turn to hear */
	bool turned;			/* once at least */
	bool told;			/* duty->stop has been called, and is over */
};

/*
 * Into a zeroed ${k}.  From here on signals are ours: to be called before any other
 * thread is made, all of which inherit the mask.  0, or -1: said.
 */
int supervisor_start(struct supervisor *k, const struct supervisor_duty *duty,
    void *owner);

/* Begin to take turns; with ${turn_ms} the first comes at once.  0, or -1: said. */
int supervisor_begin_turns(struct supervisor *k);

/* Wait for the end of the first turn, or a stop, ${ms} at most. */
void supervisor_await_turn(struct supervisor *k, int ms);

/*
 * As the signal would: for work that has ended.  Time begins to run; should it run
 * out, ${status} is the exit's.  Before, it is 0: what was accepted is in the outbox,
 * and the next process goes on with it.  Waits for the end of the turn under way.
 */
void supervisor_stop(struct supervisor *k, int status);

/* All is done, the process ends in time. */
void supervisor_end(struct supervisor *k);

#endif
