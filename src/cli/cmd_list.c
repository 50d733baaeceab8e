/*
 * list: rows go out as they come, so memory does not grow with the outbox; one
 * row more than the limit is asked for, to know whether there are more.
 */
#include "cli/cmd.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/exits.h"
#include "cli/object.h"
#include "cli/print.h"
#include "cli/row.h"
#include "cli/scope.h"
#include "cli/setup.h"
#include "cli/table.h"

#define LIST_LIMIT 100			/* lines on a terminal */

/* A list under way. */
struct list {
	struct store_filter filter;	/* asks for one row more than ${limit} */
	int64_t limit;			/* 0: none */
	bool json;			/* else ${table}, opened by the first row */
	bool sources;			/* of that: more than one is known */
	int64_t rows;
	struct table table;
	struct review review;
	struct buf line;
	bool oom;			/* in either */
};

static void
list_json(struct list *list, const struct store_row *row)
{
	object_open(&list->line);
	row_members(&list->line, row, true);
	list->oom |= !object_end(&list->line);
}

static void
list_text(struct list *list, const struct store_row *row)
{
	static const char *const head[] = {
		"STATE", "AGE", "ID", "SOURCE", "LEAD", "EVENT", "DESTINATION",
		"TRIES", "WHY", NULL
	};
	struct table *table = &list->table;

	if (list->rows == 1)
		table_open(table, head, list->sources ? NULL : "SOURCE");
	table_string(table, delivery_state_name(row->state));
	print_span(&list->line, row->received_ms, list->review.now_ms);
	table_buf(table, &list->line);
	table_string(table, row->id);
	table_string(table, row->source);
	table_string(table, row->lead);
	table_string(table, row->name);
	table_string(table, row->destination);
	table_number(table, row->attempts);
	row_why(&list->line, row, &list->review);
	table_buf(table, &list->line);
}

static void
list_row(void *arg, const struct store_row *row)
{
	struct list *list = arg;

	list->rows++;
	if (list->limit != 0 && list->rows > list->limit)
		return;			/* it only shows that there are more */
	if (list->json)
		list_json(list, row);
	else
		list_text(list, row);
}

/* What the options ask for; -1: said. */
static int
list_options(const struct args *args, struct list *list)
{
	const char *state = args_value(args, "state");

	list->json = args_flag(args, "json");
	if (scope_filter(args, &list->filter) == -1)
		return -1;
	if (state != NULL &&
	    (list->filter.state = delivery_state_parse(state)) == -1)
		return print_fail(-1, "--state %s: not one of waiting, sending, "
		    "delivered, dead, held, discarded, skipped", state);
	/* A person wants a screenful; a program that reads this wants it all. */
	if (setup_number(args, "limit", 0, INT32_MAX,
	    list->json || !isatty(STDOUT_FILENO) ? 0 : LIST_LIMIT,
	    &list->limit) == -1)
		return -1;
	list->filter.limit = list->limit == 0 ? 0 : list->limit + 1;
	return 0;
}

/* Words about the list, where they cannot be taken for a part of it. */
static void
list_remark(const struct list *list)
{
	if (list->rows == 0 && !list->json)
		fputs("leadrelay: nothing in the outbox matches\n", stderr);
	if (list->limit != 0 && list->rows > list->limit)
		fprintf(stderr, "leadrelay: there are more than these %" PRId64
		    "; --limit N shows more, --limit 0 all\n", list->limit);
}

int
cmd_list(const struct args *args, struct setup *setup)
{
	struct store_fault fault = { 0 };
	struct list list = { 0 };
	struct scope scope = { 0 };
	struct store *store;
	int status;

	if (list_options(args, &list) == -1)
		return EXIT_USAGE;
	if ((status = setup_outbox(setup, args, OUTBOX_READ)) != EXIT_DONE ||
	    (status = scope_open(&scope, setup, args, &list.filter)) !=
	    EXIT_DONE)
		goto out;
	list.sources = scope.sources.count > 1;
	if (review_take(setup->outbox, setup->config, clock_wall_ms(),
	    &list.review, &fault) == -1 ||
	    (store = outbox_begin(setup->outbox, &fault)) == NULL ||
	    outbox_end(setup->outbox, store_list(store, &list.filter, list_row,
	    &list), &fault) == -1)
		status = setup_store_failed(setup->config, &fault);
	if (list.rows > 0 && !list.json && table_close(&list.table) == -1)
		list.oom = true;
	if (status == EXIT_DONE)
		list_remark(&list);
	status = setup_first(status, print_end(&list.line, list.oom));
out:
	review_free(&list.review);
	scope_free(&scope);
	return status;
}
