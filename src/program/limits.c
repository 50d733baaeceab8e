#include "config.h"

#include "program/limits.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "program/program.h"
#include "program/wire.h"

static bool
limit(int resource, rlim_t soft, rlim_t hard)
{
	struct rlimit rl = { soft, hard };

	return setrlimit(resource, &rl) == 0;
}

bool
limits_confine(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	    limit(RLIMIT_CORE, 0, 0) && limit(RLIMIT_FSIZE, 0, 0);
}

/* The address space in use now, in bytes. */
static rlim_t
used_memory(void)
{
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (f != NULL) {
		if (fscanf(f, "%lu", &pages) != 1)
			pages = 0;
		(void)fclose(f);
	}
	return pages != 0 ? (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) :
	    64u << 20;
}

bool
limits_memory(bool for_good)
{
	rlim_t most = used_memory() + PROGRAM_MEMORY;
	struct rlimit now;

	if (for_good && !limit(RLIMIT_NOFILE, 0, 0))
		return false;
#ifdef LIMITS_NO_MEMORY
	most = RLIM_INFINITY;
#endif
	if (getrlimit(RLIMIT_AS, &now) == -1)
		return false;
	if (most > now.rlim_max)
		most = now.rlim_max;
	return limit(RLIMIT_AS, most, for_good ? most : now.rlim_max);
}

void
limits_files(bool none)
{
	struct rlimit now;

	if (getrlimit(RLIMIT_NOFILE, &now) == 0)
		(void)limit(RLIMIT_NOFILE, none ? 0 : now.rlim_max, now.rlim_max);
}

void
limits_watch(int ms)
{
	const struct itimerval left = {
		.it_value = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 }
	};

	(void)setitimer(ITIMER_PROF, &left, NULL);
}

/* --- last words ----------------------------------------------------------- */

static struct {
	int fd;
	const char *overrun;
	enum wire_kind crash;
} last;

static void
say_and_end(int signal_number, siginfo_t *info, void *context)
{
	static const char crashed[] = "it took more than 64 MB, or crashed";
	bool overrun = signal_number == SIGPROF;
	const char *why = overrun ? last.overrun : crashed;
	struct wire_head head = {
		.kind = overrun ? WIRE_ERROR : last.crash, .index = WIRE_LAST,
		.len = (uint32_t)strlen(why)
	};

	(void)context;
	if (info->si_code <= 0 && info->si_pid != getpid())
		_exit(1);			/* somebody's kill */
	if (send(last.fd, &head, sizeof(head), MSG_NOSIGNAL) == sizeof(head))
		(void)send(last.fd, why, head.len, MSG_NOSIGNAL);
	_exit(1);
}

void
limits_last_words(int fd, const char *overrun, enum wire_kind crash)
{
	static const int deaths[] = {
		SIGPROF, SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE, SIGSYS
	};
	static char stack[16384];	/* the usual one may be what ran out */
	const stack_t other = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction action = {
		.sa_sigaction = say_and_end, .sa_flags = SA_ONSTACK | SA_SIGINFO
	};
	size_t i;

	last.fd = fd;
	last.overrun = overrun;
	last.crash = crash;
	(void)sigaltstack(&other, NULL);
	(void)sigfillset(&action.sa_mask);
	for (i = 0; i < sizeof(deaths) / sizeof(deaths[0]); i++)
		(void)sigaction(deaths[i], &action, NULL);
}
