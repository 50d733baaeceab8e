#include "program/wire.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEEP_MAX 65536		/* bytes of memory that a message may leave behind */

/* How many bytes a message of a kind may have. */
static const uint32_t limits[WIRE_KINDS] = {
	[WIRE_COMPILE] = WIRE_INPUT_MAX,
	[WIRE_RUN] = WIRE_INPUT_MAX,
	[WIRE_OUTPUT] = WIRE_OUTPUT_MAX,
	[WIRE_ERROR] = WIRE_MESSAGE_MAX,
	[WIRE_TROUBLE] = WIRE_MESSAGE_MAX
};

void
wire_open(struct wire *w, int fd)
{
	*w = (struct wire){ .fd = fd };
}

void
wire_close(struct wire *w)
{
	if (w->fd != -1)
		(void)close(w->fd);
	buf_free(&w->out);
	buf_free(&w->in);
	wire_open(w, -1);
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
		    MSG_NOSIGNAL);
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

int
wire_send_fd(struct wire *w, enum wire_kind kind, int fd)
{
	struct wire_head head = { .kind = kind };
	struct iovec iov = { &head, sizeof(head) };
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control)
	};
	struct cmsghdr *c;

	memset(&control, 0, sizeof(control));
	c = CMSG_FIRSTHDR(&msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	return sendmsg(w->fd, &msg, MSG_NOSIGNAL) == sizeof(head) ? 0 : -1;
}

/* recv, which also takes a descriptor where one is expected. */
static ssize_t
receive(int from, void *to, size_t len, int *fd)
{
	struct iovec iov = { to, len };
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;
	ssize_t n;

	if (fd != NULL) {
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
	}
	do
		n = recvmsg(from, &msg, MSG_CMSG_CLOEXEC);
	while (n == -1 && errno == EINTR);
	if (fd != NULL && n > 0 && (c = CMSG_FIRSTHDR(&msg)) != NULL &&
	    c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(fd, CMSG_DATA(c), sizeof(*fd));
	return n;
}

static bool
is_message(const struct wire_head *head)
{
	return head->kind > 0 && head->kind < WIRE_KINDS &&
	    head->len <= limits[head->kind];
}

enum wire_news
wire_receive(struct wire *w, int *fd)
{
	ssize_t n;

	if (fd != NULL && w->head_len == 0)
		*fd = -1;
	for (;;) {
		if (w->head_len < sizeof(w->head)) {
			n = receive(w->fd, (char *)&w->head + w->head_len,
			    sizeof(w->head) - w->head_len, fd);
			w->head_len += n > 0 ? (size_t)n : 0;
			if (w->head_len == sizeof(w->head) && !is_message(&w->head))
				return WIRE_NONSENSE;
		} else if (w->in.len < w->head.len) {
			if (!buf_reserve(&w->in, w->head.len - w->in.len))
				return WIRE_END;
			n = receive(w->fd, w->in.data + w->in.len,
			    w->head.len - w->in.len, NULL);
			w->in.len += n > 0 ? (size_t)n : 0;
		} else {
			buf_puts(&w->in, "");	/* a string, even if empty */
			return buf_ok(&w->in) ? WIRE_MESSAGE : WIRE_END;
		}
		if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return WIRE_NOTHING;
		if (n <= 0)
			return WIRE_END;
	}
}

void
wire_next(struct wire *w)
{
	w->head_len = 0;
	clear(&w->in);
}
