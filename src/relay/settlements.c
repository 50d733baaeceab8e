/*
 * Outcomes are collected (first..last), moved into one batch, and written in one
 * transaction; a batch that failed is written again as it is, since settling twice does
 * no harm.  Nothing is let go of before it is on disk.
 */
#include "relay/settlements.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "relay/moments.h"

#define RETRY_MS 1000
#define PATIENCE_MS 5

/* One outcome with all it points to behind it. */
struct settlement {
	struct settlement *next;
	struct delivery_outcome outcome;
	char text[];
};

void
settlements_init(struct settlements *s, struct mailbox *box, const char *destination)
{
	memset(s, 0, sizeof(*s));
	s->box = box;
	s->destination = destination;
	s->last = &s->first;
}

static void
free_list(struct settlement *list)
{
	struct settlement *next;

	for (; list != NULL; list = next) {
		next = list->next;
		free(list);
	}
}

void
settlements_destroy(struct settlements *s)
{
	free_list(s->first);
	free_list(s->batch);
	free(s->state.pause_reason);
}

/* Copy ${len} bytes and a NUL to *at and move it on; NULL stays NULL. */
static const char *
keep(char **at, const char *bytes, size_t len)
{
	char *copy = *at;

	if (bytes == NULL)
		return NULL;
	memcpy(copy, bytes, len);
	copy[len] = '\0';
	*at += len + 1;
	return copy;
}

static size_t
length(const char *str)
{
	return str != NULL ? strlen(str) : 0;
}

int
settlements_add(struct settlements *s, const struct delivery_outcome *outcome)
{
	size_t answer = outcome->answer != NULL ? outcome->answer_len : 0;
	struct settlement *one;
	char *at;

	one = malloc(sizeof(*one) + length(outcome->error) + answer +
	    length(outcome->record) + length(outcome->reason) + 4);
	if (one == NULL) {
		log_err("destination %s: out of memory: an outcome is not recorded",
		    s->destination);
		return -1;
	}
	at = one->text;
	one->next = NULL;
	one->outcome = *outcome;
	one->outcome.error = keep(&at, outcome->error, length(outcome->error));
	one->outcome.answer = keep(&at, outcome->answer, answer);
	one->outcome.record = keep(&at, outcome->record, length(outcome->record));
	one->outcome.reason = keep(&at, outcome->reason, length(outcome->reason));
	*s->last = one;
	s->last = &one->next;
	s->count++;
	return 0;
}

static int
settle_run(struct store *store, struct mailbox_job *job)
{
	struct settlements *s = (struct settlements *)((char *)job - offsetof(struct settlements, job));

	if (s->batch_count != 0 && store_settle(store, s->outcomes,
	    s->batch_count, s->now_ms) == -1)
		return -1;
	return s->save ? store_save_state(store, &s->state) : 0;
}

static void
settle_finish(struct mailbox_job *job, const struct store_fault *fault)
{
	struct settlements *s = (struct settlements *)((char *)job - offsetof(struct settlements, job));

	s->busy = false;
	if (fault != NULL) {
		/* The same batch again: settling twice does no harm. */
		s->again_ms = clock_steady_ms() + RETRY_MS;
		if (!s->failing)
			log_err("destination %s: outcomes cannot be written, "
			    "trying again every second: %s", s->destination, fault->text);
		s->failing = true;
		return;
	}
	if (s->failing)
		log_info("destination %s: outcomes are written again", s->destination);
	s->failing = false;
	s->again_ms = 0;
	for (size_t i = 0; i < s->batch_count; i++) {
		outbox_let_go(s->box->outbox, &s->outcomes[i].ticket);
		s->due |= s->outcomes[i].state == DELIVERY_WAITING &&
		    s->outcomes[i].due_ms <= s->now_ms;
	}
	free_list(s->batch);
	s->batch = NULL;
	s->count -= s->batch_count;
	s->batch_count = 0;
	s->save = false;
}

/* Move what was collected into the batch, as far as it fits: due by the wall clock. */
static void
fill_batch(struct settlements *s, int64_t skew_ms)
{
	struct settlement **end = &s->batch;

	while (s->first != NULL && s->batch_count < SETTLEMENTS_BATCH) {
		*end = s->first;
		s->first = s->first->next;
		(*end)->next = NULL;
		s->outcomes[s->batch_count] = (*end)->outcome;
		s->outcomes[s->batch_count++].due_ms += skew_ms;
		end = &(*end)->next;
	}
	if (s->first == NULL)
		s->last = &s->first;
}

bool
settlements_step(struct settlements *s, const struct destination_state *state,
    bool *changed, bool hurry, int64_t now_ms, int64_t wall_ms)
{
	int64_t skew = wall_ms - clock_steady_ms();

	if (s->busy || (s->failing && now_ms < s->again_ms) ||
	    (s->count == 0 && !s->save && !*changed))
		return false;
	if (s->patient_ms == 0)
		s->patient_ms = now_ms + PATIENCE_MS;
	if (!hurry && s->count < SETTLEMENTS_BATCH && now_ms < s->patient_ms)
		return false;
	if (s->batch == NULL)
		fill_batch(s, skew);
	if (*changed) {
		free(s->state.pause_reason);
		s->state = *state;
		moments_go_out(&s->state, skew);
		if (state->pause_reason != NULL)
			s->state.pause_reason = strdup(state->pause_reason);
		s->save = true;
		*changed = false;
	}
	s->patient_ms = 0;
	s->now_ms = wall_ms;
	s->job.run = settle_run;
	s->job.finish = settle_finish;
	s->busy = true;
	mailbox_submit(s->box, &s->job);
	return true;
}

int64_t
settlements_wake_ms(const struct settlements *s)
{
	if (s->busy)
		return INT64_MAX;
	if (s->failing)
		return s->again_ms;
	return s->patient_ms != 0 ? s->patient_ms : INT64_MAX;
}

size_t
settlements_pending(const struct settlements *s)
{
	return s->count + (s->save ? 1 : 0);
}
