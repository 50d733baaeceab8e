#include "config.h"

#include "program/program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "program/again.h"
#include "program/host.h"
#include "program/wire.h"

#define ANSWER_MS 10000		/* an answer that takes longer will not come */
#define PATIENCE_MS 5000	/* so long a run is repeated, */
#define PATIENCE_TIMES 3	/* and so often, before its trouble is told */
#define RESTART_MS 50		/* before a host is started again, doubled each time, */
#define RESTART_MAX_MS 2000	/* at most */
#define END_MS 200		/* so long a process that was killed is waited for */
#define SILENT "its process does not answer"
#define RUNS_MAX 500		/* of a runner: what libjq leaks must not become a lead's fault */

/*
 * A program as the host knows it: of all that have the same text.  ${serial} is
 * 0 until the present host has compiled it.
 */
struct slot {
	uint32_t index;
	char *text;
	size_t users;
	uint64_t serial;
	char *fault;			/* it does not compile: why */
};

struct program {
	char *text;
	struct slot *slot;		/* NULL: never run yet */
};

/* fd -1: there is none.  It knows the programs that were compiled before it was made. */
struct runner {
	struct wire wire;
	uint64_t known;
	int runs;
	struct program_run *run;	/* under way, or NULL */
	int64_t deadline_ms;
};

struct program_host {
	pid_t pid;			/* 0: there is none */
	pid_t former;			/* one that was killed and has not ended yet, or 0 */
	struct wire wire;
	bool up;			/* it has said that it works */
	struct slot *compiling;		/* whose answer is awaited, or NULL */
	int64_t deadline_ms;		/* of that answer, or of its first word */
	struct runner runners[PROGRAM_RUNNERS];
	struct slot *slots[WIRE_PROGRAMS_MAX];
	size_t slot_count;
	uint64_t serial;		/* the last that was given */

	struct program_run *first;	/* all that are not done, in their order */
	struct program_run **last;
	bool ended;			/* a run was done in this step */

	/* Since the last good answer. */
	int failures;
	bool hopeless;			/* and trying again at once does not help */
	char why[160];
	int64_t start_ms;		/* not before this moment */
};

/* --- programs ------------------------------------------------------------- */

struct program *
program_new(const char *text)
{
	struct program *p = calloc(1, sizeof(*p));

	if (p != NULL && (p->text = strdup(text)) == NULL) {
		free(p);
		p = NULL;
	}
	return p;
}

void
program_free(struct program *p)
{
	if (p == NULL)
		return;
	if (p->slot != NULL)
		p->slot->users--;
	free(p->text);
	free(p);
}

static void
empty_slot(struct slot *slot)
{
	free(slot->text);
	free(slot->fault);
	slot->text = slot->fault = NULL;
	slot->serial = 0;
}

/* The slot for a text: the one that has it, or one that nobody uses.  NULL: none. */
static struct slot *
find_slot(struct program_host *h, const char *text)
{
	struct slot *slot, *spare = NULL;
	size_t i;

	for (i = 0; i < h->slot_count; i++) {
		slot = h->slots[i];
		if (slot->text != NULL && strcmp(slot->text, text) == 0)
			return slot;
		if (slot->users == 0 && slot != h->compiling)
			spare = slot;
	}
	if (spare == NULL && h->slot_count < WIRE_PROGRAMS_MAX &&
	    (spare = calloc(1, sizeof(*spare))) != NULL) {
		spare->index = (uint32_t)h->slot_count;
		h->slots[h->slot_count++] = spare;
	}
	if (spare == NULL)
		return NULL;
	empty_slot(spare);
	spare->text = strdup(text);
	return spare->text != NULL ? spare : NULL;
}

/* --- runs ----------------------------------------------------------------- */

void
program_submit(struct program_host *h, struct program_run *run)
{
	run->next = NULL;
	run->runner = NULL;
	run->troubles = 0;
	run->given_up = false;
	*h->last = run;
	h->last = &run->next;
}

