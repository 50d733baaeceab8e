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

/*
 * A kind in words.  %n, %s: the level, and the destination.  Two forms for one
 * and for several; and with or without a destination.
 */
static const struct {
	const char *raised, *raised_many;	/* at a destination */
	const char *whole, *whole_many;		/* of the outbox as a whole */
	const char *recovered;
	const char *cure;
} words[ALERT_KINDS] = {
	[ALERT_DEAD] = {
		"1 delivery to %s is given up", "%n deliveries to %s are given up",
		NULL, NULL, "no delivery to %s is given up any more",
		"leadrelay list --state dead" },
	[ALERT_HELD] = {
		"1 delivery to %s is held", "%n deliveries to %s are held",
		"1 event is held: it breaks LeadPro's rules, or came too late",
		"%n events are held: they break LeadPro's rules, or came too late",
		"nothing%s is held any more", "leadrelay list --state held" },
	[ALERT_PAUSED] = {
		"%s is paused", "%s is paused", NULL, NULL,
		"%s takes leads again", "leadrelay stats" },
	[ALERT_WAITING] = {
		"a lead waits for %s", "a lead waits for %s", NULL, NULL,
		"no lead waits for %s so long any more", "leadrelay list --state waiting" },
	[ALERT_UNCONFIGURED] = {
		"1 delivery waits for %s, which is not in the configuration",
		"%n deliveries wait for %s, which is not in the configuration",
		NULL, NULL, "nothing waits for %s any more", "leadrelay stats" },
	[ALERT_QUIET] = {
		NULL, NULL, "no lead came", "no lead came", "leads come again",
		"leadrelay doctor URL" },
	[ALERT_REFUSED] = {
		NULL, NULL, "1 request was refused for its token",
		"%n requests were refused for their token",
		"tokens are accepted again", "leadrelay doctor URL" },
	[ALERT_FROZEN] = {
		NULL, NULL, "the relay's process does nothing, and lets no other",
		"the relay's process does nothing, and lets no other",
		"the relay works again", "leadrelay stats" },
};

static void
add_words(const char *pattern, const struct notice_item *item, struct buf *out)
{
	for (; *pattern != '\0'; pattern++) {
		if (pattern[0] != '%') {
			buf_putc(out, *pattern);
			continue;
		}
		if (*++pattern == 'n')
			buf_printf(out, "%" PRId64, item->level);
		else
			buf_puts(out, item->subject);
	}
}

/* What there is to say of one item, without since and reason. */
static void
add_sentence(const struct notice *n, const struct notice_item *item, struct buf *out)
{
	const char *one = words[n->kind].raised, *many = words[n->kind].raised_many;

	if (item->subject[0] == '\0' || one == NULL) {
		one = words[n->kind].whole;
		many = words[n->kind].whole_many;
	}
	if (n->recovered && n->kind == ALERT_HELD && item->subject[0] != '\0')
		buf_printf(out, "nothing for %s is held any more", item->subject);
	else
		add_words(n->recovered ? words[n->kind].recovered :
		    item->level == 1 ? one : many, item, out);
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
	if (!n->recovered)
		buf_printf(out, "\nTo look into it:\n    %s\n", words[n->kind].cure);
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
	add_string(out, "kind", alert_kind_name(n->kind));
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
