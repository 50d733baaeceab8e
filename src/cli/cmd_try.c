/* try: the verdict on a payload, then each destination's request as dry_run makes it. */
#include "cli/cmd_try.h"

#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "base/clock.h"
#include "base/exits.h"
#include "base/uuid7.h"
#include "cli/cmd.h"
#include "cli/input.h"
#include "cli/object.h"
#include "cli/print.h"
#include "cli/reply.h"
#include "lead/lead.h"
#include "outbox/event.h"
#include "outbox/owner.h"
#include "relay/dry_run.h"

#define DIFF_MAX 10000

/* --- the verdict ---------------------------------------------------------- */

static void
show_verdict(struct try *try, const struct config_source *source,
    const struct lead *lead, const char *unreadable, size_t broken,
    const struct buf *errors)
{
	struct json_object *list = json_tokener_parse(errors->data != NULL ?
	    errors->data : "[]");
	struct buf out = { 0 };

	if (try->json) {
		object_open(&out);
		object_bool(&out, "valid", unreadable == NULL && broken == 0);
		object_string(&out, "source", source->name);
		object_string(&out, "event", lead->event);
		object_string(&out, "lead", lead->key);
		object_string(&out, "unreadable", unreadable);
		object_json(&out, "errors", errors->data, errors->len);
		(void)object_end(&out);
	} else if (unreadable != NULL) {
		buf_printf(&out, "no lead: %s\n", unreadable);
	} else {
		buf_printf(&out, "lead %s", lead->key);
		buf_printf(&out, "%s%s: ", lead->event[0] != '\0' ? ", " : "",
		    lead->event);
		if (broken == 0)
			buf_puts(&out, "keeps LeadPro's rules\n");
		else
			buf_printf(&out, "breaks %zu of LeadPro's rules; %s\n", broken,
			    source->invalid == CONFIG_INVALID_HOLD ?
			    "it would be held, and go out so when it is released:" :
			    "it would be relayed all the same (invalid = relay):");
		reply_errors(&out, list, "  ", "  ");
	}
	(void)print_flush(&out);
	buf_free(&out);
	json_object_put(list);
}

/* --- requests ------------------------------------------------------------- */

/* Put the header line ${index} into ${line}, as it may be shown; false: there are no more. */
static bool
read_header(const struct try *try, const struct config_destination *config,
    const struct http_request *rq, size_t index, struct buf *line)
{
	bool credential = index - rq->secret_first < rq->secret_count;
	const char *header;

	buf_reset(line);
	if (index == rq->header_count && config->oauth_token_url != NULL)
		buf_printf(line, "Authorization: %s ...", config->oauth_scheme);
	if (index >= rq->header_count)
		return line->len > 0;
	header = rq->headers[index];
	if (try->show_secrets || index < rq->secret_first ||
	    (!credential && !config_header_tells(header)))
		buf_puts(line, header);
	else
		buf_printf(line, "%.*s: ...", (int)strcspn(header, ":"), header);
	return true;
}

static void
add_url(const struct try *try, const char *url, struct buf *out)
{
	if (try->show_secrets)
		buf_puts(out, url);
	else
		config_mask_url(url, out);
}

static void
add_request_text(const struct try *try, const struct config_destination *config,
    const struct http_request *rq, struct buf *out)
{
	struct buf line = { 0 };

	buf_printf(out, "\n%s ", rq->method);
	add_url(try, rq->url, &line);
	print_text(out, line.data, line.len);
	buf_putc(out, '\n');
	for (size_t i = 0; read_header(try, config, rq, i, &line); i++) {
		print_text(out, line.data, line.len);
		buf_putc(out, '\n');
	}
	buf_putc(out, '\n');
	print_text(out, rq->body, rq->body_len);
	buf_free(&line);
}

static void
add_request_json(const struct try *try, const struct config_destination *config,
    const struct http_request *rq, struct buf *out)
{
	struct buf line = { 0 };

	object_string(out, "method", rq->method);
	add_url(try, rq->url, &line);
	object_string(out, "url", line.data);
	object_array(out, "headers");
	for (size_t i = 0; read_header(try, config, rq, i, &line); i++)
		object_string(out, NULL, line.data);
	buf_putc(out, ']');
	object_bytes(out, "body", rq->body, rq->body_len);
	buf_free(&line);
}

static void
show_dry_run(struct try *try, const struct config_destination *config,
    const struct dry_run_result *what)
{
	static const char *const words[] = {
		[DRY_RUN_SEND] = "send", [DRY_RUN_SKIP] = "skipped",
		[DRY_RUN_HOLD] = "held", [DRY_RUN_TROUBLE] = "waits"
	};
	const char *reason = what->reason.data != NULL ? what->reason.data : "";
	bool send = what->end == DRY_RUN_SEND;
	struct buf out = { 0 };

	if (try->json) {
		object_open(&out);
		object_string(&out, "destination", config->name);
		object_string(&out, "outcome", words[what->end]);
		object_string(&out, "reason", send ? NULL : reason);
		if (send)
			add_request_json(try, config, &what->request, &out);
		object_close(&out);
	} else {
		buf_printf(&out, "\ndestination %s:", config->name);
		if (send)
			add_request_text(try, config, &what->request, &out);
		else
			buf_printf(&out, " %s%s", words[what->end],
			    what->end == DRY_RUN_SKIP ? " by " : ": ");
		print_string(&out, send ? "" : reason);
	}
	(void)print_line(&out);
}

