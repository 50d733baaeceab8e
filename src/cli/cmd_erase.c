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

/* A lead whose events are to go. */
struct erase_lead {
	char *source;
	char *key;
};

struct erase {
	struct setup setup;
	struct scope scope;
	struct store_filter filter;	/* lead and source that were asked for */
	const char *email;		/* NULL: by lead */
	struct erase_lead *leads;
	size_t lead_count;
	const struct erase_lead *lead;	/* the one being listed */
	char (*ids)[UUID7_SIZE];	/* of all events of the leads */
	size_t id_count;
	size_t at;			/* the one being erased */
	enum store_act_result result;
	size_t undelivered;		/* deliveries, and held events */
	struct store_walk done, walk;
	struct buf line;
	bool oom;
};

/* Room for one more in an array of ${count}; NULL: out of memory, noted. */
static void *
more(struct erase *erase, void *array, size_t count, size_t size)
{
	void *grown = realloc(array, (count + 1) * size);

	if (grown == NULL)
		erase->oom = true;
	return grown;
}

static void
add_lead(struct erase *erase, const char *source, const char *key)
{
	struct erase_lead *leads, *lead;

	for (size_t i = 0; i < erase->lead_count; i++)
		if (strcmp(erase->leads[i].key, key) == 0 &&
		    strcmp(erase->leads[i].source, source) == 0)
			return;
	leads = more(erase, erase->leads, erase->lead_count, sizeof(*leads));
	if (leads == NULL)
		return;
	erase->leads = leads;
	lead = &leads[erase->lead_count++];
	lead->source = strdup(source);
	lead->key = strdup(key);
	if (lead->key == NULL || lead->source == NULL)
		erase->oom = true;
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
		found = holds(text, e->payload_len, erase->email);
	}
	if (found)
		add_lead(erase, e->source, e->lead);
	json_object_put(root);
	free(text);
}

/* It may be run twice: a lead that is known is not added again. */
static int
match_batch(struct store *store, void *arg)
{
	struct erase *erase = arg;

	erase->walk = erase->done;
	return store->ops->payloads(store, &erase->walk, BATCH, match_payload,
	    erase);
}

static int
find_by_email(struct erase *erase, struct store_fault *fault)
{
	while (!erase->done.ended && !erase->oom) {
		if (outbox_run(erase->setup.outbox, match_batch, erase,
		    fault) == -1)
			return -1;
		erase->done = erase->walk;
	}
	return 0;
}

/* --- what there is --- */

static void
say_undelivered(struct erase *erase, const struct store_row *row)
{
	struct buf *line = &erase->line;

	buf_printf(line, "undelivered: %s %s ", row->id, row->source);
	print_text(line, row->lead, strlen(row->lead));
	buf_printf(line, " %s", delivery_state_name(row->state));
	if (row->destination != NULL)
		buf_printf(line, " to %s", row->destination);
	buf_putc(line, '\n');
	if (!print_flush(line))
		erase->oom = true;
}

static void
say_lead(struct erase *erase, size_t events)
{
	const struct erase_lead *lead = erase->lead;
	struct buf *line = &erase->line;

	buf_puts(line, "lead ");
	print_text(line, lead->key, strlen(lead->key));
	buf_printf(line, " of source %s: %zu %s\n", lead->source, events,
	    events == 1 ? "event" : "events");
	if (!print_flush(line))
		erase->oom = true;
}

static void
keep_row(void *arg, const struct store_row *row)
{
	static const unsigned undelivered = 1u << DELIVERY_WAITING |
	    1u << DELIVERY_SENDING | 1u << DELIVERY_DEAD | 1u << DELIVERY_HELD;
	struct erase *erase = arg;
	char (*ids)[UUID7_SIZE];

	if (undelivered & 1u << row->state) {
		erase->undelivered++;
		say_undelivered(erase, row);
	}
	/* An event's rows come one after the other. */
	if (erase->id_count > 0 &&
	    strcmp(erase->ids[erase->id_count - 1], row->id) == 0)
		return;
	ids = more(erase, erase->ids, erase->id_count, sizeof(*ids));
	if (ids == NULL)
		return;
	erase->ids = ids;
	snprintf(ids[erase->id_count++], sizeof(*ids), "%s", row->id);
}

static int
list_lead(struct store *store, void *arg)
{
	struct erase *erase = arg;
	const struct store_filter filter = {
		.state = -1, .lead = erase->lead->key,
		.source = erase->lead->source
	};

	return store->ops->list(store, &filter, keep_row, erase);
}

