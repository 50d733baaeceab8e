/*
 * owner: whose process works on the outbox, where it was started as root.
 */
#ifndef LEADRELAY_OUTBOX_OWNER_H
#define LEADRELAY_OUTBOX_OWNER_H

#include <stdbool.h>

#include "base/identity.h"
#include "outbox/store.h"

struct config;

/*
 * Whom does a process that was started as root become?  The owner of the store's
 * folder, or else the configuration's worker { user }, for whom with ${make} a
 * folder that is not there is made.  1: ${id}; 0: nobody, because it is not root,
 * or the folder is root's; -1: ${fault}.
 */
int owner_of(const struct config *config, bool make, struct identity *id,
    struct store_fault *fault);

/*
 * Become that, for good, before anything of ours is opened or started, so that
 * nothing of it ends up as root's.  0, or -1 and ${fault}.
 */
int owner_become(const struct config *config, bool make,
    struct store_fault *fault);
int owner_become_id(const struct identity *id, struct store_fault *fault);

#endif
