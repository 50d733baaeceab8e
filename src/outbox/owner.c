/*
 * In this order: the owner of the place that the store has, worker { user }, nobody.
 */
#include "outbox/owner.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "outbox/outbox.h"
#include "outbox/store_ops.h"

/* worker { user }, as whom nobody's folder leaves us; 0: none is named. */
static int
find_user(const struct config *config, struct identity *id,
    struct store_fault *fault)
{
	const char *user = config->worker.user;

	if (user == NULL)
		return 0;
	if (identity_of_user(user, id) == -1)
		return store_fail(fault, STORE_FAULT_USER,
		    "worker user: there is no user %s", user);
	return id->uid != 0;
}

int
owner_of(const struct config *config, bool make, struct identity *id,
    struct store_fault *fault)
{
	const struct store_ops *ops;
	const char *location;
	int rc;

	memset(fault, 0, sizeof(*fault));
	if (geteuid() != 0 ||
	    (ops = outbox_backend(config->store.url, &location)) == NULL)
		return 0;		/* opening it will say so */
	if (ops->owner != NULL && ops->owner(location, id))
		return 1;
	if ((rc = find_user(config, id, fault)) == -1)
		return -1;
	if (rc == 0 && ops->owner == NULL)
		return store_fail(fault, STORE_FAULT_USER, "started as root, "
		    "and no folder of the store tells whom to become: "
		    "name a user in worker { user }");
	if (rc == 1 && make && ops->give != NULL && ops->give(location, id) == -1)
		return store_fail(fault, STORE_FAULT_CANTCREAT,
		    "outbox: cannot make its folder: %s", strerror(errno));
	return rc;
}

int
owner_become_id(const struct identity *id, struct store_fault *fault)
{
	if (identity_become(id) == 0)
		return 0;
	return store_fail(fault, STORE_FAULT_IO, "outbox: cannot become the owner "
	    "of its folder: %s", strerror(errno));
}

int
owner_become(const struct config *config, bool make,
    struct store_fault *fault)
{
	struct identity id;
	int rc = owner_of(config, make, &id, fault);

	return rc == 1 ? owner_become_id(&id, fault) : rc;
}
