/*
 * log: a line is put together here, under no lock, and goes to log_out.c, which
 * knows the target and so what stands before "level".
 */
#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/log_out.h"

/* How lines are written, and which; they may change under whoever writes one. */
static struct {
	atomic_int format;
	atomic_int level;
} logger = { LOG_FMT_LOGFMT, LOG_LV_INFO };

static const char *const levels[] = {
	[LOG_LV_ERROR] = "error", [LOG_LV_WARN] = "warn",
	[LOG_LV_INFO] = "info", [LOG_LV_DEBUG] = "debug"
};

void
log_form(enum log_format format, enum log_level level)
{
	atomic_store(&logger.format, (int)format);
	atomic_store(&logger.level, (int)level);
}

/* Does a logfmt value need quotes? */
static bool
needs_quotes(const char *value)
{
	if (*value == '\0')
		return true;
	for (; *value != '\0'; value++)
		if ((unsigned char)*value <= ' ' || *value == '"' ||
		    *value == '=' || *value == '\\' || *value == 0x7f)
			return true;
	return false;
}

/* The key, and what parts it from the field before; ${first} of the line: nothing. */
static void
add_key(struct buf *line, enum log_format format, const char *key, bool first)
{
	if (!first)
		buf_putc(line, format == LOG_FMT_JSON ? ',' : ' ');
	if (format == LOG_FMT_JSON)
		buf_putc(line, '"');
	buf_puts(line, key);
	if (format == LOG_FMT_JSON)
		buf_putc(line, '"');
	buf_putc(line, format == LOG_FMT_JSON ? ':' : '=');
}

static void
add_string(struct buf *line, enum log_format format, const char *key,
    const char *value, bool first)
{
	add_key(line, format, key, first);
	if (format == LOG_FMT_JSON || needs_quotes(value))
		buf_json(line, value, strlen(value));
	else
		buf_puts(line, value);
}

/* Write a line: its level, its first field, and those in ${more}, if not NULL. */
static void
write_line(enum log_level level, const char *key, const char *value, va_list *more)
{
	enum log_format format = (enum log_format)atomic_load(&logger.format);
	struct buf line = { 0 };

	/* What a target wants before the level is added when it is written. */
	add_string(&line, format, "level", levels[level], true);
	add_string(&line, format, key, value, false);
	while (more != NULL && (key = va_arg(*more, const char *)) != NULL) {
		if (key[0] == 'd') {
			add_key(&line, format, key + 2, false);
			buf_int(&line, va_arg(*more, long long));
		} else if ((value = va_arg(*more, const char *)) != NULL) {
			add_string(&line, format, key + 2, value, false);
		}
	}
	if (format == LOG_FMT_JSON)
		buf_putc(&line, '}');
	log_out_line((int)level, format == LOG_FMT_JSON, &line);
	buf_free(&line);
}

static bool
is_wanted(enum log_level level)
{
	return (int)level <= atomic_load(&logger.level);
}

void
log_kv(enum log_level level, const char *what, ...)
{
	va_list ap;

	if (!is_wanted(level))
		return;
	va_start(ap, what);
	write_line(level, "what", what, &ap);
	va_end(ap);
}

void
log_say(enum log_level level, const char *words)
{
	write_line(level, "msg", words, NULL);
}

/* The common part of the four functions for words. */
static void __attribute__((format(printf, 2, 0)))
log_words(enum log_level level, const char *fmt, va_list ap)
{
	char words[1024];

	if (!is_wanted(level))
		return;
	(void)vsnprintf(words, sizeof(words), fmt, ap);
	log_say(level, words);
}

#define LOG_WORDS(name, level)			\
void						\
name(const char *fmt, ...)			\
{						\
	va_list ap;				\
						\
	va_start(ap, fmt);			\
	log_words(level, fmt, ap);		\
	va_end(ap);				\
}

LOG_WORDS(log_err, LOG_LV_ERROR)
LOG_WORDS(log_warn, LOG_LV_WARN)
LOG_WORDS(log_info, LOG_LV_INFO)
LOG_WORDS(log_debug, LOG_LV_DEBUG)
