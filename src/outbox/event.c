/*
 * Names of states, as they are stored and shown.
 */
#include "outbox/event.h"

#include <stdlib.h>
#include <string.h>

static const char *const state_names[DELIVERY_STATES] = {
	[DELIVERY_WAITING] = "waiting",
	[DELIVERY_SENDING] = "sending",
	[DELIVERY_DELIVERED] = "delivered",
	[DELIVERY_DEAD] = "dead",
	[DELIVERY_HELD] = "held",
	[DELIVERY_DISCARDED] = "discarded",
	[DELIVERY_SKIPPED] = "skipped"
};

static const char *const hold_names[] = {
	[EVENT_HOLD_NONE] = "",
	[EVENT_HOLD_RULES] = "rules",
	[EVENT_HOLD_UNREADABLE] = "unreadable",
	[EVENT_HOLD_STALE] = "stale"
};
#define HOLDS (sizeof(hold_names) / sizeof(hold_names[0]))

/* The index of ${name} among ${names}, or -1. */
static int
find_name(const char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return (int)i;
	return -1;
}

const char *
delivery_state_name(enum delivery_state state)
{
	return (unsigned)state < DELIVERY_STATES ? state_names[state] : "?";
}

int
delivery_state_parse(const char *name)
{
	return find_name(state_names, DELIVERY_STATES, name);
}

const char *
event_hold_name(enum event_hold hold)
{
	return (unsigned)hold < HOLDS ? hold_names[hold] : "?";
}

int
event_hold_parse(const char *name)
{
	return find_name(hold_names, HOLDS, name);
}

void
delivery_claim_free(struct delivery_claim *claim)
{
	free(claim->source);
	free(claim->lead);
	free(claim->name);
	free(claim->payload);
	memset(claim, 0, sizeof(*claim));
}
