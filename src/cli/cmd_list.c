#include "cli/cmd.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
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

#define SOURCE_AT 3			/* the column that is left out where all are of one source */
static const char *const head[] = {
	"STATE", "AGE", "ID", "SOURCE", "LEAD", "EVENT", "DESTINATION", "TRIES",
	"WHY"
};
#define COLUMNS (sizeof(head) / sizeof(head[0]))

/* A list under way. */
struct list {
	struct store_filter filter;	/* asks for one row more than ${limit} */
	int64_t limit;			/* 0: none */
	bool json;
	bool sources;			/* more than one is known */
	int64_t rows;
	struct table table;
	struct review review;
	struct buf line;
	bool oom;
};

static void
list_json(struct list *list, const struct store_row *row)
{
	object_open(&list->line);
	row_members(&list->line, row, true);
	object_close(&list->line);
	buf_putc(&list->line, '\n');
	if (!print_flush(&list->line))
		list->oom = true;
}

static void
list_head(struct list *list)
{
	const char *columns[COLUMNS];
	size_t count = 0;

	for (size_t i = 0; i < COLUMNS; i++)
		if (i != SOURCE_AT || list->sources)
			columns[count++] = head[i];
	table_open(&list->table, columns, count);
}

static void
list_text(struct list *list, const struct store_row *row)
{
	char tries[24];
	struct buf *cell = &list->line;

	if (list->rows == 1)
		list_head(list);
	table_string(&list->table, delivery_state_name(row->state));
	buf_reset(cell);
	print_span(cell, row->received_ms, list->review.now_ms);
	table_string(&list->table, cell->data);
	table_string(&list->table, row->id);
	if (list->sources)
		table_string(&list->table, row->source);
	table_string(&list->table, row->lead);
	table_string(&list->table, row->name);
	table_string(&list->table, row->destination);
	snprintf(tries, sizeof(tries), "%d", row->attempts);
	table_string(&list->table, tries);
	buf_reset(cell);
	row_why(cell, row, &list->review);
	table_cell(&list->table, cell->data != NULL ? cell->data : "",
	    cell->len);
	if (!buf_ok(cell))
		list->oom = true;
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

static int
list_run(struct store *store, void *arg)
{
	struct list *list = arg;

	return store->ops->list(store, &list->filter, list_row, list);
}

/* What the options ask for; -1: said. */
static int
list_options(const struct args *args, struct list *list)
{
	const char *state = args_value(args, "state");

	list->json = args_flag(args, "json");
	list->filter.state = -1;
	list->filter.lead = args_value(args, "lead");
	list->filter.source = args_value(args, "source");
	list->filter.destination = args_value(args, "destination");
	if (state != NULL &&
	    (list->filter.state = delivery_state_parse(state)) == -1) {
		fprintf(stderr, "leadrelay: --state %s: not one of waiting, "
		    "sending, delivered, dead, held, discarded, skipped\n", state);
		return -1;
	}
	if (setup_when(args, "since", &list->filter.since_ms) == -1)
		return -1;
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
cmd_list(const struct args *args)
{
	struct setup setup = { 0 };
	struct store_fault fault = { 0 };
	struct list list = { 0 };
	struct scope scope = { 0 };
	int status;

	if (list_options(args, &list) == -1)
		return EXIT_USAGE;
	if ((status = setup_outbox(&setup, args, OUTBOX_READ)) != EXIT_DONE ||
	    (status = scope_open(&scope, &setup, args, &list.filter)) !=
	    EXIT_DONE)
		goto out;
	list.sources = scope.sources.count > 1;
	if (review_take(setup.outbox, setup.config, clock_wall_ms(),
	    &list.review, &fault) == -1 ||
	    outbox_run(setup.outbox, list_run, &list, &fault) == -1)
		status = setup_store_failed(setup.config, &fault);
	if (list.rows > 0 && !list.json && table_close(&list.table) == -1)
		list.oom = true;
	if (status == EXIT_DONE)
		list_remark(&list);
	if (list.oom) {
		fputs("leadrelay: out of memory\n", stderr);
		status = EXIT_SOFTWARE;
	}
out:
	buf_free(&list.line);
	review_free(&list.review);
	scope_free(&scope);
	setup_free(&setup);
	return status;
}
