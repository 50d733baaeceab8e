#include "start/background.h"

#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "start/reload_reply.h"

/* Until it is time for the next turn; the lock is held. */
static void
rest(struct background *t)
{
	struct timespec until = clock_deadline(t->every_ms);
	int rc = 0;

	while (!t->hung_up && !t->stopping && rc == 0)
		rc = t->every_ms == 0 ?
		    pthread_cond_wait(&t->changed, &t->lock) :
		    pthread_cond_timedwait(&t->changed, &t->lock, &until);
}

/* One turn, and what becomes of it; the lock is held, but not during it. */
static void
take_turn(struct background *t)
{
	int askers[VERDICT_ASKERS_MAX];
	bool hung_up = t->hung_up, taken;
	size_t count = 0, i;

	t->hung_up = false;
	(void)pthread_mutex_unlock(&t->lock);
	if (hung_up)
		count = verdict_hear(t->door, askers);
	taken = t->turn(t->owner, hung_up);
	for (i = 0; i < count; i++)
		reload_reply_tell(askers[i], taken);
	(void)pthread_mutex_lock(&t->lock);
	if (count == VERDICT_ASKERS_MAX)
		t->hung_up = true;	/* for who is still at the door */
	t->turned = true;
	(void)pthread_cond_broadcast(&t->changed);
}

static void *
tend(void *arg)
{
	struct background *t = arg;

	(void)pthread_mutex_lock(&t->lock);
	while (!t->stopping) {
		if (t->every_ms > 0 || t->hung_up)
			take_turn(t);
		rest(t);
	}
	(void)pthread_mutex_unlock(&t->lock);
	return NULL;
}

void
background_init(struct background *t)
{
	(void)pthread_mutex_init(&t->lock, NULL);
	clock_cond_init(&t->changed);
	t->door = verdict_open_door();
}

int
background_start(struct background *t)
{
	int rc;

	if ((rc = pthread_create(&t->thread, NULL, tend, t)) == 0)
		return 0;
	log_err("starting a thread: %s", strerror(rc));
	return -1;
}

void
background_hang_up(struct background *t)
{
	(void)pthread_mutex_lock(&t->lock);
	t->hung_up = true;
	(void)pthread_cond_broadcast(&t->changed);
	(void)pthread_mutex_unlock(&t->lock);
}

void
background_await_turn(struct background *t, int ms)
{
	struct timespec until = clock_deadline(ms);
	int rc = 0;

	(void)pthread_mutex_lock(&t->lock);
	while (!t->turned && !t->stopping && rc == 0)
		rc = pthread_cond_timedwait(&t->changed, &t->lock, &until);
	(void)pthread_mutex_unlock(&t->lock);
}

void
background_stop(struct background *t)
{
	(void)pthread_mutex_lock(&t->lock);
	t->stopping = true;
	(void)pthread_cond_broadcast(&t->changed);
	(void)pthread_mutex_unlock(&t->lock);
}

void
background_join(struct background *t)
{
	(void)pthread_join(t->thread, NULL);
	if (t->door != -1)
		(void)close(t->door);
	(void)pthread_cond_destroy(&t->changed);
	(void)pthread_mutex_destroy(&t->lock);
}
