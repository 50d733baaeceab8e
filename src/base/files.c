/*
 * What RLIMIT_NOFILE leaves us.
 */
#include "base/files.h"

#include <limits.h>
#include <sys/resource.h>

#include "base/log.h"

long
files_max(void)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_NOFILE, &limit) == -1 ||
	    limit.rlim_cur > LONG_MAX ? LONG_MAX : (long)limit.rlim_cur;
}

void
files_check(void)
{
	if (files_max() < FILES_NEEDED)
		log_warn("only %ld files may be open at once, and %d are needed: "
		    "raise ulimit -n (systemd: LimitNOFILE)", files_max(),
		    FILES_NEEDED);
}
