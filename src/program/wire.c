/*
 * What is to be sent lies in a buffer until the socket takes it; what comes is first
 * a head, then as many bytes as that one says.
 */
#include "program/wire.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEEP_MAX 65536		/* bytes of memory that a message may leave behind */

/* How many bytes a message of a kind may have. */
static const uint32_t limits[WIRE_KINDS] = {
	[WIRE_RUN] = WIRE_JOB_MAX,
	[WIRE_OUTPUT] = WIRE_OUTPUT_MAX,
	[WIRE_ERROR] = WIRE_MESSAGE_MAX,
	[WIRE_FAULTY] = WIRE_MESSAGE_MAX,
	[WIRE_TROUBLE] = WIRE_MESSAGE_MAX
};

void
wire_open(struct wire *w, int fd, int flags)
{
	*w = (struct wire){ .fd = fd, .flags = flags };
}

void
wire_close(struct wire *w)
{
	if (w->fd != -1)
		(void)close(w->fd);
	buf_free(&w->out);
	buf_free(&w->in);
	wire_open(w, -1, 0);
}

/* Empty a buffer; memory for something unusual is given back. */
static void
clear(struct buf *b)
{
	if (b->cap > KEEP_MAX || b->oom)
		buf_free(b);
	else
		buf_reset(b);
}

int
wire_flush(struct wire *w)
{
	ssize_t n;

	while (w->sent < w->out.len) {
		n = send(w->fd, w->out.data + w->sent, w->out.len - w->sent,
		    MSG_NOSIGNAL | w->flags);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
		w->sent += (size_t)n;
	}
	clear(&w->out);
	w->sent = 0;
	return 0;
}

int
wire_send(struct wire *w, enum wire_kind kind, uint32_t index,
    const void *bytes, size_t len)
{
	struct wire_head head = { .kind = kind, .index = index };

	head.len = len < limits[kind] ? (uint32_t)len : limits[kind];
	buf_add(&w->out, &head, sizeof(head));
	buf_add(&w->out, bytes, head.len);
	return buf_ok(&w->out) ? wire_flush(w) : -1;
}

static bool
is_message(const struct wire_head *head)
{
	return head->kind > 0 && head->kind < WIRE_KINDS &&
	    head->len <= limits[head->kind];
}

enum wire_news
wire_receive(struct wire *w)
{
	bool has_head;
	char *to;
	size_t *have, want;
	ssize_t n;

	for (;;) {
		has_head = w->head_len == sizeof(w->head);
		if (has_head && w->in.len == w->head.len) {
			buf_puts(&w->in, "");	/* a string, even if empty */
			return buf_ok(&w->in) ? WIRE_MESSAGE : WIRE_END;
		}
		if (has_head && !buf_reserve(&w->in, w->head.len - w->in.len))
			return WIRE_END;
		to = has_head ? w->in.data : (char *)&w->head;
		have = has_head ? &w->in.len : &w->head_len;
		want = has_head ? w->head.len : sizeof(w->head);
		do
			n = recv(w->fd, to + *have, want - *have, w->flags);
		while (n == -1 && errno == EINTR);
		if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return WIRE_NOTHING;
		if (n <= 0)
			return WIRE_END;
		*have += (size_t)n;
		if (!has_head && *have == want && !is_message(&w->head))
			return WIRE_NONSENSE;
	}
}

void
wire_next(struct wire *w)
{
	w->head_len = 0;
	clear(&w->in);
}