static void
unlink_run(struct program_host *h, struct program_run *run)
{
	struct program_run **at;

	for (at = &h->first; *at != run; at = &(*at)->next)
		continue;
	*at = run->next;
	if (run->next == NULL)
		h->last = at;
}

static void
drop_runner(struct runner *r)
{
	wire_close(&r->wire);
	if (r->run != NULL)
		r->run->runner = NULL;
	r->run = NULL;
}

void
program_cancel(struct program_host *h, struct program_run *run)
{
	if (run->runner != NULL)
		drop_runner(run->runner);
	unlink_run(h, run);
}

static void
finish(struct program_host *h, struct program_run *run, enum program_state state,
    const struct buf *out)
{
	unlink_run(h, run);
	h->ended = true;
	run->done(run, state, out);
}

static void
finish_with(struct program_host *h, struct program_run *run,
    enum program_state state, const char *words)
{
	struct buf out = { 0 };

	buf_puts(&out, words);
	if (!buf_ok(&out) || out.data == NULL)
		state = PROGRAM_TROUBLE;
	finish(h, run, state, &out);
	buf_free(&out);
}

/* --- trouble -------------------------------------------------------------- */

/* ${run} could not be carried out, once more: is that enough? */
static void
charge(const struct program_host *h, struct program_run *run, int64_t now)
{
	if (run->troubles++ == 0)
		run->trouble_ms = now;
	run->given_up = h->hopeless || (run->troubles >= PATIENCE_TIMES &&
	    now - run->trouble_ms >= PATIENCE_MS);
}

/* Whose done is called may submit and cancel others. */
static void
give_up(struct program_host *h)
{
	struct program_run *run = h->first;

	while (run != NULL) {
		if (!run->given_up) {
			run = run->next;
			continue;
		}
		finish_with(h, run, PROGRAM_TROUBLE, h->why);
		run = h->first;
	}
}

/* Something went wrong: say so, if it is news, and wait before the next try. */
static void
note_trouble(struct program_host *h, const char *why, int64_t now)
{
	int64_t pause = RESTART_MS;
	int i;

	(void)snprintf(h->why, sizeof(h->why), "%s", why);
	if (h->failures++ == 0)
		log_warn("jq programs cannot be run, trying again: %s", h->why);
	for (i = 1; i < h->failures && pause < RESTART_MAX_MS; i++)
		pause *= 2;
	if (h->hopeless || pause > RESTART_MAX_MS)
		pause = RESTART_MAX_MS;
	h->start_ms = now + pause;
}

static void
note_good(struct program_host *h)
{
	if (h->failures != 0)
		log_info("jq programs can be run again");
	h->failures = 0;
	h->hopeless = false;
	h->start_ms = 0;
}

/*
 * Kill ${pid}, and see it end.  False: not now, as when it is in the hands of a
 * disk that stalls, or of a debugger.
 */
static bool
kill_and_reap(pid_t pid)
{
	const struct timespec ms = { 0, 1000000 };
	int i;

	/* Where ended children are nobody's, its number may be another's by now. */
	for (i = 0; waitpid(pid, NULL, WNOHANG) == 0; i++) {
		if (i == END_MS)
			return false;
		(void)kill(pid, SIGKILL);
		(void)nanosleep(&ms, NULL);
	}
	return true;
}

/* End the process, whatever it does, and all runners with it. */
static void
end_process(struct program_host *h)
{
	size_t i;

	if (h->pid != 0 && !kill_and_reap(h->pid))
		h->former = h->pid;
	h->pid = 0;
	h->up = false;
	h->compiling = NULL;
	wire_close(&h->wire);
	for (i = 0; i < PROGRAM_RUNNERS; i++)
		drop_runner(&h->runners[i]);
	for (i = 0; i < h->slot_count; i++)
		h->slots[i]->serial = 0;
}

