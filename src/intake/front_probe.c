/*
 * Read like an event, answered like one, and nothing is kept.
 */
#include "config.h"

#include "intake/front_probe.h"

#include <string.h>

#include <json-c/json.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "lead/lead.h"
#include "outbox/outbox.h"

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
front_probe_read(const struct lead *lead, struct front_probe *probe)
{
	struct json_object *asked;

	/* An event has one of the two, so this is all it costs. */
	if (lead->event[0] != '\0' || lead->data != NULL)
		return false;
	if (!json_object_object_get_ex(lead->root, "leadrelay_probe", &asked) ||
	    json_object_object_get_ex(lead->root, "event", NULL) ||
	    json_object_object_get_ex(lead->root, "data", NULL))
		return false;
	probe->store = asks_for(asked, "store");
	probe->destinations = asks_for(asked, "destinations");
	return true;
}

const char *
front_probe_word(const struct store_fault *fault)
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

void
front_probe_answer(struct receiver *rx, struct config *config,
    const struct front_probe *probe, const char *store, struct answer *answer)
{
	struct buf *out = &answer->body;
	char clock[TEXT_TIME_SIZE];

	answer_begin(answer, 200, "application/json");
	buf_puts(out, "{\"status\":\"probe\",\"version\":\"" PACKAGE_VERSION "\"");
	add_string(out, "source", probe->source);
	buf_printf(out, ",\"bytes\":%zu", probe->token_len);
	add_string(out, "variable", probe->variable);
	add_string(out, "clock", text_format_time(clock_wall_ms(), clock));
	if (store != NULL)
		add_string(out, "store", store);
	if (probe->destinations && rx->reach != NULL) {
		buf_puts(out, ",\"destinations\":");
		rx->reach(rx->owner, config, probe->fresh, out);
	}
	buf_puts(out, "}");
	log_kv(LOG_LV_INFO, "probe", "s:source", probe->source,
	    "d:status", 200LL, "d:bytes", (long long)probe->token_len,
	    "s:store", store, NULL);
}
