/*
 * Faults are counted without end and shown up to a hundred.
 */
#include "config/fault.h"

#include <stdarg.h>
#include <stdio.h>

#include "config/config.h"

#define FAULTS_SHOWN 100	/* a file with more is none of ours */

__attribute__((format(printf, 3, 0)))
static void
add(const struct fault_place *at, const char *before, const char *fmt, va_list ap)
{
	struct buf *text = &at->fault->text;
	char words[1024];	/* cut, not lost, when a file holds absurd values */

	(void)vsnprintf(words, sizeof(words), fmt, ap);
	buf_printf(text, "%s%s", before, at->file);
	if (at->line > 0)
		buf_printf(text, ":%d", at->line);
	buf_printf(text, ": %s\n", words);
}

void
fault_add(const struct fault_place *at, const char *fmt, ...)
{
	va_list ap;

	if (++at->fault->count > FAULTS_SHOWN) {
		if (at->fault->count == FAULTS_SHOWN + 1)
			buf_printf(&at->fault->text,
			    "%s: further faults are left out\n", at->file);
		return;
	}
	va_start(ap, fmt);
	add(at, "", fmt, ap);
	va_end(ap);
}

void
fault_warn(const struct fault_place *at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(at, "warning: ", fmt, ap);
	va_end(ap);
}
