#include "config.h"

#include "program/program.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "program/host.h"
#include "program/wire.h"

#ifdef HAVE_JQ
#include "program/libjq.h"
#endif

/* Grace for the runner's own clock, and for forking it on a busy machine. */
#define GRACE_MS 4000

/*
 * Idle: fd is -1 or a runner with nothing to do.  Running: ${out} holds what is
 * still to be sent (first the program, if it was not compiled yet, then the
 * input), ${in} what has come back, ${replies} how many answers are awaited.
 */
struct program_runner {
	struct program_host *host;
	char *texts[WIRE_PROGRAMS_MAX];
	size_t count;
	int fd;
	bool sent[WIRE_PROGRAMS_MAX];	/* this runner has the program */
	struct buf out;
	size_t out_done;
	struct buf in;
	int replies;
	size_t index;
	int64_t deadline_ms;
};

bool
program_available(void)
{
#ifdef HAVE_JQ
	struct libjq jq;

	return libjq_load(&jq) == NULL;
#else
	return false;
#endif
}

const char *
program_library(void)
{
	return program_available() ? "libjq (jq 1.5 or later)" : "no libjq";
}

struct program_runner *
program_runner_new(struct program_host *host, const char *const *texts,
    size_t count)
{
	struct program_runner *r;
	size_t i;

	if (count > WIRE_PROGRAMS_MAX || (r = calloc(1, sizeof(*r))) == NULL)
		return NULL;
	r->host = host;
	r->fd = -1;
	r->count = count;
	for (i = 0; i < count; i++) {
		if ((r->texts[i] = strdup(texts[i])) == NULL) {
			program_runner_free(r);
			return NULL;
		}
	}
	return r;
}

/* Let the runner go; the next run gets a new one. */
static void
drop(struct program_runner *r)
{
	if (r->fd != -1)
		close(r->fd);
	r->fd = -1;
	memset(r->sent, 0, sizeof(r->sent));
	r->replies = 0;
	buf_reset(&r->out);
	buf_reset(&r->in);
}

void
program_runner_cancel(struct program_runner *r)
{
	drop(r);
}

void
program_runner_free(struct program_runner *r)
{
	size_t i;

	if (r == NULL)
		return;
	drop(r);
	for (i = 0; i < r->count; i++)
		free(r->texts[i]);
	buf_free(&r->out);
	buf_free(&r->in);
	free(r);
}

static void
queue(struct program_runner *r, enum wire_kind kind, const char *bytes,
    size_t len)
{
	struct wire_head head = {
		.kind = kind, .index = (uint32_t)r->index, .len = (uint32_t)len
	};

	buf_add(&r->out, &head, sizeof(head));
	buf_add(&r->out, bytes, len);
	r->replies++;
}

/* Did the idle runner end meanwhile?  That is no fault of the next run's. */
static bool
has_ended(const struct program_runner *r)
{
	char byte;

	return recv(r->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) != -1 ||
	    (errno != EAGAIN && errno != EWOULDBLOCK);
}

/* Have a runner that knows, or is about to be told, program ${index}. */
static int
begin(struct program_runner *r, size_t index)
{
	if (r->fd != -1 && has_ended(r))
		drop(r);
	if (r->fd == -1 && (r->fd = host_new_runner(r->host)) == -1)
		return -1;
	buf_reset(&r->out);
	buf_reset(&r->in);
	r->out_done = 0;
	r->replies = 0;
	r->index = index;
	r->deadline_ms = clock_mono_ms() + GRACE_MS + PROGRAM_RUN_MS;
	if (!r->sent[index]) {
		queue(r, WIRE_PROGRAM, r->texts[index], strlen(r->texts[index]));
		r->deadline_ms += PROGRAM_COMPILE_MS;
	}
	return 0;
}

int
program_runner_start(struct program_runner *r, size_t index,
    const char *input, size_t len, const struct program_variables *variables)
{
	const char *bound[] = { variables->id, variables->event,
	    variables->received_at, variables->source, variables->destination };
	struct buf whole = { 0 };
	size_t i;

	if (begin(r, index) == -1)
		return -1;
	buf_putc(&whole, '[');
	for (i = 0; i < sizeof(bound) / sizeof(bound[0]); i++) {
		buf_json(&whole, bound[i], strlen(bound[i]));
		buf_putc(&whole, ',');
	}
	buf_add(&whole, input, len);
	buf_putc(&whole, ']');
	queue(r, WIRE_RUN, whole.data, whole.len);
	if (!buf_ok(&whole) || !buf_ok(&r->out) || whole.len > WIRE_INPUT_MAX) {
		buf_free(&whole);
		drop(r);
		return -1;
	}
	buf_free(&whole);
	return 0;
}

