/*
 * Former sets hang behind the present one.  A dispatcher is in exactly one set: one whose
 * destination stayed has moved on, the others are stepped as stopping until they are
 * finished.
 */
#include "relay/dispatchers.h"

#include <stdlib.h>

#include "base/buf.h"
#include "config/config.h"
#include "outbox/outbox.h"
#include "relay/dispatcher.h"
#include "relay/engine.h"

struct dispatchers *
dispatchers_new(struct engine *engine, struct config *config,
    const struct outbox *outbox, struct buf *why)
{
	size_t count = config->destination_count, i;
	struct dispatchers *set;

	set = calloc(1, sizeof(*set) + count * sizeof(set->dispatchers[0]));
	if (set == NULL) {
		buf_puts(why, "out of memory");
		return NULL;
	}
	set->config = config_share(config);
	for (i = 0; i < count; i++) {
		set->dispatchers[i] = dispatcher_new(engine, config, i,
		    outbox_destination(outbox, i), why);
		if (set->dispatchers[i] == NULL) {
			dispatchers_free(set);
			return NULL;
		}
		set->count++;
	}
	return set;
}

void
dispatchers_free(struct dispatchers *set)
{
	struct dispatchers *former;
	size_t i;

	for (; set != NULL; set = former) {
		former = set->former;
		for (i = 0; i < set->count; i++)
			dispatcher_free(set->dispatchers[i]);
		config_free(set->config);
		free(set);
	}
}

struct dispatcher *
dispatchers_next(const struct dispatchers **set, size_t *at)
{
	for (; *set != NULL; *set = (*set)->former, *at = 0)
		while (*at < (*set)->count)
			if ((*set)->dispatchers[(*at)++] != NULL)
				return (*set)->dispatchers[*at - 1];
	return NULL;
}

/* Wind up the dispatchers of a former set; true when all are released. */
static bool
wind_up(struct dispatchers *set, int64_t now_ms, int64_t *wake_ms)
{
	bool done = true;
	int64_t next;
	size_t i;

	for (i = 0; i < set->count; i++) {
		if (set->dispatchers[i] == NULL)
			continue;
		next = dispatcher_step(set->dispatchers[i], now_ms, true);
		if (dispatcher_finished(set->dispatchers[i])) {
			dispatcher_free(set->dispatchers[i]);
			set->dispatchers[i] = NULL;
			continue;
		}
		if (next < *wake_ms)
			*wake_ms = next;
		done = false;
	}
	return done;
}

/* Take the dispatcher of the store's ${number} out of ${set} and those before it, or NULL. */
static struct dispatcher *
take_out(struct dispatchers *set, int64_t number)
{
	struct dispatcher *dispatcher;
	size_t i;

	for (; set != NULL; set = set->former)
		for (i = 0; i < set->count; i++)
			if ((dispatcher = set->dispatchers[i]) != NULL && dispatcher_number(dispatcher) == number) {
				set->dispatchers[i] = NULL;
				return dispatcher;
			}
	return NULL;
}

void
dispatchers_replace(struct dispatchers *set, struct dispatchers *former)
{
	struct dispatcher *fresh, *kept;
	size_t i;

	for (i = 0; i < set->count; i++) {
		fresh = set->dispatchers[i];
		if ((kept = take_out(former, dispatcher_number(fresh))) == NULL)
			continue;
		dispatcher_succeed(kept, fresh);
		set->dispatchers[i] = kept;
		dispatcher_free(fresh);
	}
	set->former = former;
}

int64_t
dispatchers_step(struct dispatchers *set, int64_t now_ms)
{
	struct dispatchers **place = &set->former, *former;
	int64_t wake_ms = INT64_MAX;
	size_t i;

	while ((former = *place) != NULL) {
		if (!wind_up(former, now_ms, &wake_ms)) {
			place = &former->former;
			continue;
		}
		*place = former->former;
		former->former = NULL;
		dispatchers_free(former);
	}
	for (i = 0; i < set->count; i++)
		if (!dispatcher_begun(set->dispatchers[i]))
			dispatcher_begin(set->dispatchers[i], now_ms);
	return wake_ms;
}
