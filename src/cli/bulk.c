/*
 * A batch is one transaction, counted and told only once it is on disk; the walk
 * through the events goes on where the last one that is on disk ended.  Of events
 * that were named each is a batch, and each is told of.
 */
#include "cli/bulk.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/exits.h"
#include "cli/print.h"

#define BATCH 200			/* events in one transaction */
#define NAMED_MAX 100			/* events that are named, of each kind */
#define REST_MIN_MS 3			/* others look for the lock every millisecond */
#define REST_MAX_MS 250

/* Why events are left as they are, and what is said of it in the end. */
static const struct {
	enum store_act_result result;
	const char *words;
} kinds[] = {
	{ STORE_ACT_SUPERSEDED, "superseded by newer ones that were "
	    "delivered, left as they are; --force sends them all the same" },
	{ STORE_ACT_SENDING, "left, being sent just now; try again in a moment" },
	{ STORE_ACT_NOTHING, "left as they are" },	/* and all other results */
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

struct bulk {
	const struct act *act;
	const struct store_filter *filter;
	unsigned how;
	const struct names *named;	/* ids; NULL: whatever matches the filter */
	size_t at;			/* the next of those */
	int64_t now_ms;			/* when it began: what was retried since is not met again */
	struct store_walk walk;
	char ids[BATCH][UUID7_SIZE];
	struct store_act_out outs[BATCH];
	size_t count;
	int64_t changed;		/* events */
	int64_t deliveries;		/* of theirs */
	int64_t left[KINDS];		/* events */
	int status;			/* the first that applies so far */
};

static void
forget_batch(struct bulk *bulk)
{
	for (size_t i = 0; i < bulk->count; i++)
		free(bulk->outs[i].detail);
	bulk->count = 0;
}

/* The next batch. */
static int
run_batch(struct store *store, struct bulk *bulk)
{
	size_t found = 1;

	forget_batch(bulk);
	if (bulk->named != NULL)
		strcpy(bulk->ids[0], bulk->named->list[bulk->at]);
	else if (store_find(store, bulk->act->action, bulk->filter,
	    bulk->now_ms, &bulk->walk, bulk->ids, BATCH, &found) == -1)
		return -1;
	for (; bulk->count < found; bulk->count++)
		if (store_act(store, bulk->act->action,
		    bulk->ids[bulk->count], bulk->filter->destination,
		    bulk->how, bulk->now_ms, &bulk->outs[bulk->count]) == -1)
			return -1;
	return 0;
}

/* Why the event ${id} was left as it is; of one that was named, with what helps. */
static int
say_left(const struct bulk *bulk, const char *id, const struct store_act_out *out)
{
	const char *verb = bulk->act->verb, *destination = bulk->filter->destination;
	bool named = bulk->named != NULL;

	switch (out->result) {
	case STORE_ACT_SUPERSEDED:
		return print_fail(EXIT_NO, "%s %s: %ssuperseded by %s, which was "
		    "delivered%s", verb, id,
		    named && out->changed > 0 ? "elsewhere " : "", out->other,
		    named ? "; --force sends it all the same" : "");
	case STORE_ACT_SENDING:
		return print_fail(EXIT_NO, "%s %s: it, or a newer event of its "
		    "lead, is being sent just now%s", verb, id,
		    named ? "; try again in a moment" : "");
	case STORE_ACT_NOT_FOUND:
		if (named)
			return print_fail(EXIT_NOINPUT, "%s %s: no such event%s%s",
			    verb, id, destination != NULL ?
			    ", or no delivery of it to " : "",
			    destination != NULL ? destination : "");
		/* FALLTHROUGH */
	default:
		return print_fail(EXIT_NO, "%s %s: unchanged: %s", verb, id,
		    out->detail != NULL ? out->detail : bulk->act->cannot);
	}
}

/* Count an event, and name it where a person wants to know which. */
static void
report_one(struct bulk *bulk, const char *id, const struct store_act_out *out)
{
	bool dry_run = bulk->how & STORE_DRY_RUN, named = bulk->named != NULL;
	size_t kind = 0;

	if (out->changed > 0) {
		bulk->deliveries += out->changed;
		bulk->changed++;
		if (named || (dry_run && bulk->changed <= NAMED_MAX)) {
			printf("%s %s", id, dry_run ? bulk->act->would :
			    bulk->act->done);
			if (named && out->changed > 1)
				printf(" (%d deliveries)", out->changed);
			putchar('\n');
		}
	}
	if (out->result == STORE_ACT_DONE)
		return;
	while (kind < KINDS - 1 && kinds[kind].result != out->result)
		kind++;
	if (++bulk->left[kind] <= NAMED_MAX || named)
		bulk->status = setup_first(bulk->status, say_left(bulk, id, out));
}

/* Leave the store to others for as long as it was ours. */
static void
rest(int64_t took_ms)
{
	int64_t ms = took_ms < REST_MIN_MS ? REST_MIN_MS :
	    took_ms > REST_MAX_MS ? REST_MAX_MS : took_ms;
	const struct timespec pause = { .tv_nsec = ms * 1000000 };

	(void)nanosleep(&pause, NULL);
}

static bool
is_over(const struct bulk *bulk)
{
	return bulk->named != NULL ? bulk->at == bulk->named->count :
	    bulk->walk.ended;
}

static int
run_all(struct bulk *bulk, struct setup *setup)
{
	struct store_fault fault = { 0 };
	struct store *store;
	int64_t start_ms;

	while (!is_over(bulk)) {
		start_ms = clock_mono_ms();
		if ((store = outbox_begin(setup->outbox, &fault)) == NULL ||
		    outbox_end(setup->outbox, run_batch(store, bulk), &fault) ==
		    -1)
			return setup_store_failed(setup->config, &fault);
		bulk->at++;
		for (size_t i = 0; i < bulk->count; i++)
			report_one(bulk, bulk->ids[i], &bulk->outs[i]);
		if (bulk->how & STORE_DRY_RUN || bulk->count == 0)
			continue;
		outbox_wake(setup->outbox);
		if (!is_over(bulk))
			rest(clock_mono_ms() - start_ms);
	}
	return EXIT_DONE;
}

static void
summarise(const struct bulk *bulk)
{
	bool dry_run = bulk->how & STORE_DRY_RUN;

	if (dry_run && bulk->changed > NAMED_MAX)
		printf("... and %" PRId64 " more\n", bulk->changed - NAMED_MAX);
	printf("%" PRId64 " %s %s", bulk->changed,
	    bulk->changed == 1 ? "event" : "events",
	    dry_run ? bulk->act->would : bulk->act->done);
	if (bulk->deliveries > bulk->changed)
		printf(" (%" PRId64 " deliveries)", bulk->deliveries);
	putchar('\n');
	for (size_t i = 0; i < KINDS; i++)
		if (bulk->left[i] > 0)
			print_fail(EXIT_NO, "%s: %" PRId64 " %s",
			    bulk->act->verb, bulk->left[i], kinds[i].words);
}

int
bulk_act(struct setup *setup, const struct act *act,
    const struct store_filter *filter, const struct names *named, unsigned how)
{
	struct bulk *bulk;
	int status;

	if ((bulk = calloc(1, sizeof(*bulk))) == NULL)
		return print_fail(EXIT_SOFTWARE, "out of memory");
	bulk->act = act;
	bulk->filter = filter;
	bulk->named = named;
	bulk->how = how;
	bulk->now_ms = clock_wall_ms();
	status = run_all(bulk, setup);
	status = setup_first(status, bulk->status);
	if (named == NULL)
		summarise(bulk);
	forget_batch(bulk);
	free(bulk);
	return status;
}
