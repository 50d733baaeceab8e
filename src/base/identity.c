/*
 * Groups first, then gid, then uid: after that there is no way back.
 */
#include "base/identity.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

int
identity_of_user(const char *name, struct identity *id)
{
	const struct passwd *pw = getpwnam(name);

	if (pw == NULL)
		return -1;
	id->uid = pw->pw_uid;
	id->gid = pw->pw_gid;
	return 0;
}

void
identity_of_owner(uid_t uid, gid_t gid, struct identity *id)
{
	const struct passwd *pw = getpwuid(uid);

	id->uid = uid;
	id->gid = pw != NULL ? pw->pw_gid : gid;
}

char *
identity_name(uid_t uid, char out[IDENTITY_NAME_SIZE])
{
	int error = errno;
	const struct passwd *user = getpwuid(uid);

	if (user != NULL)
		(void)snprintf(out, IDENTITY_NAME_SIZE, "%s", user->pw_name);
	else
		(void)snprintf(out, IDENTITY_NAME_SIZE, "%u", (unsigned)uid);
	errno = error;
	return out;
}

int
identity_become(const struct identity *id)
{
	const struct passwd *pw = getpwuid(id->uid);
	int rc = pw != NULL ? initgroups(pw->pw_name, id->gid) :
	    setgroups(1, &id->gid);

	return rc == -1 || setgid(id->gid) == -1 || setuid(id->uid) == -1 ? -1 : 0;
}
