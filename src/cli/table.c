/* Cells wait in one buffer, NUL after each, until the widths of a batch are known. */
#include "cli/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "cli/print.h"

#define GAP 2				/* blanks between columns */

/* Columns a terminal gives to the text: one a character, near enough. */
static size_t
width_of(const char *str)
{
	return utf8_count(str, strlen(str));
}

/* Print the rows gathered; no blanks at the end of a line: they wait for the next cell. */
static void
flush_rows(struct table *table)
{
	const char *cell = table->text.data;
	size_t blanks = 0;

	for (size_t i = 0; i < table->cells; i++, cell += strlen(cell) + 1) {
		size_t column = i % table->columns;

		if (column != table->hidden && *cell != '\0') {
			printf("%*s%s", (int)blanks, "", cell);
			blanks = 0;
		}
		if (column != table->hidden)
			blanks += table->width[column] - width_of(cell) + GAP;
		if (column + 1 == table->columns) {
			putchar('\n');
			blanks = 0;
		}
	}
	buf_reset(&table->text);
	table->cells = 0;
}

static void
add_cell(struct table *table, const char *str, size_t len)
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
	add_cell(table, str, strlen(str));
}

void
table_number(struct table *table, int64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, number);
	table_string(table, text);
}

void
table_buf(struct table *table, struct buf *text)
{
	table->text.oom |= !buf_ok(text);
	add_cell(table, text->data != NULL ? text->data : "", text->len);
	buf_reset(text);
}

void
table_open(struct table *table, const char *const *head, const char *hidden)
{
	memset(table, 0, sizeof(*table));
	while (head[table->columns] != NULL)
		table->columns++;
	table->hidden = table->columns;
	for (size_t i = 0; i < table->columns; i++) {
		if (hidden != NULL && strcmp(head[i], hidden) == 0)
			table->hidden = i;
		table_string(table, head[i]);
	}
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
