#include "intake/terms.h"

#include <stdlib.h>

#include "config/config.h"
#include "intake/request.h"

/* Put ${next} in the place of those in force, which are then one user fewer. */
static void
replace(struct terms_holder *holder, struct terms *next)
{
	struct terms *former;

	(void)pthread_mutex_lock(&holder->lock);
	former = holder->now;
	holder->now = next;
	(void)pthread_mutex_unlock(&holder->lock);
	terms_release(former);
}

int
terms_set(struct terms_holder *holder, struct config *config)
{
	struct terms *next;

	if ((next = calloc(1, sizeof(*next))) == NULL)
		return -1;
	next->config = config_share(config);
	served_init(&next->served);
	atomic_init(&next->users, 1);
	atomic_store(&holder->body_keep, request_body_keep(config));
	replace(holder, next);
	return 0;
}

struct terms *
terms_take(struct terms_holder *holder)
{
	struct terms *terms;

	/* The lock, or they might be given back between the look and the count. */
	(void)pthread_mutex_lock(&holder->lock);
	if ((terms = holder->now) != NULL)
		atomic_fetch_add(&terms->users, 1);
	(void)pthread_mutex_unlock(&holder->lock);
	return terms;
}

void
terms_release(struct terms *terms)
{
	if (terms == NULL || atomic_fetch_sub(&terms->users, 1) != 1)
		return;
	served_free(&terms->served);
	config_free(terms->config);
	free(terms);
}

void
terms_end(struct terms_holder *holder)
{
	replace(holder, NULL);
}