static int
list_leads(struct erase *erase, struct store_fault *fault)
{
	size_t before;

	for (size_t i = 0; i < erase->lead_count && !erase->oom; i++) {
		erase->lead = &erase->leads[i];
		before = erase->id_count;
		if (outbox_run(erase->setup.outbox, list_lead, erase,
		    fault) == -1)
			return -1;
		if (erase->id_count > before)
			say_lead(erase, erase->id_count - before);
	}
	return 0;
}

/* --- erasing --- */

static int
erase_one(struct store *store, void *arg)
{
	struct erase *erase = arg;

	return store->ops->erase(store, erase->ids[erase->at], &erase->result);
}

/* Oldest first, as they were listed the other way round.  EXIT_NO: some stay. */
static int
erase_all(struct erase *erase, struct store_fault *fault)
{
	size_t erased = 0;
	int status = EXIT_DONE;

	for (erase->at = erase->id_count; erase->at-- > 0;) {
		if (outbox_run(erase->setup.outbox, erase_one, erase,
		    fault) == -1)
			return setup_store_failed(erase->setup.config, fault);
		erased += erase->result == STORE_ACT_DONE;
		if (erase->result != STORE_ACT_SENDING)
			continue;
		fprintf(stderr, "leadrelay: erase: %s is being sent just now; "
		    "try again in a moment\n", erase->ids[erase->at]);
		status = EXIT_NO;
	}
	outbox_wake(erase->setup.outbox);
	if (outbox_erase_log(erase->setup.outbox, fault) == -1) {
		fputs("leadrelay: erase: traces are still in the outbox's log; "
		    "a running worker removes them when nobody reads it, or run "
		    "this again\n", stderr);
		return setup_store_failed(erase->setup.config, fault);
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

	if ((status = scope_open(&erase->scope, &erase->setup, args,
	    &erase->filter)) != EXIT_DONE)
		return status;
	if (erase->email != NULL) {
		if (find_by_email(erase, &fault) == -1)
			return setup_store_failed(erase->setup.config, &fault);
	} else if ((status = find_by_lead(erase)) != EXIT_DONE) {
		return status;
	}
	if (list_leads(erase, &fault) == -1)
		return setup_store_failed(erase->setup.config, &fault);
	if (erase->oom) {
		fputs("leadrelay: out of memory\n", stderr);
		return EXIT_SOFTWARE;
	}
	if (args_flag(args, "yes") && erase->id_count > 0)
		return erase_all(erase, &fault);
	if (args_flag(args, "yes")) {
		/* An earlier run may have been cut off before this. */
		if (outbox_erase_log(erase->setup.outbox, &fault) == -1)
			return setup_store_failed(erase->setup.config, &fault);
	}
	if (erase->id_count == 0) {
		fputs("leadrelay: erase: nothing in the outbox is about that\n",
		    stderr);
		return EXIT_NOINPUT;
	}
	printf("%zu %s, %zu undelivered\n", erase->id_count, erase->id_count == 1 ?
	    "event" : "events", erase->undelivered);
	fputs("leadrelay: erase: nothing was erased; --yes does it\n", stderr);
	return EXIT_DONE;
}

static void
erase_free(struct erase *erase)
{
	for (size_t i = 0; i < erase->lead_count; i++) {
		free(erase->leads[i].source);
		free(erase->leads[i].key);
	}
	free(erase->leads);
	free(erase->ids);
	buf_free(&erase->line);
	scope_free(&erase->scope);
	setup_free(&erase->setup);
}

int
cmd_erase(const struct args *args)
{
	struct erase erase = {
		.filter = {
			.lead = args_value(args, "lead"),
			.source = args_value(args, "source")
		},
		.email = args_value(args, "email")
	};
	int status;

	if ((erase.email == NULL) == (erase.filter.lead == NULL) ||
	    (erase.email != NULL && *erase.email == '\0')) {
		fputs("leadrelay: erase: either --lead ID or --email ADDRESS\n",
		    stderr);
		return EXIT_USAGE;
	}
	status = setup_outbox(&erase.setup, args, args_flag(args, "yes") ?
	    OUTBOX_COMMAND : OUTBOX_READ);
	if (status == EXIT_DONE)
		status = run(&erase, args);
	erase_free(&erase);
	return status;
}
