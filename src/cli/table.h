/*
 * table: rows of text in columns as wide as they need be.
 *
 * Rows are gathered and printed a batch at a time, so memory does not grow with
 * the list; a column never gets narrower from one batch to the next.
 */
#ifndef LEADRELAY_CLI_TABLE_H
#define LEADRELAY_CLI_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define TABLE_COLUMNS_MAX 10
#define TABLE_BATCH 256			/* rows */

struct table {
	size_t columns;
	size_t width[TABLE_COLUMNS_MAX];
	size_t hidden;			/* the column that is not printed; ${columns}: none */
	size_t cells;			/* in ${text}, NUL after each */
	struct buf text;
};

/*
 * A table with the names in ${head}, a list that NULL ends, as its first row.  Of
 * the column called ${hidden} (NULL: none) cells are taken but not printed.
 */
void table_open(struct table *table, const char *const *head, const char *hidden);

/*
 * The next cell, left to right, row after row: text from outside, made fit for a
 * terminal.  Prints the batch when it is full.
 */
void table_string(struct table *table, const char *str);	/* NULL: "-" */
void table_number(struct table *table, int64_t number);
void table_buf(struct table *table, struct buf *text);		/* which is emptied */

/* Print what is left and release the memory.  -1: out of memory. */
int table_close(struct table *table);

#endif
