/*
 * The same notice as a line, as text, as JSON and as a mail.
 */
#include "alert/notice.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

void
notice_add(struct notice *n, const char *subject, int64_t level,
    int64_t since_ms, const char *reason)
{
	struct notice_item *item;

	if (n->count++ >= NOTICE_ITEMS_MAX)
		return;
	item = &n->items[n->count - 1];
	item->level = level;
	item->since_ms = since_ms;
	(void)snprintf(item->subject, sizeof(item->subject), "%s", subject);
	(void)snprintf(item->reason, sizeof(item->reason), "%s",
	    reason != NULL ? reason : "");
	/* It may quote what an answer said: one line, whatever that was. */
	for (char *p = item->reason; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
}

/* What there is to say of one item, without since and reason. */
static void
add_sentence(const struct notice *n, const struct notice_item *item, struct buf *out)
{
	need_say(n->kind, n->recovered ? 0 : item->level, item->subject, out);
}

void
notice_summary(const struct notice *n, const char *host, struct buf *out)
{
	buf_printf(out, "leadrelay on %s: ", host);
	add_sentence(n, &n->items[0], out);
	if (n->count > 1)
		buf_printf(out, ", and %zu more", n->count - 1);
}

static size_t
told(const struct notice *n)
{
	return n->count < NOTICE_ITEMS_MAX ? n->count : NOTICE_ITEMS_MAX;
}

void
notice_text(const struct notice *n, const char *host, struct buf *out)
{
	const struct notice_item *item;
	char when[TEXT_TIME_SIZE];

	notice_summary(n, host, out);
	buf_puts(out, "\n\n");
	for (item = n->items; item < n->items + told(n); item++) {
		buf_puts(out, "- ");
		add_sentence(n, item, out);
		if (item->since_ms != 0 && !n->recovered)
			buf_printf(out, ", since %s",
			    text_format_time(item->since_ms, when));
		if (item->reason[0] != '\0' && !n->recovered)
			buf_printf(out, ": %s", item->reason);
		buf_putc(out, '\n');
	}
	if (n->count > told(n))
		buf_printf(out, "- and %zu more\n", n->count - told(n));
	if (!n->recovered) {
		buf_puts(out, "\nTo look into it:\n");
		need_cure(n->kind, n->items[0].subject, out);
	}
}

static void
add_string(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, "\"%s\":", name);
	if (value[0] != '\0')
		buf_json(out, value, strlen(value));
	else
		buf_puts(out, "null");
}

static void
add_item(const struct notice_item *item, struct buf *out)
{
	char when[TEXT_TIME_SIZE] = "";

	if (item->since_ms != 0)
		(void)text_format_time(item->since_ms, when);
	buf_putc(out, '{');
	add_string(out, "destination", item->subject);
	buf_printf(out, ",\"count\":%" PRId64 ",", item->level);
	add_string(out, "since", when);
	buf_putc(out, ',');
	add_string(out, "reason", item->reason);
	buf_putc(out, '}');
}

void
notice_json(const struct notice *n, const char *host, struct buf *out)
{
	struct buf text = { 0 };
	char when[TEXT_TIME_SIZE];
	size_t i;

	notice_text(n, host, &text);
	buf_putc(out, '{');
	add_string(out, "text", text.data != NULL ? text.data : "");
	buf_putc(out, ',');
	add_string(out, "kind", needs[n->kind].alert);
	buf_putc(out, ',');
	add_string(out, "state", n->recovered ? "recovered" : "raised");
	buf_putc(out, ',');
	add_string(out, "host", host);
	buf_putc(out, ',');
	add_string(out, "time", text_format_time(n->now_ms, when));
	buf_printf(out, ",\"count\":%zu,\"items\":[", n->count);
	for (i = 0; i < told(n); i++) {
		if (i != 0)
			buf_putc(out, ',');
		add_item(&n->items[i], out);
	}
	buf_puts(out, "]}");
	if (!buf_ok(&text))
		out->oom = true;
	buf_free(&text);
}

void
notice_mail(const struct notice *n, const char *host, const char *to,
    struct buf *out)
{
	buf_printf(out, "To: %s\nSubject: ", to);
	notice_summary(n, host, out);
	buf_puts(out, "\nAuto-Submitted: auto-generated\n"
	    "MIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\n"
	    "Content-Transfer-Encoding: 8bit\n\n");
	notice_text(n, host, out);
}
