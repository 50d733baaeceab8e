#include "cli/table.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "cli/print.h"

#define GAP "  "

/* Columns a terminal gives to the text: one a character, near enough. */
static size_t
width_of(const char *str)
{
	return utf8_count(str, strlen(str));
}

static bool
has_later(const struct table *table, const char *cell, size_t column)
{
	for (; column + 1 < table->columns; column++) {
		cell += strlen(cell) + 1;
		if (*cell != '\0')
			return true;
	}
	return false;
}

/* Print the rows gathered; no blanks at the end of a line. */
static void
flush_rows(struct table *table)
{
	const char *cell = table->text.data;

	for (size_t i = 0; i < table->cells; i++) {
		size_t column = i % table->columns;

		fputs(cell, stdout);
		if (has_later(table, cell, column))
			printf("%*s" GAP, (int)(table->width[column] -
			    width_of(cell)), "");
		if (column + 1 == table->columns)
			putchar('\n');
		cell += strlen(cell) + 1;
	}
	buf_reset(&table->text);
	table->cells = 0;
}

void
table_open(struct table *table, const char *const *head, size_t columns)
{
	memset(table, 0, sizeof(*table));
	table->columns = columns;
	for (size_t i = 0; i < columns; i++)
		table_string(table, head[i]);
}

void
table_cell(struct table *table, const char *str, size_t len)
{
	size_t column = table->cells % table->columns;
	size_t start = table->text.len, width;

	print_text(&table->text, str, len);
	buf_putc(&table->text, '\0');
	if (!buf_ok(&table->text))
		return;
	width = width_of(table->text.data + start);
	if (width > table->width[column])
		table->width[column] = width;
	table->cells++;
	if (table->cells == TABLE_BATCH * table->columns)
		flush_rows(table);
}

void
table_string(struct table *table, const char *str)
{
	if (str == NULL)
		str = "-";
	table_cell(table, str, strlen(str));
}

int
table_close(struct table *table)
{
	int rc = buf_ok(&table->text) ? 0 : -1;

	if (rc == 0)
		flush_rows(table);
	buf_free(&table->text);
	return rc;
}