/* The host is of no use any more. */
static void
lose_host(struct program_host *h, const char *why, bool hopeless, int64_t now)
{
	struct program_run *run;

	h->hopeless = hopeless;
	note_trouble(h, why, now);	/* before what may hold the reason is closed */
	end_process(h);
	for (run = h->first; run != NULL; run = run->next)
		charge(h, run, now);
	give_up(h);
}

/* A runner has ended, or could not be made, by nobody's fault that we know. */
static void
lose_runner(struct program_host *h, struct runner *r, const char *why, int64_t now)
{
	struct program_run *run = r->run;

	if (run != NULL) {
		note_trouble(h, why, now);
		charge(h, run, now);
	}
	drop_runner(r);
	give_up(h);
}

/* --- the host ------------------------------------------------------------- */

/* A pair of sockets: ours, which does not block, and the other.  -1: errno. */
static int
make_pair(int pair[2])
{
	int error;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1)
		return -1;
	if (fcntl(pair[0], F_SETFL, O_NONBLOCK) == 0)
		return 0;
	error = errno;
	(void)close(pair[0]);
	(void)close(pair[1]);
	errno = error;
	return -1;
}

static void
start_host(struct program_host *h, int64_t now)
{
	int pair[2], rc;

	if (h->former != 0 && waitpid(h->former, NULL, WNOHANG) == 0) {
		lose_host(h, "its former process cannot be ended", false, now);
		return;
	}
	h->former = 0;
	if (make_pair(pair) == -1) {
		lose_host(h, strerror(errno), false, now);
		return;
	}
	rc = again_start(HOST_WORD, pair[1], &h->pid);
	(void)close(pair[1]);
	wire_open(&h->wire, pair[0]);
	h->deadline_ms = now + ANSWER_MS;
	if (rc != 0) {
		h->pid = 0;
		lose_host(h, strerror(rc), rc == ENOENT || rc == EACCES, now);
	}
}

static void
greet(struct program_host *h, int64_t now)
{
	if (h->wire.head.kind == WIRE_TROUBLE)
		lose_host(h, h->wire.in.data, true, now);
	else if (h->wire.head.kind != WIRE_HELLO ||
	    h->wire.head.index != WIRE_VERSION)
		lose_host(h, "another version of leadrelay was installed: "
		    "restart this one", true, now);
	else
		h->up = true;
}

/* It crashed over a program: the other runs have their turn on the next one. */
static void
lose_compiler(struct program_host *h, const struct slot *slot, int64_t now)
{
	struct program_run *run;

	note_trouble(h, "its process crashed, or took more than 64 MB, while it "
	    "compiled a program", now);
	end_process(h);
	for (run = h->first; run != NULL; run = run->next)
		if (run->program->slot == slot)
			charge(h, run, now);
	give_up(h);
}

static void
take_compiled(struct program_host *h, int64_t now)
{
	const struct wire *wire = &h->wire;
	struct slot *slot = h->compiling;

	h->compiling = NULL;
	if (slot != NULL && wire->head.kind == WIRE_TROUBLE) {
		lose_compiler(h, slot, now);
		return;
	}
	if (slot == NULL || (wire->head.kind != WIRE_EMPTY &&
	    wire->head.kind != WIRE_ERROR)) {
		lose_host(h, "its process answered nonsense", false, now);
		return;
	}
	if (wire->head.kind == WIRE_EMPTY)
		slot->serial = ++h->serial;
	else
		slot->fault = strdup(wire->in.data);	/* NULL: it is asked again */
	if (wire->head.index == WIRE_LAST)
		end_process(h);		/* it ended itself over this program */
	else
		note_good(h);
}

static void
step_host(struct program_host *h, int64_t now)
{
	enum wire_news news;

	(void)wire_flush(&h->wire);
	while (h->wire.fd != -1 &&
	    (news = wire_receive(&h->wire, NULL)) != WIRE_NOTHING) {
		if (news != WIRE_MESSAGE) {
			lose_host(h, "its process has ended", false, now);
			return;
		}
		if (h->up)
			take_compiled(h, now);
		else
			greet(h, now);
		wire_next(&h->wire);
	}
	if (h->wire.fd != -1 && (!h->up || h->compiling != NULL) &&
	    now >= h->deadline_ms)
		lose_host(h, SILENT, false, now);
}

