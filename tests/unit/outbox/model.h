/*
 * model: random work on an outbox, against a simple model of it.  The model knows,
 * for each lead and destination, only what is promised: an event is sent when no
 * earlier one is waiting or being sent, none after a newer one was delivered, and
 * nothing accepted goes missing; also when the clock is set again and again, while
 * nothing waits longer than the longest pause.
 */
#ifndef LEADRELAY_TESTS_OUTBOX_MODEL_H
#define LEADRELAY_TESTS_OUTBOX_MODEL_H

#include "box.h"

#define DESTINATIONS 2
#define EVENTS 700

struct model_event {
	char id[UUID7_SIZE];
	int lead;
	char data;
	enum event_hold hold;
	bool held;			/* still */
	bool discarded;			/* while held */
	bool forced[DESTINATIONS];
	enum delivery_state state[DESTINATIONS];
	int64_t due[DESTINATIONS];
	bool tried[DESTINATIONS];
	bool fell[DESTINATIONS];	/* it was due once, and may be so since */
	int64_t received;
	int begun[DESTINATIONS];
	struct delivery_ticket ticket[DESTINATIONS];
};

struct model {
	struct box *box;
	struct model_event events[EVENTS];
	int count;
	int64_t now;
	unsigned seed;
	struct model_event coming;	/* being accepted: not in events yet */
	struct delivery_outcome settling;	/* of event being_settled - 1 */
	int being_settled;		/* 0: nothing is */
	bool stopping;			/* in trouble: the store is about to stop */
};

/* What makes steps fail.  begin: before the first; step: run this one; end: after the last. */
struct model_trouble {
	void (*begin)(struct model *m);
	void (*step)(struct model *m, void (*step)(struct model *m));
	void (*end)(struct model *m);
};

/* One run, in an outbox of its own; ${jumps}: the clock is set now and then. */
void model_play(unsigned seed, bool jumps);
void model_play_in_trouble(unsigned seed, const struct model_trouble *trouble);

/* For whoever makes trouble: a number below ${below}, the same in every run. */
unsigned model_chance(struct model *m, unsigned below);
/* Settle delivery ${d} of event ${i}, as m->settling has it. */
void model_settle(struct model *m, int i, int d);
/* A new relay is about to find what was being sent: how many, and how many too often. */
void model_take_over(struct model *m, int64_t *wanted, int64_t *held);

#endif
