/*
 * process: what every process that serves or relays is made of, and how it is taken
 * apart again: configuration, pool of programs, outbox, relay, counters, the threads
 * beside the work, and what the service manager knows.
 *
 * Worker, relay and CGI request fill in what they need, in this order; what is NULL
 * is not there.
 */
#ifndef LEADRELAY_START_PROCESS_H
#define LEADRELAY_START_PROCESS_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/counters.h"
#include "base/notify.h"
#include "start/reload.h"
#include "start/supervisor.h"

#define PROCESS_STATUS_SIZE 400

struct buf;
struct config;
struct outbox;
struct program_pool;
struct relay;
struct snapshot_holder;

struct process {
	struct reload reload;
	struct config *config;		/* in force.  Only the thread for turns changes it */
	struct program_pool *pool;	/* runs jq programs */
	_Atomic(struct outbox *) outbox;
	_Atomic(struct relay *) relay;
	struct snapshot_holder *snapshot; /* where requests find the configuration */
	struct counters counters;
	struct supervisor supervisor;
	struct notify notify;
	bool greeted;			/* the service manager knows that we are ready */
	char status[PROCESS_STATUS_SIZE]; /* that it knows */
};

/* Before any thread, into a zeroed one: peers may hang up, the manager is there or not. */
void process_open(struct process *p);

/*
 * A relay for what is there, yet to be started, and to be put into ${p}.  NULL: a
 * phrase in ${why}.
 */
struct relay *process_make_relay(struct process *p, struct buf *why);

/* SIGHUP: tell the manager that a reload begins, and open the log again. */
void process_hang_up(struct process *p);

/* Tell the manager how we do: ${state}, unless the configuration is amiss. */
void process_report(struct process *p, const char *state);

/* Begin to stop, on the thread for signals.  False: there is no relay yet. */
bool process_stop(struct process *p, int grace_ms);

/*
 * The work has ended, with ${status}: wait for what is under way, and release all of
 * it, within the time that the supervisor gives.
 */
void process_close(struct process *p, int status);

/* Of one whose supervisor never started. */
void process_free(struct process *p);

#endif
