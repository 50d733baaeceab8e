/*
 * notice: one message to a person: what it says, and as which bytes it goes out.
 *
 * It holds names of destinations, counts, times and reasons; nothing of a lead.
 */
#ifndef LEADRELAY_ALERT_NOTICE_H
#define LEADRELAY_ALERT_NOTICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "outbox/need.h"

#define NOTICE_ITEMS_MAX 16		/* told one by one; the rest as a number */

/* One thing that is news.  Strings are the item's own. */
struct notice_item {
	char subject[72];		/* a destination's name, or "" */
	int64_t level;
	int64_t since_ms;		/* 0: not known */
	char reason[200];		/* or "" */
};

/* News of one kind, all raised or all recovered. */
struct notice {
	enum need_kind kind;
	bool recovered;
	int64_t now_ms;
	struct notice_item items[NOTICE_ITEMS_MAX];
	size_t count;			/* of them all; items holds the first ones */
};

/* Put one more in.  ${reason} may be NULL; both strings are copied, cut if need be. */
void notice_add(struct notice *n, const char *subject, int64_t level,
    int64_t since_ms, const char *reason);

/* A line without its end: "leadrelay on HOST: crm is paused". */
void notice_summary(const struct notice *n, const char *host, struct buf *out);

/* All of it, in lines. */
void notice_text(const struct notice *n, const char *host, struct buf *out);

/* The object that is posted. */
void notice_json(const struct notice *n, const char *host, struct buf *out);

/* A mail, its headers first, to the addresses ${to}. */
void notice_mail(const struct notice *n, const char *host, const char *to,
    struct buf *out);

#endif
