/*
 * process: the order of the end is fixed here.  First whoever puts things in place
 * (the thread for turns) is through; then the relay settles what it has under way;
 * then the outbox finishes what it was handed.  The supervisor sees that it has an end.
 */
#include "start/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/signals.h"
#include "config/config.h"
#include "outbox/outbox.h"
#include "program/program.h"
#include "relay/relay.h"

void
process_open(struct process *p)
{
	signals_expect_hangups();
	notify_open(&p->notify);
}

struct relay *
process_make_relay(struct process *p, struct buf *why)
{
	return relay_new(p->config, p->pool, atomic_load(&p->outbox),
	    &p->counters, why);
}

void
process_hang_up(struct process *p)
{
	notify_reloading(&p->notify);
	p->greeted = false;
	log_reopen();
}

void
process_report(struct process *p, const char *state)
{
	const char *trouble = p->reload.trouble;
	char status[PROCESS_STATUS_SIZE];

	if (p->config == NULL)
		(void)snprintf(status, sizeof(status), "%s; " RELOAD_UNTIL_MENDED,
		    trouble);
	else if (trouble[0] != '\0')
		(void)snprintf(status, sizeof(status),
		    "%s; the former configuration stays in force", trouble);
	else
		(void)snprintf(status, sizeof(status), "%s", state);
	if (strcmp(status, p->status) != 0) {
		memcpy(p->status, status, sizeof(status));
		notify_status(&p->notify, status);
	}
	if (!p->greeted)
		p->greeted = notify_ready(&p->notify) == 0;
}

bool
process_stop(struct process *p, int grace_ms)
{
	struct relay *relay = atomic_load(&p->relay);

	notify_stopping(&p->notify);
	if (relay != NULL)
		relay_stop(relay, grace_ms);
	return relay != NULL;
}

void
process_close(struct process *p, int status)
{
	supervisor_stop(&p->supervisor, status);
	relay_free(atomic_load(&p->relay));
	outbox_close(atomic_load(&p->outbox));
	program_pool_free(p->pool);
	supervisor_end(&p->supervisor);
	process_free(p);
}

void
process_free(struct process *p)
{
	config_free(p->config);
	notify_close(&p->notify);
	free(p->reload.file);
}
