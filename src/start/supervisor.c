/*
 * supervisor: the thread for signals goes through attend (until one says stop) and
 * then counts down; the one for turns ends with ${stopping}.  The lock is held by
 * neither while it carries out a duty.
 */
#include "start/supervisor.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "start/reload_reply.h"

static const int taken[] = { SIGTERM, SIGINT, SIGQUIT, SIGUSR1, SIGHUP };

/* What ${sig} asks for; whoever waits for it is to look. */
static void
raise_flag(struct supervisor *k, int sig)
{
	(void)pthread_mutex_lock(&k->lock);
	if (sig == SIGHUP)
		k->hung_up = true;
	else
		atomic_store(&k->stopping, true);
	(void)pthread_cond_broadcast(&k->changed);
	(void)pthread_mutex_unlock(&k->lock);
}

/* --- signals --------------------------------------------------------------- */

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
attend(struct supervisor *k)
{
	int64_t pause_ms = k->duty.beat_ms > 0 ? k->duty.beat_ms : -1;
	int sig;

	while ((sig = next_signal(k, pause_ms)) == 0 || sig == SIGHUP) {
		if (sig == SIGHUP)
			raise_flag(k, sig);
		if (k->duty.beat_ms > 0)
			k->duty.beat(k->owner);
	}
	raise_flag(k, sig);
}

static void *
take_signals(void *arg)
{
	struct supervisor *k = arg;
	int64_t end_ms, left_ms;

	attend(k);
	end_ms = clock_mono_ms() + SUPERVISOR_END_MS;
	k->duty.stop(k->owner);
	(void)pthread_mutex_lock(&k->lock);
	k->told = true;
	(void)pthread_cond_broadcast(&k->changed);
	(void)pthread_mutex_unlock(&k->lock);
	while (!atomic_load(&k->over)) {
		if ((left_ms = end_ms - clock_mono_ms()) <= 0) {
			log_warn("not all could be brought to an end in time");
			log_exit(atomic_load(&k->status));
		}
		(void)next_signal(k, left_ms);
	}
	return NULL;
}

/* --- turns ----------------------------------------------------------------- */

/* One turn, and what becomes of it; the lock is held, but not during it. */
static void
take_turn(struct supervisor *k)
{
	int askers[RELOAD_REPLY_MAX];
	bool hung_up = k->hung_up, done;
	size_t count = 0, i;

	k->hung_up = false;
	(void)pthread_mutex_unlock(&k->lock);
	if (hung_up)
		count = reload_reply_hear(k->door, askers);
	done = k->duty.turn(k->owner, hung_up);
	for (i = 0; i < count; i++)
		reload_reply_tell(askers[i], done);
	(void)pthread_mutex_lock(&k->lock);
	if (count == RELOAD_REPLY_MAX)
		k->hung_up = true;	/* for who is still at the door */
	k->turned = true;
	(void)pthread_cond_broadcast(&k->changed);
}

/* Until ${flag} or a stop, ${ms} at most (0: however long); the lock is held. */
static void
wait_for(struct supervisor *k, const bool *flag, int ms)
{
	struct timespec until = clock_deadline(ms);
	int rc = 0;

	while (!*flag && !atomic_load(&k->stopping) && rc == 0)
		rc = ms == 0 ? pthread_cond_wait(&k->changed, &k->lock) :
		    pthread_cond_timedwait(&k->changed, &k->lock, &until);
}

static void *
take_turns(void *arg)
{
	struct supervisor *k = arg;

	(void)pthread_mutex_lock(&k->lock);
	while (!atomic_load(&k->stopping)) {
		if (k->duty.turn_ms > 0 || k->hung_up)
			take_turn(k);
		wait_for(k, &k->hung_up, k->duty.turn_ms);
	}
	(void)pthread_mutex_unlock(&k->lock);
	return NULL;
}

/* --- from outside ---------------------------------------------------------- */

static int
start_thread(pthread_t *thread, void *(*run)(void *), struct supervisor *k)
{
	int rc = pthread_create(thread, NULL, run, k);

	if (rc != 0)
		log_err("starting a thread: %s", strerror(rc));
	return rc == 0 ? 0 : -1;
}

int
supervisor_start(struct supervisor *k, const struct supervisor_duty *duty,
    void *owner)
{
	k->duty = *duty;
	k->owner = owner;
	(void)pthread_mutex_init(&k->lock, NULL);
	clock_cond_init(&k->changed);
	if ((k->door = reload_reply_open()) == -1)
		log_warn("--reload cannot be answered: %s", strerror(errno));
	(void)sigemptyset(&k->signals);
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		(void)sigaddset(&k->signals, taken[i]);
	(void)pthread_sigmask(SIG_BLOCK, &k->signals, NULL);
	(void)signal(SIGHUP, SIG_DFL);	/* for who is started by us; here it is blocked */
	return start_thread(&k->for_signals, take_signals, k);
}

int
supervisor_begin_turns(struct supervisor *k)
{
	return start_thread(&k->for_turns, take_turns, k);
}

void
supervisor_await_turn(struct supervisor *k, int ms)
{
	(void)pthread_mutex_lock(&k->lock);
	wait_for(k, &k->turned, ms);
	(void)pthread_mutex_unlock(&k->lock);
}

void
supervisor_stop(struct supervisor *k, int status)
{
	atomic_store(&k->status, status);
	(void)pthread_kill(k->for_signals, SIGTERM);
	/* What stop touches is taken apart next. */
	(void)pthread_mutex_lock(&k->lock);
	while (!k->told)
		(void)pthread_cond_wait(&k->changed, &k->lock);
	(void)pthread_mutex_unlock(&k->lock);
	(void)pthread_join(k->for_turns, NULL);
}

void
supervisor_end(struct supervisor *k)
{
	atomic_store(&k->over, true);
	(void)pthread_kill(k->for_signals, SIGTERM);	/* whatever it waits for */
	(void)pthread_join(k->for_signals, NULL);
	if (k->door != -1)
		(void)close(k->door);
	(void)pthread_cond_destroy(&k->changed);
	(void)pthread_mutex_destroy(&k->lock);
}