struct dry_run *
cmd_try_begin(struct try *try, const struct config_destination *config)
{
	struct buf why = { 0 };
	struct dry_run *r = dry_run_new(try->setup->pool, config, &why);

	if (r == NULL)
		try->status = setup_first(try->status, print_fail(EXIT_CONFIG,
		    "destination %s: %s", config->name,
		    why.data != NULL ? why.data : "out of memory"));
	buf_free(&why);
	return r;
}

/* What would become of it at one destination. */
static void
try_destination(struct try *try, const struct config_destination *config,
    const struct delivery_claim *claim)
{
	struct dry_run_result what = { 0 };
	struct dry_run *r;

	if ((r = cmd_try_begin(try, config)) != NULL) {
		dry_run_run(r, claim, clock_wall_ms(), &what);
		show_dry_run(try, config, &what);
		if (what.end == DRY_RUN_HOLD)
			try->status = setup_first(try->status, EXIT_NO);
		if (what.end == DRY_RUN_TROUBLE)
			try->status = setup_first(try->status, EXIT_UNAVAILABLE);
	}
	dry_run_done(&what);
	dry_run_free(r);
}

/* --- the command ---------------------------------------------------------- */

/* Judge the payload, and make of it what each destination would get. */
static void
try_payload(struct try *try, const struct config_source *source,
    struct buf *payload)
{
	const struct config *config = try->setup->config;
	struct lead lead = { 0 };
	struct buf errors = { 0 };
	const char *unreadable = lead_read(payload->data, payload->len, &lead);
	size_t i, broken = 0;
	struct delivery_claim claim = {
		.source = source->name, .lead = lead.key, .name = lead.event,
		.sequence = 1, .received_ms = clock_wall_ms(), .key_number = 1,
		.payload = payload->data, .payload_len = payload->len,
	};

	if (unreadable == NULL)
		broken = lead_check(&lead, source->office_count != 0 ?
		    source->office_ids : NULL, source->office_count, &errors);
	show_verdict(try, source, &lead, unreadable, broken, &errors);
	if (unreadable != NULL || broken != 0)
		try->status = setup_first(try->status, EXIT_NO);
	if (uuid7_make(claim.received_ms, claim.id) == -1)
		try->status = EXIT_SOFTWARE;
	else if (unreadable == NULL)
		for (i = 0; i < config->destination_count; i++)
			try_destination(try, &config->destinations[i], &claim);
	buf_free(&errors);
	lead_free(&lead);
}

/* What the options mean; -1: said. */
static int
read_options(const struct args *args, struct try *try)
{
	try->json = args_flag(args, "json");
	try->show_secrets = args_flag(args, "show-secrets");
	if (setup_number(args, "diff", 1, DIFF_MAX, 0, &try->diff) == -1)
		return -1;
	if ((try->diff != 0) == (args->operand_count == 0))
		return 0;
	return print_fail(-1, "%s", try->diff != 0 ?
	    "try: a FILE or --diff, not both" :
	    "try: name a FILE ('-': standard input), or --diff N");
}

static int
try_file(const struct args *args, struct try *try)
{
	const char *name = args_value(args, "source");
	const struct config_source *source;
	struct store_fault fault = { 0 };
	struct buf payload = { 0 };
	int status;

	/* Read as whoever called, before root becomes the store's owner. */
	if ((status = input_read(args->operands[0], &payload)) != EXIT_DONE ||
	    (status = setup_config(try->setup, args)) != EXIT_DONE)
		goto out;
	source = name == NULL ? &try->setup->config->sources[0] :
	    config_source_named(try->setup->config, name);
	if (source == NULL)
		status = print_fail(EXIT_USAGE, "try: no source %s in %s", name,
		    try->setup->config->file);
	else if (owner_become(try->setup->config, false, &fault) == -1)
		status = setup_store_failed(try->setup->config, &fault);
	else if ((status = setup_programs(try->setup)) == EXIT_DONE) {
		try_payload(try, source, &payload);
		status = try->status;
	}
out:
	buf_free(&payload);
	return status;
}

int
cmd_try(const struct args *args, struct setup *setup)
{
	struct try try = { .setup = setup };
	int status;

	setup->programs = true;
	if (read_options(args, &try) == -1)
		return EXIT_USAGE;
	if (try.diff == 0)
		return try_file(args, &try);
	if ((status = setup_outbox(setup, args, OUTBOX_READ)) != EXIT_DONE)
		return status;
	cmd_try_diff(&try);
	return try.status;
}