int
program_runner_fd(const struct program_runner *r)
{
	return r->fd;
}

short
program_runner_events(const struct program_runner *r)
{
	return r->out_done < r->out.len ? POLLIN | POLLOUT : POLLIN;
}

int64_t
program_runner_deadline(const struct program_runner *r)
{
	return r->deadline_ms;
}

/* Send and receive what can be had now.  -1: the runner is gone. */
static int
transfer(struct program_runner *r)
{
	char chunk[16384];
	ssize_t n;

	while (r->out_done < r->out.len) {
		n = send(r->fd, r->out.data + r->out_done,
		    r->out.len - r->out_done, MSG_NOSIGNAL);
		if (n == -1)
			break;		/* gone or full: reading tells which */
		r->out_done += (size_t)n;
	}
	for (;;) {
		n = recv(r->fd, chunk, sizeof(chunk), 0);
		if (n == -1 && (errno == EAGAIN || errno == EINTR))
			return 0;
		if (n <= 0)
			return -1;
		buf_add(&r->in, chunk, (size_t)n);
	}
}

/* Take the answer at the front of ${in}, if it is all there. */
static bool
take_reply(struct program_runner *r, struct wire_head *head, struct buf *bytes)
{
	size_t whole;

	if (r->in.len < sizeof(*head))
		return false;
	memcpy(head, r->in.data, sizeof(*head));
	whole = sizeof(*head) + head->len;
	if (r->in.len < whole)
		return false;
	buf_reset(bytes);
	buf_add(bytes, r->in.data + sizeof(*head), head->len);
	memmove(r->in.data, r->in.data + whole, r->in.len - whole);
	r->in.len -= whole;
	r->replies--;
	return true;
}

static enum program_state
fail(struct program_runner *r, struct buf *out, const char *why)
{
	drop(r);
	buf_reset(out);
	buf_puts(out, why);
	return PROGRAM_ERROR;
}

enum program_state
program_runner_step(struct program_runner *r, struct buf *out)
{
	struct wire_head head;
	int rc = transfer(r);

	while (take_reply(r, &head, out)) {
		if (head.kind == WIRE_ERROR) {
			if (r->replies != 0 || rc == -1)
				drop(r);	/* it will answer the rest in vain */
			return PROGRAM_ERROR;
		}
		r->sent[r->index] = true;	/* if it was compiled just now */
		if (r->replies == 0)
			return head.kind == WIRE_OUTPUT ? PROGRAM_OUTPUT :
			    PROGRAM_EMPTY;
	}
	if (!buf_ok(&r->in))
		return fail(r, out, "out of memory");
	if (rc == -1)
		return fail(r, out, "it took longer than a second, "
		    "more than 64 MB, or crashed");
	if (clock_mono_ms() >= r->deadline_ms)
		return fail(r, out, "it did not answer");
	return PROGRAM_RUNNING;
}

enum program_state
program_runner_wait(struct program_runner *r, struct buf *out)
{
	enum program_state state;
	struct pollfd pfd;
	int64_t left;

	while ((state = program_runner_step(r, out)) == PROGRAM_RUNNING) {
		pfd.fd = r->fd;
		pfd.events = program_runner_events(r);
		left = r->deadline_ms - clock_mono_ms();
		(void)poll(&pfd, 1, left > 0 ? (int)left : 0);
	}
	return state;
}

enum program_state
program_run(struct program_runner *r, size_t index, const char *input,
    size_t len, const struct program_variables *variables, struct buf *out)
{
	if (program_runner_start(r, index, input, len, variables) == -1)
		return fail(r, out, "no process to run it in");
	return program_runner_wait(r, out);
}

int
program_runner_compile(struct program_runner *r, size_t index)
{
	if (begin(r, index) == -1)
		return -1;
	return r->replies == 0 ? 1 : 0;
}

enum program_state
program_compile(struct program_runner *r, size_t index, struct buf *why)
{
	switch (program_runner_compile(r, index)) {
	case -1:
		return fail(r, why, "no process to compile it in");
	case 1:
		return PROGRAM_EMPTY;
	default:
		return program_runner_wait(r, why);
	}
}
