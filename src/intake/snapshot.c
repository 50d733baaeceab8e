/*
 * A count of users; the lock is held for the look and the count, never for the work.
 */
#include "intake/snapshot.h"

#include <stdlib.h>

#include "config/config.h"
#include "intake/request.h"

/* Put ${next} in the place of those in force, which are then one user fewer. */
static void
replace(struct snapshot_holder *holder, struct snapshot *next)
{
	struct snapshot *former;

	(void)pthread_mutex_lock(&holder->lock);
	former = holder->now;
	holder->now = next;
	(void)pthread_mutex_unlock(&holder->lock);
	snapshot_release(former);
}

int
snapshot_set(struct snapshot_holder *holder, struct config *config)
{
	struct snapshot *next;

	if ((next = calloc(1, sizeof(*next))) == NULL)
		return -1;
	next->config = config_share(config);
	served_init(&next->served);
	atomic_init(&next->users, 1);
	atomic_store(&holder->body_keep, request_body_keep(config));
	replace(holder, next);
	return 0;
}

struct snapshot *
snapshot_take(struct snapshot_holder *holder)
{
	struct snapshot *snapshot;

	/* The lock, or they might be given back between the look and the count. */
	(void)pthread_mutex_lock(&holder->lock);
	if ((snapshot = holder->now) != NULL)
		atomic_fetch_add(&snapshot->users, 1);
	(void)pthread_mutex_unlock(&holder->lock);
	return snapshot;
}

void
snapshot_release(struct snapshot *snapshot)
{
	if (snapshot == NULL || atomic_fetch_sub(&snapshot->users, 1) != 1)
		return;
	served_free(&snapshot->served);
	config_free(snapshot->config);
	free(snapshot);
}

void
snapshot_end(struct snapshot_holder *holder)
{
	replace(holder, NULL);
}