static void
compile(struct program_host *h, struct slot *slot, int64_t now)
{
	/* Whether it is gone is seen when its answer is read. */
	(void)wire_send(&h->wire, WIRE_COMPILE, slot->index, slot->text,
	    strlen(slot->text));
	h->compiling = slot;
	h->deadline_ms = now + ANSWER_MS + PROGRAM_COMPILE_MS;
}

/* --- runners -------------------------------------------------------------- */

static void
step_runner(struct program_host *h, struct runner *r, int64_t now)
{
	static const enum program_state states[WIRE_KINDS] = {
		[WIRE_OUTPUT] = PROGRAM_OUTPUT, [WIRE_EMPTY] = PROGRAM_EMPTY,
		[WIRE_ERROR] = PROGRAM_ERROR
	};
	struct program_run *run = r->run;
	const struct wire_head *head = &r->wire.head;
	enum wire_news news;

	(void)wire_flush(&r->wire);	/* if it is gone, there may still be its last words */
	news = wire_receive(&r->wire, NULL);
	if (news == WIRE_NOTHING) {
		if (run != NULL && now >= r->deadline_ms)
			lose_host(h, SILENT, false, now);
	} else if (news == WIRE_END || run == NULL) {
		lose_runner(h, r, "its process was ended", now);
	} else if (news == WIRE_MESSAGE && head->kind == WIRE_TROUBLE) {
		lose_runner(h, r, r->wire.in.data, now);
	} else if (news == WIRE_MESSAGE && (head->kind == WIRE_OUTPUT ||
	    head->kind == WIRE_EMPTY || head->kind == WIRE_ERROR)) {
		r->run = NULL;
		r->runs++;
		note_good(h);
		finish(h, run, states[head->kind], &r->wire.in);
		if (head->index == WIRE_LAST)
			drop_runner(r);
		else
			wire_next(&r->wire);
	} else {
		/* Only what it ran can have made it so. */
		drop_runner(r);
		finish_with(h, run, PROGRAM_ERROR, "its process answered nonsense");
	}
}

