/*
 * identity: whom a process that was started as root becomes.
 */
#ifndef LEADRELAY_BASE_IDENTITY_H
#define LEADRELAY_BASE_IDENTITY_H

#include <sys/types.h>

struct identity {
	uid_t uid;
	gid_t gid;
};

/* The user called ${name}, with its first group.  -1: there is none. */
int identity_of_user(const char *name, struct identity *id);

/* The user ${uid} with its first group, or with ${gid} when the system does not know it. */
void identity_of_owner(uid_t uid, gid_t gid, struct identity *id);

/* The name of a user, or their number; NUL-terminated.  errno stays. */
#define IDENTITY_NAME_SIZE 64
char *identity_name(uid_t uid, char out[IDENTITY_NAME_SIZE]);

/* Become it, with all of its groups, for good.  -1: errno. */
int identity_become(const struct identity *id);

#endif
