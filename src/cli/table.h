/*
 * table: rows of text in columns as wide as they need be.
 *
 * Rows are gathered and printed a batch at a time, so memory does not grow with
 * the list; a column never gets narrower from one batch to the next.
 */
#ifndef LEADRELAY_CLI_TABLE_H
#define LEADRELAY_CLI_TABLE_H

#include <stddef.h>

#include "base/buf.h"

#define TABLE_COLUMNS_MAX 10
#define TABLE_BATCH 256			/* rows */

struct table {
	size_t columns;
	size_t width[TABLE_COLUMNS_MAX];
	size_t cells;			/* in ${text}, NUL after each */
	struct buf text;
};

/* A table of ${columns} columns, the names in ${head} as its first row. */
void table_open(struct table *table, const char *const *head, size_t columns);

/*
 * The next cell, left to right, row after row; ${len} bytes from outside, made
 * fit for a terminal.  Prints the batch when it is full.
 */
void table_cell(struct table *table, const char *str, size_t len);
void table_string(struct table *table, const char *str);	/* NULL: "-" */

/* Print what is left and release the memory.  -1: out of memory. */
int table_close(struct table *table);

#endif
