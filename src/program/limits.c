/*
 * The memory in use is asked of the kernel before and after each compiling, which
 * takes a file that was opened before none could be: it lies where standard output
 * was.  What a run leaves behind counts against the next one, so that no run can
 * have more than the limit with the help of those before it.
 */
#include "config.h"

#include "program/limits.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "program/program.h"
#include "program/wire.h"

#define STATM STDOUT_FILENO

/* A sanitizer's shadow memory takes more than any limit. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LIMITS_NO_MEMORY
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define LIMITS_NO_MEMORY
#endif
#endif

#ifdef LIMITS_NO_MEMORY
#define LATE "it took longer than a second, or more than 64 MB"
#else
#define LATE "it took longer than a second"
#endif

/* How long it may take, and the last words: after that time, and of a crash. */
static const struct phase {
	int ms;
	struct words {
		enum wire_kind kind;
		const char *text;
	} late, crash;
} phases[] = {
	[LIMITS_IDLE] = { .crash = { WIRE_TROUBLE, "its process crashed" } },
	[LIMITS_COMPILING] = { PROGRAM_COMPILE_MS,
	    { WIRE_FAULTY, "it took longer than 5 seconds to compile" },
	    { WIRE_TROUBLE, "its process crashed, or took more than 64 MB, while it "
	    "compiled a program" } },
	[LIMITS_RUNNING] = { PROGRAM_RUN_MS, { WIRE_ERROR, LATE },
	    { WIRE_ERROR, "it took more than 64 MB, or crashed" } }
};

/* A signal handler's, which has nobody to be handed them by. */
static struct {
	int fd;
	volatile sig_atomic_t phase;
} last;

static void
say_and_end(int signal_number, siginfo_t *info, void *context)
{
	const struct phase *phase = &phases[last.phase];
	const struct words *why = signal_number == SIGPROF && phase->ms != 0 ?
	    &phase->late : &phase->crash;
	struct wire_head head = { .kind = why->kind, .index = WIRE_LAST,
	    .len = (uint32_t)strlen(why->text) };

	(void)context;
	if (info->si_code <= 0 && info->si_pid != getpid())
		_exit(1);			/* somebody's kill */
	if (send(last.fd, &head, sizeof(head), MSG_NOSIGNAL) == sizeof(head))
		(void)send(last.fd, why->text, head.len, MSG_NOSIGNAL);
	_exit(1);
}

static void
catch_ends(int fd)
{
	static const int ends[] = {
		SIGPROF, SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE, SIGSYS
	};
	static char stack[16384];	/* the usual one may be what ran out */
	const stack_t other = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction action = {
		.sa_sigaction = say_and_end, .sa_flags = SA_ONSTACK | SA_SIGINFO
	};
	size_t i;

	last.fd = fd;
	(void)sigaltstack(&other, NULL);
	(void)sigfillset(&action.sa_mask);
	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		(void)sigaction(ends[i], &action, NULL);
}

static bool
forbid(int resource)
{
	const struct rlimit none = { 0, 0 };

	return setrlimit(resource, &none) == 0;
}

/* No more than PROGRAM_MEMORY beyond the address space in use now. */
static bool
limit_memory(void)
{
	char pages[32] = "16384";		/* where there is no /proc */
	rlim_t most;
	struct rlimit now;

	(void)pread(STATM, pages, sizeof(pages) - 1, 0);
	most = strtoul(pages, NULL, 10) * (rlim_t)sysconf(_SC_PAGESIZE) +
	    PROGRAM_MEMORY;
#ifdef LIMITS_NO_MEMORY
	most = RLIM_INFINITY;
#endif
	if (getrlimit(RLIMIT_AS, &now) == -1)
		return false;
	now.rlim_cur = most < now.rlim_max ? most : now.rlim_max;
	return setrlimit(RLIMIT_AS, &now) == 0;
}

bool
limits_confine(int fd)
{
	int statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);

	if (statm != -1) {
		(void)dup2(statm, STATM);
		(void)close(statm);
	}
	catch_ends(fd);
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && forbid(RLIMIT_CORE) &&
	    forbid(RLIMIT_FSIZE) && forbid(RLIMIT_NOFILE) && limit_memory();
}

void
limits_enter(enum limits_phase phase)
{
	const struct itimerval left = {
		.it_value = { .tv_sec = phases[phase].ms / 1000 }
	};
	bool compiles = phase == LIMITS_COMPILING || last.phase == LIMITS_COMPILING;

	last.phase = (sig_atomic_t)phase;
	if (compiles && !limit_memory())
		_exit(1);
	(void)setitimer(ITIMER_PROF, &left, NULL);
}