/* It may have been ended while it had nothing to do: no fault of the next run's. */
static bool
is_alive(const struct runner *r)
{
	char byte;

	return recv(r->wire.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == -1 &&
	    (errno == EAGAIN || errno == EWOULDBLOCK);
}

/* An idle runner that knows ${slot}, or else a place for one; NULL: neither. */
static struct runner *
find_runner(struct program_host *h, const struct slot *slot)
{
	struct runner *r, *place = NULL;

	for (r = h->runners; r < h->runners + PROGRAM_RUNNERS; r++) {
		if (r->run != NULL)
			continue;
		if (r->wire.fd != -1 && r->runs < RUNS_MAX &&
		    r->known >= slot->serial && is_alive(r))
			return r;
		if (place == NULL || place->wire.fd != -1)
			place = r;
	}
	if (place != NULL)
		drop_runner(place);
	return place;
}

/* Have a process for it.  False: not now. */
static bool
make_runner(struct program_host *h, struct runner *r, int64_t now)
{
	int pair[2], rc;

	if (h->wire.sent < h->wire.out.len || now < h->start_ms)
		return false;
	if (make_pair(pair) == -1) {
		note_trouble(h, strerror(errno), now);
		return false;
	}
	rc = wire_send_fd(&h->wire, WIRE_FORK, pair[1]);
	(void)close(pair[1]);
	if (rc == -1) {
		(void)close(pair[0]);
		lose_host(h, "its process has ended", false, now);
		return false;
	}
	wire_open(&r->wire, pair[0]);
	r->known = h->serial;
	r->runs = 0;
	return true;
}

/* The variables and the input, as compiled.c expects them. */
static void
add_input(const struct program_run *run, struct buf *whole)
{
	const struct program_variables *v = &run->variables;
	const char *bound[] = { v->id, v->event, v->received_at, v->source,
	    v->destination };
	size_t i;

	buf_putc(whole, '[');
	for (i = 0; i < sizeof(bound) / sizeof(bound[0]); i++) {
		buf_json(whole, bound[i], strlen(bound[i]));
		buf_putc(whole, ',');
	}
	buf_add(whole, run->input, run->len);
	buf_putc(whole, ']');
}

/* Hand the run to a runner. */
static void
begin(struct program_host *h, struct program_run *run, struct runner *r,
    int64_t now)
{
	struct buf whole = { 0 };

	add_input(run, &whole);
	run->runner = r;
	r->run = run;
	r->deadline_ms = now + ANSWER_MS;
	if (buf_ok(&whole) && whole.len > WIRE_INPUT_MAX) {
		r->run = NULL;
		finish_with(h, run, PROGRAM_ERROR, "its input is larger than 16 MB");
	} else if (!buf_ok(&whole)) {
		lose_runner(h, r, "out of memory", now);
	} else {
		/* If it is gone, it may have said why: seen when that is read. */
		(void)wire_send(&r->wire, WIRE_RUN, run->program->slot->index,
		    whole.data, whole.len);
	}
	buf_free(&whole);
}

/* --- what is to be done --------------------------------------------------- */

static bool
is_group_busy(const struct program_host *h, const struct program_run *run)
{
	size_t i;

	for (i = 0; i < PROGRAM_RUNNERS; i++)
		if (h->runners[i].run != NULL &&
		    h->runners[i].run->group == run->group)
			return true;
	return false;
}

static bool
has_slot(struct program_host *h, struct program *program)
{
	if (program->slot != NULL)
		return true;
	if ((program->slot = find_slot(h, program->text)) == NULL)
		return false;
	program->slot->users++;
	return true;
}

/* Is it known whether it compiles?  If not, that is found out. */
static bool
is_compiled(struct program_host *h, struct slot *slot, int64_t now)
{
	if (slot->serial != 0 || slot->fault != NULL)
		return true;
	if (h->up && h->compiling == NULL)
		compile(h, slot, now);
	return false;
}

/*
 * Take a run as far as it goes now.  True: it is done, or others are; the list
 * must be looked at anew.
 */
static bool
advance(struct program_host *h, struct program_run *run, int64_t now)
{
	struct program *program = run->program;
	struct runner *r;

	if (h->pid == 0 && h->hopeless && now < h->start_ms) {
		finish_with(h, run, PROGRAM_TROUBLE, h->why);
		return true;
	}
	if (h->pid == 0) {
		if (now >= h->start_ms)
			start_host(h, now);
		return h->ended;
	}
	if (!has_slot(h, program))
		finish_with(h, run, PROGRAM_TROUBLE, "out of memory");
	else if (!is_compiled(h, program->slot, now))
		return false;
	else if (program->slot->fault != NULL)
		finish_with(h, run, PROGRAM_FAULTY, program->slot->fault);
	else if (run->input == NULL)
		finish_with(h, run, PROGRAM_EMPTY, "");
	else if (!is_group_busy(h, run) &&
	    (r = find_runner(h, program->slot)) != NULL &&
	    (r->wire.fd != -1 || make_runner(h, r, now)))
		begin(h, run, r, now);
	return h->ended;
}

/* Whose done is called may submit and cancel others: then from the start. */
static bool
dispatch(struct program_host *h, int64_t now)
{
	bool ended = h->ended;
	struct program_run *run = h->first;

	while (run != NULL) {
		h->ended = false;
		if (run->runner == NULL && advance(h, run, now)) {
			ended = true;
			run = h->first;
		} else {
			run = run->next;
		}
	}
	return ended;
}

bool
program_host_step(struct program_host *h)
{
	int64_t now = clock_mono_ms();
	size_t i;

	if (h == NULL || h->first == NULL)
		return false;
	h->ended = false;
	if (h->wire.fd != -1)
		step_host(h, now);
	for (i = 0; i < PROGRAM_RUNNERS; i++)
		if (h->runners[i].wire.fd != -1)
			step_runner(h, &h->runners[i], now);
	return dispatch(h, now);
}

/* --- waiting -------------------------------------------------------------- */

static void
add_fd(const struct wire *wire, struct pollfd *fds, size_t *count)
{
	if (wire->fd != -1)
		fds[(*count)++] = (struct pollfd){
			.fd = wire->fd,
			.events = wire->sent < wire->out.len ? POLLIN | POLLOUT : POLLIN
		};
}

size_t
program_host_fds(const struct program_host *h, struct pollfd fds[PROGRAM_FDS_MAX])
{
	size_t count = 0, i;

	if (h == NULL || h->first == NULL)
		return 0;
	add_fd(&h->wire, fds, &count);
	for (i = 0; i < PROGRAM_RUNNERS; i++)
		add_fd(&h->runners[i].wire, fds, &count);
	return count;
}

int64_t
program_host_wake_ms(const struct program_host *h)
{
	int64_t wake = INT64_MAX;
	size_t i;

	if (h == NULL || h->first == NULL)
		return wake;
	if (h->start_ms > clock_mono_ms())
		wake = h->start_ms;
	if (h->pid != 0 && (!h->up || h->compiling != NULL) &&
	    h->deadline_ms < wake)
		wake = h->deadline_ms;
	for (i = 0; i < PROGRAM_RUNNERS; i++)
		if (h->runners[i].run != NULL && h->runners[i].deadline_ms < wake)
			wake = h->runners[i].deadline_ms;
	return wake;
}

void
program_host_wait(struct program_host *h, int ms)
{
	struct pollfd fds[PROGRAM_FDS_MAX];
	int64_t left;

	if (program_host_step(h))
		return;
	left = program_host_wake_ms(h) - clock_mono_ms();
	if (left < ms)
		ms = left > 1 ? (int)left : 1;
	(void)poll(fds, program_host_fds(h, fds), ms);
}

struct waited {
	struct program_run run;
	enum program_state state;
	struct buf *out;
	bool over;
};

static void
waited_done(struct program_run *run, enum program_state state,
    const struct buf *out)
{
	struct waited *w = (struct waited *)run;

	buf_reset(w->out);
	buf_add(w->out, out->data, out->len);
	w->state = state;
	w->over = true;
}

enum program_state
program_run(struct program_host *h, struct program_run *run, int ms,
    struct buf *out)
{
	struct waited *w = calloc(1, sizeof(*w));
	enum program_state state = PROGRAM_TROUBLE;
	int64_t end = clock_mono_ms() + ms, left;

	buf_reset(out);
	if (w == NULL) {
		buf_puts(out, "out of memory");
		return state;
	}
	w->run = *run;
	w->run.done = waited_done;
	w->out = out;
	program_submit(h, &w->run);
	do {
		left = end - clock_mono_ms();
		program_host_wait(h, left > 0 ? (int)left : 0);
	} while (!w->over && left > 0);
	if (w->over) {
		state = w->state;
	} else {
		program_cancel(h, &w->run);
		buf_puts(out, h->failures != 0 ? h->why : SILENT);
	}
	free(w);
	return state;
}

/* --- life ----------------------------------------------------------------- */

struct program_host *
program_host_new(void)
{
	struct program_host *h = calloc(1, sizeof(*h));
	size_t i;

	if (h == NULL)
		return NULL;
	h->last = &h->first;
	wire_open(&h->wire, -1);
	for (i = 0; i < PROGRAM_RUNNERS; i++)
		wire_open(&h->runners[i].wire, -1);
	return h;
}

void
program_host_free(struct program_host *h)
{
	size_t i;

	if (h == NULL)
		return;
	end_process(h);
	for (i = 0; i < h->slot_count; i++) {
		empty_slot(h->slots[i]);
		free(h->slots[i]);
	}
	free(h);
}
