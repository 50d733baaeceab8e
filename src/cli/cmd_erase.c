/*
 * erase: which leads, then their events' ids, then one event after the other in a
 * transaction of its own, and the store's log last.
 */
#include "cli/cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <json-c/json.h>

#include "base/exits.h"
#include "cli/print.h"
#include "cli/reply.h"
#include "cli/scope.h"
#include "cli/setup.h"

#define BATCH 500			/* payloads looked at in one transaction */

struct erase {
	struct setup *setup;
	struct scope scope;
	struct store_filter filter;	/* lead and source that were asked for */
	const char *email;		/* NULL: by lead */
	struct names sources, keys;	/* of the leads whose events are to go */
	struct names ids;		/* of all events of the leads */
	size_t undelivered;		/* deliveries, and held events */
	bool oom;
};

static void
add_lead(struct erase *erase, const char *source, const char *key)
{
	for (size_t i = 0; i < erase->keys.count; i++)
		if (strcmp(erase->keys.list[i], key) == 0 &&
		    strcmp(erase->sources.list[i], source) == 0)
			return;
	names_add(&erase->sources, source);
	if (!erase->sources.oom)
		names_add(&erase->keys, key);
	erase->oom |= erase->sources.oom || erase->keys.oom;
}

/* --- by address --- */

static bool
holds(const char *text, size_t len, const char *word)
{
	size_t word_len = strlen(word);

	for (size_t i = 0; i + word_len <= len; i++)
		if (strncasecmp(text + i, word, word_len) == 0)
			return true;
	return false;
}

/* Is it about the address?  What is no JSON is searched as it is. */
static void
match_payload(void *arg, const struct store_event *e)
{
	struct erase *erase = arg;
	struct json_object *root, *data;
	const char *email;
	char *text;
	bool found;

	if (erase->filter.source != NULL &&
	    strcmp(erase->filter.source, e->source) != 0)
		return;
	if (erase->oom || (text = strndup(e->payload != NULL ? e->payload : "",
	    e->payload_len)) == NULL) {
		erase->oom = true;
		return;
	}
	root = json_tokener_parse(text);
	if (json_object_object_get_ex(root, "data", &data) &&
	    json_object_is_type(data, json_type_object)) {
		email = reply_string(data, "email");
		found = email != NULL && strcasecmp(email, erase->email) == 0;
	} else {
		found = e->payload != NULL &&
		    holds(e->payload, e->payload_len, erase->email);
	}
	if (found)
		add_lead(erase, e->source, e->lead);
	json_object_put(root);
	free(text);
}

static int
find_by_email(struct erase *erase, struct store_fault *fault)
{
	struct outbox *ob = erase->setup->outbox;
	struct store_walk walk = { 0 };
	struct store *store;

	while (!walk.ended && !erase->oom)
		if ((store = outbox_begin(ob, fault)) == NULL ||
		    outbox_end(ob, store_payloads(store, &walk, BATCH,
		    match_payload, erase), fault) == -1)
			return -1;
	return 0;
}

/* --- what there is --- */

static void
say_undelivered(struct erase *erase, const struct store_row *row)
{
	struct buf line = { 0 };

	buf_printf(&line, "undelivered: %s %s ", row->id, row->source);
	print_string(&line, row->lead);
	buf_printf(&line, " %s", delivery_state_name(row->state));
	if (row->destination != NULL)
		buf_printf(&line, " to %s", row->destination);
	erase->oom |= !print_line(&line);
}

static void
say_lead(struct erase *erase, size_t at, size_t events)
{
	struct buf line = { 0 };

	buf_puts(&line, "lead ");
	print_string(&line, erase->keys.list[at]);
	buf_printf(&line, " of source %s: %zu %s", erase->sources.list[at],
	    events, events == 1 ? "event" : "events");
	erase->oom |= !print_line(&line);
}

static void
keep_row(void *arg, const struct store_row *row)
{
	static const unsigned undelivered = 1u << DELIVERY_WAITING |
	    1u << DELIVERY_SENDING | 1u << DELIVERY_DEAD | 1u << DELIVERY_HELD;
	struct erase *erase = arg;
	struct names *ids = &erase->ids;

	if (undelivered & 1u << row->state) {
		erase->undelivered++;
		say_undelivered(erase, row);
	}
	/* An event's rows come one after the other. */
	if (ids->count == 0 || strcmp(ids->list[ids->count - 1], row->id) != 0)
		names_add(ids, row->id);
	erase->oom |= ids->oom;
}

