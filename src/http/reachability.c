/*
 * States of the whole: never tried, being tried by a thread (running), known until
 * ended_ms + REACHABILITY_AGE_MS.  The lock guards all but what the thread reads while it
 * runs, which is not changed then.
 */
#include "http/reachability.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "config/config.h"
#include "http/preflight.h"

enum reach_state { REACH_UNTESTED, REACH_TESTING, REACH_REACHED, REACH_FAILED };

struct reach_result {
	enum reach_state state;
	const char *error;		/* a constant; FAILED only */
};

struct reachability {
	pthread_mutex_t lock;		/* guards what follows */
	struct config *config;		/* the results are about its destinations; or NULL */
	struct reach_result *results;	/* as many */
	bool running;
	bool joinable;			/* a thread was made, and not joined yet */
	pthread_t thread;
	int64_t ended_ms;		/* monotonic; 0: never tried */
};

struct reachability *
reachability_new(void)
{
	struct reachability *r;

	if ((r = calloc(1, sizeof(*r))) != NULL)
		(void)pthread_mutex_init(&r->lock, NULL);
	return r;
}

bool
reachability_free(struct reachability *r)
{
	bool running;

	if (r == NULL)
		return true;
	(void)pthread_mutex_lock(&r->lock);
	running = r->running;
	(void)pthread_mutex_unlock(&r->lock);
	if (running)
		return false;
	if (r->joinable)
		(void)pthread_join(r->thread, NULL);
	(void)pthread_mutex_destroy(&r->lock);
	config_free(r->config);
	free(r->results);
	free(r);
	return true;
}

/* Try one; what stands in the way goes to the log whole, with names and paths. */
static struct reach_result
try_one(const struct config *config, size_t index)
{
	struct reach_result result = { REACH_REACHED, NULL };
	struct buf why = { 0 };

	if (preflight_destination(config, index, &why, &result.error) == -1) {
		result.state = REACH_FAILED;
		log_kv(LOG_LV_WARN, "unreachable", "s:destination",
		    config->destinations[index].name, "s:reason",
		    why.data != NULL ? why.data : result.error, NULL);
	}
	buf_free(&why);
	return result;
}

static void *
try_all(void *arg)
{
	struct reachability *r = arg;
	struct reach_result result;

	for (size_t i = 0; i < r->config->destination_count; i++) {
		result = try_one(r->config, i);
		(void)pthread_mutex_lock(&r->lock);
		r->results[i] = result;
		(void)pthread_mutex_unlock(&r->lock);
	}
	(void)pthread_mutex_lock(&r->lock);
	r->ended_ms = clock_mono_ms();
	r->running = false;
	(void)pthread_mutex_unlock(&r->lock);
	return NULL;
}

/*
 * Be about ${config}: nothing is known of another one's destinations.  False:
 * not yet, as the former one's are being tried, or out of memory.
 */
static bool
turn_to(struct reachability *r, struct config *config)
{
	struct reach_result *results;

	if (r->config == config)
		return true;
	if (r->running)
		return false;
	results = calloc(config->destination_count + 1, sizeof(*results));
	if (results == NULL)
		return false;
	free(r->results);
	config_free(r->config);
	r->results = results;
	r->config = config_share(config);
	r->ended_ms = 0;
	return true;
}

/* Start trying, unless it is going on or was done just now.  The lock is held. */
static void
start(struct reachability *r)
{
	if (r->running || (r->ended_ms != 0 &&
	    clock_mono_ms() - r->ended_ms < REACHABILITY_AGE_MS))
		return;
	if (r->joinable)
		(void)pthread_join(r->thread, NULL);
	r->joinable = r->running =
	    pthread_create(&r->thread, NULL, try_all, r) == 0;
	if (!r->running)
		return;
	for (size_t i = 0; i < r->config->destination_count; i++)
		r->results[i] = (struct reach_result){ REACH_TESTING, NULL };
}

static void
add_result(const struct config *config, size_t index,
    const struct reach_result *result, struct buf *out)
{
	static const char *const states[] = {
		[REACH_UNTESTED] = "untested", [REACH_TESTING] = "testing",
		[REACH_REACHED] = "reached", [REACH_FAILED] = "failed"
	};
	const char *name = config->destinations[index].name;

	buf_puts(out, index == 0 ? "{\"name\":" : ",{\"name\":");
	buf_json(out, name, strlen(name));
	buf_printf(out, ",\"state\":\"%s\"", states[result->state]);
	if (result->error != NULL) {
		buf_puts(out, ",\"error\":");
		buf_json(out, result->error, strlen(result->error));
	}
	buf_putc(out, '}');
}

void
reachability_tell(struct reachability *r, struct config *config, bool try, struct buf *out)
{
	const struct reach_result busy = { REACH_TESTING, NULL };
	bool known;

	buf_putc(out, '[');
	(void)pthread_mutex_lock(&r->lock);
	if ((known = turn_to(r, config)) && try)
		start(r);
	for (size_t i = 0; i < config->destination_count; i++)
		add_result(config, i, known ? &r->results[i] : &busy, out);
	(void)pthread_mutex_unlock(&r->lock);
	buf_putc(out, ']');
}

void
reachability_tell_now(const struct config *config, bool try, struct buf *out)
{
	struct reach_result result = { REACH_UNTESTED, NULL };

	buf_putc(out, '[');
	for (size_t i = 0; i < config->destination_count; i++) {
		if (try)
			result = try_one(config, i);
		add_result(config, i, &result, out);
	}
	buf_putc(out, ']');
}
