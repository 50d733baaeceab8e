#include "config.h"

#include "intake/front_probe.h"

#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "intake/problem.h"
#include "intake/snapshot.h"
#include "lead/lead.h"
#include "outbox/outbox.h"

/* A probe whose turn at the store it is. */
struct probe {
	struct outbox_job job;		/* first: a job is its probe */
	struct receiver *rx;
	struct request *rq;
	struct front_probe_in in;
};

static bool
asks_for(struct json_object *probe, const char *what)
{
	struct json_object *item;
	size_t count;

	if (!json_object_is_type(probe, json_type_array))
		return true;
	count = json_object_array_length(probe);
	for (size_t i = 0; i < count; i++) {
		item = json_object_array_get_idx(probe, i);
		if (json_object_is_type(item, json_type_string) &&
		    strcmp(json_object_get_string(item), what) == 0)
			return true;
	}
	return false;
}

bool
front_probe_read(const struct lead *lead, struct front_probe_in *in)
{
	struct json_object *probe;

	/* An event has one of the two, so this is all it costs. */
	if (lead->event[0] != '\0' || lead->data != NULL)
		return false;
	if (!json_object_object_get_ex(lead->root, "leadrelay_probe", &probe) ||
	    json_object_object_get_ex(lead->root, "event", NULL) ||
	    json_object_object_get_ex(lead->root, "data", NULL))
		return false;
	in->store = asks_for(probe, "store");
	in->destinations = asks_for(probe, "destinations");
	return true;
}

/* How the store does, in a word that names no file. */
static const char *
store_word(const struct store_fault *fault)
{
	static const char *const words[] = {
		[STORE_FAULT_NONE] = "ok",
		[STORE_FAULT_ABSENT] = "absent",
		[STORE_FAULT_CANTCREAT] = "cannot be created",
		[STORE_FAULT_BUSY] = "locked by another process",
		[STORE_FAULT_FULL] = "no space",
		[STORE_FAULT_IO] = "cannot be read or written",
		[STORE_FAULT_CORRUPT] = "damaged",
		[STORE_FAULT_VERSION] = "made by another version",
		[STORE_FAULT_OLDER] = "made by another version",
		[STORE_FAULT_MEMORY] = "out of memory",
		[STORE_FAULT_FENCED] = "taken over by another relay",
	};

	return words[fault != NULL ? fault->kind : STORE_FAULT_NONE];
}

static void
add_string(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, ",\"%s\":", name);
	buf_json(out, value, strlen(value));
}

/* ${store}: how it does; NULL: that was not asked for. */
static void
finish(struct probe *probe, const char *store)
{
	struct receiver *rx = probe->rx;
	struct request *rq = probe->rq;
	struct answer *answer = &rq->answer;
	char clock[TEXT_TIME_SIZE];

	answer_begin(answer, 200, "application/json");
	buf_puts(&answer->body, "{\"status\":\"probe\",\"version\":\""
	    PACKAGE_VERSION "\"");
	add_string(&answer->body, "source", probe->in.source);
	buf_printf(&answer->body, ",\"bytes\":%zu", probe->in.token_len);
	add_string(&answer->body, "variable", probe->in.variable);
	add_string(&answer->body, "clock",
	    text_format_time(clock_wall_ms(), clock));
	if (store != NULL)
		add_string(&answer->body, "store", store);
	if (probe->in.destinations && rx->reach != NULL) {
		buf_puts(&answer->body, ",\"destinations\":");
		rx->reach(rx->owner, probe->in.snapshot->config, probe->in.fresh,
		    &answer->body);
	}
	buf_puts(&answer->body, "}");
	log_kv(LOG_LV_INFO, "probe", "s:source", probe->in.source,
	    "d:status", 200LL, "d:bytes", (long long)probe->in.token_len,
	    "s:store", store, NULL);
	snapshot_release(probe->in.snapshot);
	free(probe);
	rq->respond(rq);
}

static int
job_run(struct store *store, struct outbox_job *job)
{
	(void)job;
	return store->ops->try_write(store);
}

static void
job_done(struct outbox_job *job, const struct store_fault *fault)
{
	finish((struct probe *)job, store_word(fault));
}

void
front_probe_start(struct receiver *rx, struct request *rq, const struct front_probe_in *in)
{
	struct outbox *outbox;
	struct probe *probe;

	if ((probe = calloc(1, sizeof(*probe))) == NULL) {
		snapshot_release(in->snapshot);
		problem_respond(rq, PROBLEM_UNAVAILABLE);
		return;
	}
	probe->rx = rx;
	probe->rq = rq;
	probe->in = *in;
	if (!in->store) {
		finish(probe, NULL);
		return;
	}
	if ((outbox = rx->outbox(rx->owner)) == NULL) {
		finish(probe, "not open");
		return;
	}
	probe->job.run = job_run;
	probe->job.done = job_done;
	outbox_submit(outbox, &probe->job);
}
