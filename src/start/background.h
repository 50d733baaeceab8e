/*
 * background: the thread for what may wait, beside the work that must not: reading the
 * configuration, opening the outbox.  Whoever asks it for something goes on at once.
 */
#ifndef LEADRELAY_START_BACKGROUND_H
#define LEADRELAY_START_BACKGROUND_H

#include <pthread.h>
#include <stdbool.h>

struct background {
	/* A turn.  ${hung_up}: there was a SIGHUP; the result is what its askers are told. */
	bool (*turn)(void *owner, bool hung_up);
	void *owner;
	int every_ms;			/* between two turns; 0: only after a SIGHUP */
	int door;			/* where who asks for a turn knocks (reload_reply.h) */
	pthread_t thread;
	pthread_mutex_t lock;		/* guards what follows */
	pthread_cond_t changed;
	bool hung_up;
	bool turned;			/* once at least */
	bool stopping;
};

/* ${turn}, ${owner} and ${every_ms} are set, the rest is zero. */
void background_init(struct background *t);

/* With ${every_ms} the first turn comes at once.  0, or -1: said. */
int background_start(struct background *t);

/* SIGHUP came. */
void background_hang_up(struct background *t);

/* Wait for the end of the first turn, or a stop, ${ms} at most. */
void background_await_turn(struct background *t, int ms);

/* No more turns.  As background_hang_up it may come before background_start. */
void background_stop(struct background *t);

/* After background_stop: wait for the end of the turn under way, however long that takes. */
void background_join(struct background *t);

#endif