static int
list_leads(struct erase *erase, struct store_fault *fault)
{
	struct outbox *ob = erase->setup->outbox;
	struct store_filter filter = { .state = -1 };
	struct store *store;
	size_t before;

	for (size_t i = 0; i < erase->keys.count && !erase->oom; i++) {
		filter.lead = erase->keys.list[i];
		filter.source = erase->sources.list[i];
		before = erase->ids.count;
		if ((store = outbox_begin(ob, fault)) == NULL ||
		    outbox_end(ob, store_list(store, &filter, keep_row, erase),
		    fault) == -1)
			return -1;
		if (erase->ids.count > before)
			say_lead(erase, i, erase->ids.count - before);
	}
	return 0;
}

/* --- erasing --- */

/* Oldest first, as they were listed the other way round.  EXIT_NO: some stay. */
static int
erase_all(struct erase *erase, struct store_fault *fault)
{
	struct outbox *ob = erase->setup->outbox;
	enum store_act_result result;
	struct store *store;
	size_t erased = 0;
	int status = EXIT_DONE;

	for (size_t i = erase->ids.count; i-- > 0;) {
		if ((store = outbox_begin(ob, fault)) == NULL ||
		    outbox_end(ob, store_erase(store, erase->ids.list[i],
		    &result), fault) == -1)
			return setup_store_failed(erase->setup->config, fault);
		erased += result == STORE_ACT_DONE;
		if (result != STORE_ACT_SENDING)
			continue;
		status = print_fail(EXIT_NO, "erase: %s is being sent just now; "
		    "try again in a moment", erase->ids.list[i]);
	}
	outbox_wake(ob);
	if (outbox_erase_log(ob, fault) == -1) {
		print_fail(EXIT_NO, "erase: traces are still in the outbox's log; "
		    "a running worker removes them when nobody reads it, or run "
		    "this again");
		return setup_store_failed(erase->setup->config, fault);
	}
	printf("%zu %s erased\n", erased, erased == 1 ? "event" : "events");
	return status;
}

/* The lead that was named, if it is there.  It must be but one. */
static int
find_by_lead(struct erase *erase)
{
	int status;

	if (erase->scope.of_lead.count == 0)
		return EXIT_DONE;
	status = scope_one_lead(&erase->scope, &erase->filter);
	if (status == EXIT_DONE)
		add_lead(erase, erase->filter.source, erase->filter.lead);
	return status;
}

static int
run(struct erase *erase, const struct args *args)
{
	struct store_fault fault = { 0 };
	int status;

	if ((status = scope_open(&erase->scope, erase->setup, args,
	    &erase->filter)) != EXIT_DONE)
		return status;
	if (erase->email != NULL) {
		if (find_by_email(erase, &fault) == -1)
			return setup_store_failed(erase->setup->config, &fault);
	} else if ((status = find_by_lead(erase)) != EXIT_DONE) {
		return status;
	}
	if (list_leads(erase, &fault) == -1)
		return setup_store_failed(erase->setup->config, &fault);
	if (erase->oom)
		return print_fail(EXIT_SOFTWARE, "out of memory");
	if (args_flag(args, "yes") && erase->ids.count > 0)
		return erase_all(erase, &fault);
	/* An earlier run may have been cut off before this. */
	if (args_flag(args, "yes") &&
	    outbox_erase_log(erase->setup->outbox, &fault) == -1)
		return setup_store_failed(erase->setup->config, &fault);
	if (erase->ids.count == 0)
		return print_fail(EXIT_NOINPUT,
		    "erase: nothing in the outbox is about that");
	printf("%zu %s, %zu undelivered\n", erase->ids.count, erase->ids.count == 1 ?
	    "event" : "events", erase->undelivered);
	return print_fail(EXIT_DONE, "erase: nothing was erased; --yes does it");
}

int
cmd_erase(const struct args *args, struct setup *setup)
{
	struct erase erase = {
		.setup = setup,
		.filter = {
			.lead = args_value(args, "lead"),
			.source = args_value(args, "source")
		},
		.email = args_value(args, "email")
	};
	int status;

	if ((erase.email == NULL) == (erase.filter.lead == NULL) ||
	    (erase.email != NULL && *erase.email == '\0'))
		return print_fail(EXIT_USAGE,
		    "erase: either --lead ID or --email ADDRESS");
	status = setup_outbox(setup, args, args_flag(args, "yes") ?
	    OUTBOX_COMMAND : OUTBOX_READ);
	if (status == EXIT_DONE)
		status = run(&erase, args);
	names_free(&erase.sources);
	names_free(&erase.keys);
	names_free(&erase.ids);
	scope_free(&erase.scope);
	return status;
}
