#include "verdict.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/exits.h"
#include "base/text.h"

#define NUMBER 0x1eadc0de		/* tells a question from anybody's signal */
#define WAIT_MS 30000			/* a store that somebody keeps locked takes its time */
#define LOOK_MS 200			/* between two looks whether it still lives */

pid_t
verdict_asker(const siginfo_t *info)
{
	return info->si_code == SI_QUEUE && info->si_value.sival_int == NUMBER ?
	    info->si_pid : 0;
}

static int
send(pid_t pid, int sig)
{
	const union sigval number = { .sival_int = NUMBER };

	return sigqueue(pid, sig, number);
}

void
verdict_tell(pid_t asker, bool taken)
{
	if (asker > 0)
		(void)send(asker, taken ? SIGUSR1 : SIGUSR2);
}

/* SIGUSR1, SIGUSR2, or 0: it does not answer, or is gone. */
static int
await_answer(pid_t pid, const sigset_t *answers)
{
	const struct timespec look = { .tv_nsec = LOOK_MS * 1000000L };
	int64_t end_ms = clock_mono_ms() + WAIT_MS;
	siginfo_t info;
	int sig;

	while (clock_mono_ms() < end_ms) {
		sig = sigtimedwait(answers, &info, &look);
		if (sig > 0 && info.si_code == SI_QUEUE && info.si_pid == pid)
			return sig;
		if (kill(pid, 0) == -1 && errno == ESRCH)
			break;
	}
	return 0;
}

int
verdict_ask(const char *text)
{
	sigset_t answers;
	int64_t pid;

	if (text_parse_int(text, 2, INT32_MAX, &pid) == -1) {
		fprintf(stderr, "leadrelay: --reload %s: not a process number\n",
		    text);
		return EXIT_USAGE;
	}
	(void)sigemptyset(&answers);
	(void)sigaddset(&answers, SIGUSR1);
	(void)sigaddset(&answers, SIGUSR2);
	(void)sigprocmask(SIG_BLOCK, &answers, NULL);
	if (send((pid_t)pid, SIGHUP) == -1) {
		fprintf(stderr, "leadrelay: --reload %s: %s\n", text,
		    strerror(errno));
		return EXIT_UNAVAILABLE;
	}
	switch (await_answer((pid_t)pid, &answers)) {
	case SIGUSR1:
		return EXIT_DONE;
	case SIGUSR2:
		fputs("leadrelay: the new configuration is not taken; "
		    "the process's log says why\n", stderr);
		return EXIT_CONFIG;
	default:
		fprintf(stderr, "leadrelay: --reload %s: no answer: "
		    "is it a leadrelay of this version?\n", text);
		return EXIT_UNAVAILABLE;
	}
}
