/*
 * print: stored values made fit for a terminal and for JSON.
 *
 * What came from outside may hold anything.  Control characters (C0, DEL, C1),
 * the marks that turn the direction of text, and bytes that are not UTF-8 never
 * reach the terminal: they appear as \u001b or \xff.
 */
#ifndef LEADRELAY_CLI_PRINT_H
#define LEADRELAY_CLI_PRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Append foreign text, ${len} bytes or a string.  A line end becomes \n, a tab \t. */
void print_text(struct buf *out, const char *str, size_t len);
void print_string(struct buf *out, const char *str);

/* "3h 2m" between two moments; "0s" when they are in the wrong order. */
void print_span(struct buf *out, int64_t from_ms, int64_t to_ms);

/* "2026-01-31T10:00:00Z (3h 2m ago)"; "in 3h 2m" for a moment to come; "never" for 0. */
void print_moment(struct buf *out, int64_t ms, int64_t now_ms);

/* "512 B", "12.3 MB": for people. */
void print_bytes(struct buf *out, uint64_t bytes);

/*
 * Append JSON text again, one member a line and ${indent} deep, or, with
 * ${indent} -1, on one line without spaces.  Strings and numbers stay as they
 * are written, but for characters unfit for a terminal, which are written as
 * escapes.  The text must be valid JSON.
 */
void print_json(struct buf *out, const char *text, size_t len, int indent);

/* Write the buffer to standard output and empty it; false after out of memory. */
bool print_flush(struct buf *out);

/* The same with a line end, and the memory is released. */
bool print_line(struct buf *out);

/*
 * The same without one, at the end of a command.  EXIT_DONE; after out of memory
 * (also with a reason of the caller's to say so: ${oom}) EXIT_SOFTWARE, said.
 */
int print_end(struct buf *out, bool oom);

/*
 * Say on standard error what is wrong, in a line behind "leadrelay: ", fit for a
 * terminal.  Returns ${status}: what the caller returns next.
 */
int print_fail(int status, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
