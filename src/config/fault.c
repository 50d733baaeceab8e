#include "config/fault.h"

#include <stdarg.h>

#include <stdio.h>

#include "config/config.h"

#define FAULTS_SHOWN 100	/* a file with more is none of ours */

static void
add_place(const struct fault_place *at)
{
	buf_puts(&at->fault->text, at->file);
	if (at->line > 0)
		buf_printf(&at->fault->text, ":%d", at->line);
	buf_puts(&at->fault->text, ": ");
}

static void
add_words(const struct fault_place *at, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

static void
add_words(const struct fault_place *at, const char *fmt, va_list ap)
{
	char words[1024];	/* cut, not lost, when a file holds absurd values */

	(void)vsnprintf(words, sizeof(words), fmt, ap);
	buf_puts(&at->fault->text, words);
	buf_putc(&at->fault->text, '\n');
}

static void
add(const struct fault_place *at, const char *fmt, va_list ap)
{
	if (++at->fault->count > FAULTS_SHOWN) {
		if (at->fault->count == FAULTS_SHOWN + 1)
			buf_printf(&at->fault->text,
			    "%s: further faults are left out\n", at->file);
		return;
	}
	add_place(at);
	add_words(at, fmt, ap);
}

void
fault_add(const struct fault_place *at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(at, fmt, ap);
	va_end(ap);
}

void
fault_warn(const struct fault_place *at, const char *fmt, ...)
{
	va_list ap;

	buf_puts(&at->fault->text, "warning: ");
	add_place(at);
	va_start(ap, fmt);
	add_words(at, fmt, ap);
	va_end(ap);
}
