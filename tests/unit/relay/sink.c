#include "sink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"

#define CONNECTIONS_MAX 256

struct connection {
	int fd;				/* -1: free */
	struct buf in, out;
	size_t sent;
	bool closing;			/* once out is sent */
	bool hanging;
	struct sink_reply reply;	/* the one that hangs */
};

struct sink {
	sink_handler *handler;
	void *arg;
	int listener, epoll, event;
	int port;
	pthread_t thread;
	atomic_bool stopping, releasing;
	struct connection connections[CONNECTIONS_MAX];
};

static void
drop(struct connection *c)
{
	if (c->fd != -1)
		close(c->fd);
	c->fd = -1;
	buf_free(&c->in);
	buf_free(&c->out);
	c->sent = 0;
	c->closing = c->hanging = false;
}

static void
write_out(struct sink *s, struct connection *c)
{
	struct epoll_event ev = { .data.ptr = c };
	ssize_t n;

	while (c->sent < c->out.len) {
		n = send(c->fd, c->out.data + c->sent, c->out.len - c->sent, MSG_NOSIGNAL);
		if (n == -1 && errno == EAGAIN) {
			ev.events = EPOLLIN | EPOLLOUT;
			(void)epoll_ctl(s->epoll, EPOLL_CTL_MOD, c->fd, &ev);
			return;
		}
		if (n <= 0) {
			drop(c);
			return;
		}
		c->sent += (size_t)n;
	}
	if (c->sent != 0 && c->closing) {
		drop(c);
		return;
	}
	buf_reset(&c->out);
	c->sent = 0;
}

static void
answer(struct sink *s, struct connection *c, const struct sink_reply *reply)
{
	size_t len = reply->body != NULL ? strlen(reply->body) : reply->body_len;
	size_t i;

	if (reply->act == SINK_CLOSE) {
		drop(c);
		return;
	}
	buf_printf(&c->out, "HTTP/1.1 %d Whatever\r\nContent-Length: %zu\r\n%s\r\n",
	    reply->status, len + (reply->act == SINK_CUT ? 1 : 0),
	    reply->headers != NULL ? reply->headers : "");
	if (reply->body != NULL)
		buf_puts(&c->out, reply->body);
	else
		for (i = 0; i < len; i++)
			buf_putc(&c->out, 'x');
	c->closing = reply->act == SINK_CUT;
	write_out(s, c);
}

/* Take one whole request off the input: false when there is none yet. */
static bool
take_request(struct sink *s, struct connection *c)
{
	struct sink_request request;
	struct sink_reply reply = { .status = 200, .body = "{}" };
	char *end, *p;
	size_t head, body = 0;

	if (c->in.len == 0 || (end = strstr(c->in.data, "\r\n\r\n")) == NULL)
		return false;
	head = (size_t)(end - c->in.data) + 4;
	if ((p = strcasestr(c->in.data, "\r\nContent-Length:")) != NULL && p < end)
		body = strtoul(p + 17, NULL, 10);
	if (c->in.len < head + body)
		return false;
	end[2] = '\0';
	request = (struct sink_request){ c->in.data, c->in.data + head, body };
	s->handler(s->arg, &request, &reply);
	c->in.len -= head + body;
	memmove(c->in.data, c->in.data + head + body, c->in.len + 1);
	if (reply.act == SINK_HANG) {
		c->hanging = true;
		c->reply = reply;
		return false;
	}
	answer(s, c, &reply);
	return c->fd != -1;
}

static void
read_in(struct sink *s, struct connection *c)
{
	ssize_t n;

	if (!buf_reserve(&c->in, 16384)) {
		drop(c);
		return;
	}
	n = recv(c->fd, c->in.data + c->in.len, 16384, 0);
	if (n == 0 || (n == -1 && errno != EAGAIN)) {
		drop(c);
		return;
	}
	if (n > 0) {
		c->in.len += (size_t)n;
		c->in.data[c->in.len] = '\0';
	}
	while (c->fd != -1 && !c->hanging && take_request(s, c))
		continue;
}

static void
take_connection(struct sink *s)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int fd, one = 1;
	size_t i;

	if ((fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) == -1)
		return;
	for (i = 0; i < CONNECTIONS_MAX && s->connections[i].fd != -1; i++)
		continue;
	if (i == CONNECTIONS_MAX) {
		close(fd);
		return;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	s->connections[i].fd = fd;
	ev.data.ptr = &s->connections[i];
	(void)epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &ev);
}

static void
release(struct sink *s)
{
	size_t i;

	for (i = 0; i < CONNECTIONS_MAX; i++)
		if (s->connections[i].fd != -1 && s->connections[i].hanging) {
			s->connections[i].hanging = false;
			s->connections[i].reply.act = SINK_ANSWER;
			answer(s, &s->connections[i], &s->connections[i].reply);
		}
}

static void *
serve(void *arg)
{
	struct sink *s = arg;
	struct epoll_event events[64];
	struct connection *c;
	uint64_t ticks;
	int i, n;

	while (!atomic_load(&s->stopping)) {
		n = epoll_wait(s->epoll, events, 64, -1);
		for (i = 0; i < n; i++) {
			if (events[i].data.ptr == s) {
				take_connection(s);
			} else if (events[i].data.ptr == &s->event) {
				(void)!read(s->event, &ticks, sizeof(ticks));
			} else {
				c = events[i].data.ptr;
				if (c->fd != -1 && c->out.len != 0)
					write_out(s, c);
				else if (c->fd != -1)
					read_in(s, c);
			}
		}
		if (atomic_exchange(&s->releasing, false))
			release(s);
	}
	return NULL;
}

int
sink_listen(struct sink *s)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = s };

	if (listen(s->listener, 128) == -1)
		return -1;
	return epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->listener, &ev);
}

struct sink *
sink_start(sink_handler *handler, void *arg, bool listening)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(addr);
	struct epoll_event ev = { .events = EPOLLIN };
	struct sink *s;
	size_t i;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return NULL;
	s->handler = handler;
	s->arg = arg;
	for (i = 0; i < CONNECTIONS_MAX; i++)
		s->connections[i].fd = -1;
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	s->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ev.data.ptr = &s->event;
	if (bind(s->listener, (struct sockaddr *)&addr, len) == -1 ||
	    getsockname(s->listener, (struct sockaddr *)&addr, &len) == -1 ||
	    epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->event, &ev) == -1 ||
	    (listening && sink_listen(s) == -1) ||
	    pthread_create(&s->thread, NULL, serve, s) != 0)
		abort();
	s->port = ntohs(addr.sin_port);
	return s;
}

int
sink_port(const struct sink *s)
{
	return s->port;
}

static void
poke(struct sink *s)
{
	uint64_t one = 1;

	(void)!write(s->event, &one, sizeof(one));
}

void
sink_release(struct sink *s)
{
	atomic_store(&s->releasing, true);
	poke(s);
}

void
sink_stop(struct sink *s)
{
	size_t i;

	if (s == NULL)
		return;
	atomic_store(&s->stopping, true);
	poke(s);
	(void)pthread_join(s->thread, NULL);
	for (i = 0; i < CONNECTIONS_MAX; i++)
		drop(&s->connections[i]);
	close(s->listener);
	close(s->epoll);
	close(s->event);
	free(s);
}
