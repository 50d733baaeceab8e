/* leadrelay(1) against the command table: neither says more than the other. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "command.h"
#include "unit.h"

#define PAGE SRCDIR "/deploy/man/leadrelay.1"

static void
add_options(const char *command, const struct args_option *list, struct buf *out)
{
	for (; list->name != NULL; list++)
		buf_printf(out, "\noption\t%s\t%s\t%s", command, list->name,
		    list->argument != NULL ? list->argument : "");
}

/* The table without its help: "\ncommand\tshow\tID", "\noption\tshow\tjson\t". */
static void
read_table(struct buf *out)
{
	for (const struct args_command *c = command_table; c->name != NULL; c++) {
		buf_printf(out, "\ncommand\t%s\t%s", c->name, c->operands);
		add_options(c->name, c->options, out);
	}
	add_options("", args_global, out);
	buf_putc(out, '\n');
	assert_true(buf_ok(out));
}

/* "NAME Ar ARGUMENT ..." as "NAME\tARGUMENT...". */
static void
add_entry(const char *entry, struct buf *out)
{
	size_t len = strcspn(entry, " ");

	buf_add(out, entry, len);
	buf_putc(out, '\t');
	if (strncmp(entry + len, " Ar ", 4) != 0)
		return;
	for (entry += len + 4; *entry != '\0'; entry++)
		if (*entry != ' ')
			buf_putc(out, *entry);
}

/* The page's ".It Cm COMMAND" and ".It Fl -OPTION", in the same form. */
static void
read_page(struct buf *out)
{
	FILE *fp = fopen(PAGE, "r");
	char *line = NULL, command[32] = "";
	size_t size = 0;

	if (fp == NULL)
		fail_msg("%s cannot be opened", PAGE);
	while (getline(&line, &size, fp) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, ".It Cm ", 7) == 0) {
			(void)snprintf(command, sizeof(command), "%.*s",
			    (int)strcspn(line + 7, " "), line + 7);
			buf_puts(out, "\ncommand\t");
			add_entry(line + 7, out);
		} else if (strncmp(line, ".It Fl -", 8) == 0) {
			buf_printf(out, "\noption\t%s\t", command);
			add_entry(line + 8, out);
		}
	}
	buf_putc(out, '\n');
	free(line);
	assert_int_equal(fclose(fp), 0);
	assert_true(buf_ok(out));
}

/* Every line of ${some} is one of ${all}. */
static int
missing(const struct buf *some, const struct buf *all, const char *where)
{
	char *copy = strdup(some->data), *next = copy, *line;
	int count = 0;

	assert_non_null(copy);
	while ((line = strsep(&next, "\n")) != NULL) {
		struct buf whole = { 0 };

		buf_printf(&whole, "\n%s\n", line);
		if (line[0] != '\0' && strstr(all->data, whole.data) == NULL) {
			print_error("not in %s: %s\n", where, line);
			count++;
		}
		buf_free(&whole);
	}
	free(copy);
	return count;
}

static void
commands_and_options(void **state)
{
	struct buf table = { 0 }, page = { 0 };

	(void)state;
	read_table(&table);
	read_page(&page);
	assert_non_null(strstr(table.data, "\ncommand\tserve\t\n"));
	assert_int_equal(missing(&table, &page, "the manual") +
	    missing(&page, &table, "the table"), 0);
	assert_int_equal(table.len, page.len);		/* and none twice */
	buf_free(&table);
	buf_free(&page);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_and_options),
	};

	return cmocka_run_group_tests_name("cli manual", tests, NULL, NULL);
}
