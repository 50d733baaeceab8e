#include "relay/lanes.h"

#include <stdlib.h>

#include "base/buf.h"
#include "config/config.h"
#include "outbox/outbox.h"
#include "relay/engine.h"
#include "relay/lane.h"

struct lanes *
lanes_new(struct engine *engine, struct config *config,
    const struct outbox *outbox, struct buf *why)
{
	size_t count = config->destination_count, i;
	struct lanes *set;

	set = calloc(1, sizeof(*set) + count * sizeof(set->lanes[0]));
	if (set == NULL) {
		buf_puts(why, "out of memory");
		return NULL;
	}
	set->config = config_share(config);
	for (i = 0; i < count; i++) {
		set->lanes[i] = lane_new(engine, config, i,
		    outbox_destination(outbox, i), why);
		if (set->lanes[i] == NULL) {
			lanes_free(set);
			return NULL;
		}
		set->count++;
	}
	return set;
}

void
lanes_free(struct lanes *set)
{
	struct lanes *former;
	size_t i;

	for (; set != NULL; set = former) {
		former = set->former;
		for (i = 0; i < set->count; i++)
			lane_free(set->lanes[i]);
		config_free(set->config);
		free(set);
	}
}

struct lane *
lanes_next(const struct lanes **set, size_t *at)
{
	for (; *set != NULL; *set = (*set)->former, *at = 0)
		while (*at < (*set)->count)
			if ((*set)->lanes[(*at)++] != NULL)
				return (*set)->lanes[*at - 1];
	return NULL;
}

/* Wind up the lanes of a former set; true when all are released. */
static bool
wind_up(struct lanes *set, int64_t now_ms, int64_t *wake_ms)
{
	bool done = true;
	int64_t next;
	size_t i;

	for (i = 0; i < set->count; i++) {
		if (set->lanes[i] == NULL)
			continue;
		next = lane_step(set->lanes[i], now_ms, true);
		if (lane_finished(set->lanes[i])) {
			lane_free(set->lanes[i]);
			set->lanes[i] = NULL;
			continue;
		}
		if (next < *wake_ms)
			*wake_ms = next;
		done = false;
	}
	return done;
}

/* Take the lane of the store's ${number} out of ${set} and those before it, or NULL. */
static struct lane *
take_out(struct lanes *set, int64_t number)
{
	struct lane *lane;
	size_t i;

	for (; set != NULL; set = set->former)
		for (i = 0; i < set->count; i++)
			if ((lane = set->lanes[i]) != NULL && lane_number(lane) == number) {
				set->lanes[i] = NULL;
				return lane;
			}
	return NULL;
}

void
lanes_replace(struct lanes *set, struct lanes *former)
{
	struct lane *fresh, *kept;
	size_t i;

	for (i = 0; i < set->count; i++) {
		fresh = set->lanes[i];
		if ((kept = take_out(former, lane_number(fresh))) == NULL)
			continue;
		lane_succeed(kept, fresh);
		set->lanes[i] = kept;
		lane_free(fresh);
	}
	set->former = former;
}

int64_t
lanes_step(struct lanes *set, int64_t now_ms)
{
	struct lanes **place = &set->former, *former;
	int64_t wake_ms = INT64_MAX;
	size_t i;

	while ((former = *place) != NULL) {
		if (!wind_up(former, now_ms, &wake_ms)) {
			place = &former->former;
			continue;
		}
		*place = former->former;
		former->former = NULL;
		lanes_free(former);
	}
	for (i = 0; i < set->count; i++)
		if (!lane_begun(set->lanes[i]))
			lane_begin(set->lanes[i], now_ms);
	return wake_ms;
}
