#include "cli/bulk.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/exits.h"

#define BATCH 200			/* events in one transaction */
#define NAMED_MAX 100			/* events that are named, of each kind */
#define REST_MIN_MS 3			/* others look for the lock every millisecond */
#define REST_MAX_MS 250

/* Events of one kind, and those of them that were named. */
struct tally {
	int64_t events;
	int64_t deliveries;
};

struct bulk {
	const struct act *act;
	const struct store_filter *filter;
	unsigned how;
	int64_t now_ms;			/* when it began: what was retried since is not met again */
	struct store_walk done;		/* as far as it is on disk */
	struct store_walk walk;		/* with the batch under way */
	char ids[BATCH][UUID7_SIZE];
	struct store_act_out outs[BATCH];
	size_t count;
	struct tally changed;
	struct tally superseded;
	struct tally sending;
	struct tally left;
};

static void
forget_batch(struct bulk *bulk)
{
	for (size_t i = 0; i < bulk->count; i++)
		free(bulk->outs[i].detail);
	bulk->count = 0;
}

/* The next batch.  It may be run twice: everything starts from ${done}. */
static int
run_batch(struct store *store, void *arg)
{
	struct bulk *bulk = arg;
	size_t found;

	forget_batch(bulk);
	bulk->walk = bulk->done;
	if (store->ops->find(store, bulk->act->action, bulk->filter,
	    bulk->now_ms, &bulk->walk, bulk->ids, BATCH, &found) == -1)
		return -1;
	for (; bulk->count < found; bulk->count++)
		if (store->ops->act(store, bulk->act->action,
		    bulk->ids[bulk->count], bulk->filter->destination,
		    bulk->how, bulk->now_ms, &bulk->outs[bulk->count]) == -1)
			return -1;
	return 0;
}

/* Is there room to name one more event of this kind? */
static bool
may_name(struct tally *tally)
{
	tally->events++;
	return tally->events <= NAMED_MAX;
}

/* Count an event, and name it where a person wants to know which. */
static void
report_one(struct bulk *bulk, const char *id, const struct store_act_out *out)
{
	const char *verb = bulk->act->verb;

	if (out->changed > 0) {
		bulk->changed.deliveries += out->changed;
		if (may_name(&bulk->changed) && bulk->how & STORE_DRY_RUN)
			printf("%s %s\n", id, bulk->act->would);
	}
	switch (out->result) {
	case STORE_ACT_DONE:
		break;
	case STORE_ACT_SUPERSEDED:
		if (may_name(&bulk->superseded))
			fprintf(stderr, "leadrelay: %s %s: superseded by %s, "
			    "which was delivered\n", verb, id, out->other);
		break;
	case STORE_ACT_SENDING:
		if (may_name(&bulk->sending))
			fprintf(stderr, "leadrelay: %s %s: it, or a newer event "
			    "of its lead, is being sent just now\n", verb, id);
		break;
	default:
		if (may_name(&bulk->left))
			fprintf(stderr, "leadrelay: %s %s: unchanged: %s\n",
			    verb, id, out->detail != NULL ? out->detail :
			    bulk->act->cannot);
	}
}

/* Leave the store to others for as long as it was ours. */
static void
rest(int64_t took_ms)
{
	struct timespec pause = { 0 };

	if (took_ms < REST_MIN_MS)
		took_ms = REST_MIN_MS;
	if (took_ms > REST_MAX_MS)
		took_ms = REST_MAX_MS;
	pause.tv_nsec = took_ms * 1000000;
	(void)nanosleep(&pause, NULL);
}

static int
run_all(struct bulk *bulk, struct setup *setup)
{
	struct store_fault fault = { 0 };
	int64_t start_ms;

	while (!bulk->done.ended) {
		start_ms = clock_mono_ms();
		if (outbox_run(setup->outbox, run_batch, bulk, &fault) == -1)
			return setup_store_failed(setup->config, &fault);
		bulk->done = bulk->walk;
		for (size_t i = 0; i < bulk->count; i++)
			report_one(bulk, bulk->ids[i], &bulk->outs[i]);
		if (bulk->how & STORE_DRY_RUN || bulk->count == 0)
			continue;
		outbox_wake(setup->outbox);
		if (!bulk->done.ended)
			rest(clock_mono_ms() - start_ms);
	}
	return EXIT_DONE;
}

static void
say_count(const struct bulk *bulk, const struct tally *tally, const char *what)
{
	if (tally->events > 0)
		fprintf(stderr, "leadrelay: %s: %" PRId64 " %s\n",
		    bulk->act->verb, tally->events, what);
}

static int
summarise(const struct bulk *bulk)
{
	const struct tally *changed = &bulk->changed;
	bool dry_run = bulk->how & STORE_DRY_RUN;

	if (dry_run && changed->events > NAMED_MAX)
		printf("... and %" PRId64 " more\n", changed->events - NAMED_MAX);
	printf("%" PRId64 " %s %s", changed->events,
	    changed->events == 1 ? "event" : "events",
	    dry_run ? bulk->act->would : bulk->act->done);
	if (changed->deliveries > changed->events)
		printf(" (%" PRId64 " deliveries)", changed->deliveries);
	putchar('\n');
	say_count(bulk, &bulk->superseded, "superseded by newer ones that were "
	    "delivered, left as they are; --force sends them all the same");
	say_count(bulk, &bulk->sending, "left, being sent just now; try again "
	    "in a moment");
	say_count(bulk, &bulk->left, "left as they are");
	return bulk->superseded.events + bulk->sending.events +
	    bulk->left.events > 0 ? EXIT_NO : EXIT_DONE;
}

int
bulk_act(struct setup *setup, const struct act *act,
    const struct store_filter *filter, unsigned how)
{
	struct bulk *bulk;
	int status;

	if ((bulk = calloc(1, sizeof(*bulk))) == NULL) {
		fputs("leadrelay: out of memory\n", stderr);
		return EXIT_SOFTWARE;
	}
	bulk->act = act;
	bulk->filter = filter;
	bulk->how = how;
	bulk->now_ms = clock_wall_ms();
	status = run_all(bulk, setup);
	status = setup_first(status, summarise(bulk));
	forget_batch(bulk);
	free(bulk);
	return status;
}
