#include "start/supervisor.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

static const int taken[] = { SIGTERM, SIGINT, SIGQUIT, SIGUSR1, SIGHUP };

/* The next signal, or 0 when none has come for ${ms} (-1: however long). */
static int
next_signal(const struct supervisor *k, int64_t ms)
{
	const struct timespec limit = { ms / 1000, ms % 1000 * 1000000 };
	int sig;

	do
		sig = sigtimedwait(&k->signals, NULL, ms < 0 ? NULL : &limit);
	while (sig == -1 && errno == EINTR);
	return sig == -1 ? 0 : sig;
}

/* Until a signal says stop. */
static void
attend(const struct supervisor *k)
{
	const struct supervisor_duty *duty = &k->duty;
	int64_t pause_ms = duty->every_ms > 0 ? duty->every_ms : -1;
	int sig;

	while ((sig = next_signal(k, pause_ms)) == 0 || sig == SIGHUP) {
		if (sig == SIGHUP)
			duty->hang_up(duty->owner);
		if (duty->every_ms > 0)
			duty->beat(duty->owner);
	}
}

static void *
keep(void *arg)
{
	struct supervisor *k = arg;
	int64_t end_ms, left_ms;

	attend(k);
	end_ms = clock_mono_ms() + SUPERVISOR_END_MS;
	k->duty.stop(k->duty.owner);
	while (!atomic_load(&k->over)) {
		if ((left_ms = end_ms - clock_mono_ms()) <= 0) {
			log_warn("not all could be brought to an end in time");
			log_exit(atomic_load(&k->status));
		}
		(void)next_signal(k, left_ms);
	}
	return NULL;
}

int
supervisor_start(struct supervisor *k, const struct supervisor_duty *duty)
{
	size_t i;
	int rc;

	k->duty = *duty;
	(void)sigemptyset(&k->signals);
	for (i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		(void)sigaddset(&k->signals, taken[i]);
	(void)pthread_sigmask(SIG_BLOCK, &k->signals, NULL);
	(void)signal(SIGHUP, SIG_DFL);	/* for who is started by us; here it is blocked */
	if ((rc = pthread_create(&k->thread, NULL, keep, k)) == 0)
		return 0;
	log_err("starting the thread for signals: %s", strerror(rc));
	return -1;
}

static void
wake(struct supervisor *k)
{
	(void)pthread_kill(k->thread, SIGTERM);
}

void
supervisor_stop(struct supervisor *k, int status)
{
	atomic_store(&k->status, status);
	wake(k);
}

void
supervisor_end(struct supervisor *k)
{
	atomic_store(&k->over, true);
	wake(k);			/* whatever it waits for */
	(void)pthread_join(k->thread, NULL);
}
