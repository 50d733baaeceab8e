/*
 * One queue of runs in their order, and a pool of runners.  A step hears what the
 * runners have to say, then hands runs to those that are ready; one more is started,
 * one at a time, while a run waits and there is a place for it.  Any done that is
 * called may submit and cancel runs: nothing is known of the queue after it.
 */
#include "config.h"

#include "program/program.h"

#include <errno.h>
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
#include "program/runner.h"
#include "program/wire.h"

#define START_MS 10000		/* a first word that takes longer will not come; */
#define ANSWER_MS (START_MS + PROGRAM_COMPILE_MS)	/* nor will an answer */
#define PATIENCE_MS 5000	/* so long a run is repeated, */
#define PATIENCE_TIMES 3	/* and so often, before its trouble is told */
#define RESTART_MS 50		/* before a runner is started after trouble, doubled each time, */
#define RESTART_MAX_MS 2000	/* at most */
#define END_MS 200		/* so long a process that was killed is waited for */
#define SILENT "its process does not answer"

enum runner_state {
	RUNNER_NONE,
	RUNNER_STARTING,		/* until it has said that it works */
	RUNNER_READY,
	RUNNER_BUSY,			/* with ${run}, or one that was cancelled: NULL */
	RUNNER_ENDING			/* killed, and not ended yet: the disk or a debugger has it */
};

struct runner {
	enum runner_state state;
	pid_t pid;
	struct wire wire;
	struct program_run *run;
	int64_t deadline_ms;		/* STARTING, BUSY */
};

struct program_pool {
	struct runner runners[PROGRAM_RUNNERS];
	struct program_run *first;	/* all that are not done, in their order */
	struct program_run **last;
	bool ended;			/* a run was done in this step */

	/* Since the last good answer. */
	int failures;
	bool hopeless;			/* and trying again at once does not help */
	char why[160];
	int64_t start_ms;		/* none is started before this moment */
};

/* --- runs ----------------------------------------------------------------- */

void
program_submit(struct program_pool *h, struct program_run *run)
{
	run->next = NULL;
	run->runner = NULL;
	run->troubles = 0;
	run->given_up = false;
	*h->last = run;
	h->last = &run->next;
}

static void
unlink_run(struct program_pool *h, struct program_run *run)
{
	struct program_run **at;

	for (at = &h->first; *at != run; at = &(*at)->next)
		continue;
	*at = run->next;
	if (run->next == NULL)
		h->last = at;
}

/* Its runner comes to its end of it: what it compiles meanwhile is of use. */
void
program_cancel(struct program_pool *h, struct program_run *run)
{
	if (run->runner != NULL)
		run->runner->run = NULL;
	unlink_run(h, run);
}

static void
finish(struct program_pool *h, struct program_run *run, enum program_state state,
    const struct buf *out)
{
	unlink_run(h, run);
	h->ended = true;
	run->done(run, state, out);
}

static void
finish_with(struct program_pool *h, struct program_run *run,
    enum program_state state, const char *words)
{
	struct buf out = { 0 };

	buf_puts(&out, words);
	finish(h, run, buf_ok(&out) ? state : PROGRAM_TROUBLE, &out);
	buf_free(&out);
}

/* --- trouble -------------------------------------------------------------- */

/* Something went wrong: say so, if it is news, and wait before the next start. */
static void
note_trouble(struct program_pool *h, const char *why, bool hopeless, int64_t now)
{
	int64_t pause = RESTART_MS;
	int i;

	h->hopeless = hopeless;
	(void)snprintf(h->why, sizeof(h->why), "%s", why);
	if (h->failures++ == 0)
		log_warn("jq programs cannot be run, trying again: %s", h->why);
	for (i = 1; i < h->failures && pause < RESTART_MAX_MS; i++)
		pause *= 2;
	h->start_ms = now + (hopeless || pause > RESTART_MAX_MS ? RESTART_MAX_MS :
	    pause);
}

static void
note_good(struct program_pool *h)
{
	if (h->failures != 0)
		log_info("jq programs can be run again");
	h->failures = 0;
	h->hopeless = false;
	h->start_ms = 0;
}

/* ${run} could not be carried out, once more: is that enough? */
static void
charge(struct program_run *run, int64_t now)
{
	if (run->troubles++ == 0)
		run->trouble_ms = now;
	run->given_up = run->troubles >= PATIENCE_TIMES &&
	    now - run->trouble_ms >= PATIENCE_MS;
}

/* How many are so? */
static size_t
count_runners(const struct program_pool *h, enum runner_state state)
{
	size_t count = 0, i;

	for (i = 0; i < PROGRAM_RUNNERS; i++)
		count += h->runners[i].state == state;
	return count;
}

/*
 * No runner can be had: that is trouble of all runs that wait for one.  While
 * another works, there is hope for them.
 */
static void
fail_start(struct program_pool *h, const char *why, bool hopeless, int64_t now)
{
	struct program_run *run;

	note_trouble(h, why, hopeless && count_runners(h, RUNNER_BUSY) == 0, now);
	for (run = h->first; run != NULL; run = run->next)
		if (run->runner == NULL)
			charge(run, now);
}

/* --- runners -------------------------------------------------------------- */

/* Kill it, and see it end.  What does not end now keeps its place. */
static void
end_runner(struct runner *r)
{
	const struct timespec ms = { 0, 1000000 };
	int i;

	wire_close(&r->wire);
	if (r->run != NULL)
		r->run->runner = NULL;
	r->run = NULL;
	/* Where ended children are nobody's, its number may be another's by now. */
	for (i = 0; waitpid(r->pid, NULL, WNOHANG) == 0; i++) {
		if (i == END_MS) {
			r->state = RUNNER_ENDING;
			return;
		}
		(void)kill(r->pid, SIGKILL);
		(void)nanosleep(&ms, NULL);
	}
	r->state = RUNNER_NONE;
}

/* It is of no use any more, by nobody's fault that we know. */
static void
lose_runner(struct program_pool *h, struct runner *r, const char *why,
    bool hopeless, int64_t now)
{
	if (r->state == RUNNER_STARTING) {
		fail_start(h, why, hopeless, now);
	} else if (r->run != NULL) {
		note_trouble(h, why, false, now);
		charge(r->run, now);
	}
	end_runner(r);			/* last: it may hold the reason */
}

static void
start_runner(struct program_pool *h, struct runner *r, int64_t now)
{
	int pair[2], rc;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1) {
		fail_start(h, strerror(errno), false, now);
		return;
	}
	rc = again_start(RUNNER_WORD, pair[1], &r->pid);
	(void)close(pair[1]);
	if (rc != 0) {
		(void)close(pair[0]);
		fail_start(h, strerror(rc), rc == ENOENT || rc == EACCES, now);
		return;
	}
	wire_open(&r->wire, pair[0], MSG_DONTWAIT);
	r->state = RUNNER_STARTING;
	r->deadline_ms = now + START_MS;
}

/* Its first word. */
static void
greet(struct program_pool *h, struct runner *r, int64_t now)
{
	if (r->wire.head.kind == WIRE_TROUBLE)
		lose_runner(h, r, r->wire.in.data, true, now);
	else if (r->wire.head.kind != WIRE_HELLO ||
	    r->wire.head.index != WIRE_VERSION)
		lose_runner(h, r, "another version of leadrelay was installed: "
		    "restart this one", true, now);
	else
		r->state = RUNNER_READY;
}

/* Its answer. */
static void
answer(struct program_pool *h, struct runner *r, int64_t now)
{
	static const enum program_state states[WIRE_KINDS] = {
		[WIRE_OUTPUT] = PROGRAM_OUTPUT, [WIRE_EMPTY] = PROGRAM_EMPTY,
		[WIRE_ERROR] = PROGRAM_ERROR, [WIRE_FAULTY] = PROGRAM_FAULTY
	};
	struct program_run *run = r->run;

	if (r->wire.head.kind == WIRE_TROUBLE) {
		lose_runner(h, r, r->wire.in.data, false, now);
		return;
	}
	r->run = NULL;
	r->state = RUNNER_READY;
	note_good(h);
	if (run != NULL)
		finish(h, run, states[r->wire.head.kind], &r->wire.in);
	if (r->wire.head.index == WIRE_LAST)
		end_runner(r);
}

static void
step_runner(struct program_pool *h, struct runner *r, int64_t now)
{
	struct program_run *run = r->run;
	enum wire_news news;

	(void)wire_flush(&r->wire);	/* if it is gone, there may still be its last words */
	news = wire_receive(&r->wire);
	if (news == WIRE_NOTHING) {
		if (r->state != RUNNER_READY && now >= r->deadline_ms)
			lose_runner(h, r, SILENT, false, now);
	} else if (news == WIRE_END || r->state == RUNNER_READY) {
		lose_runner(h, r, "its process was ended", false, now);
	} else if (r->state == RUNNER_STARTING) {
		greet(h, r, now);
		wire_next(&r->wire);
	} else if (news == WIRE_MESSAGE && r->wire.head.kind > WIRE_HELLO) {
		answer(h, r, now);
		wire_next(&r->wire);
	} else {
		/* Only what it ran can have made it so. */
		end_runner(r);
		if (run != NULL)
			finish_with(h, run, PROGRAM_ERROR, "its process answered nonsense");
	}
}

/* --- what is to be done --------------------------------------------------- */

/* Has it ended by now, if it was killed? */
static bool
is_free(struct runner *r)
{
	if (r->state == RUNNER_ENDING && waitpid(r->pid, NULL, WNOHANG) != 0)
		r->state = RUNNER_NONE;
	return r->state == RUNNER_NONE;
}

/* A runner that is ready.  NULL: not now, but one more is on its way if there can be. */
static struct runner *
find_runner(struct program_pool *h, int64_t now)
{
	struct runner *r, *place = NULL;

	for (r = h->runners; r < h->runners + PROGRAM_RUNNERS; r++) {
		if (r->state == RUNNER_READY)
			return r;
		if (is_free(r))
			place = r;
	}
	if (now < h->start_ms || count_runners(h, RUNNER_STARTING) != 0)
		return NULL;
	if (place != NULL)
		start_runner(h, place, now);
	else if (count_runners(h, RUNNER_ENDING) == PROGRAM_RUNNERS)
		fail_start(h, "its former process cannot be ended", false, now);
	return NULL;
}

static bool
is_group_busy(const struct program_pool *h, const struct program_run *run)
{
	size_t i;

	for (i = 0; i < PROGRAM_RUNNERS; i++)
		if (h->runners[i].run != NULL &&
		    h->runners[i].run->group == run->group)
			return true;
	return false;
}

/* The program, the variables and the input, as runner.c expects them. */
static void
add_job(const struct program_run *run, struct buf *job)
{
	const struct program_variables *v = &run->variables;
	const char *bound[] = { v->id, v->event, v->received_at, v->source,
	    v->destination };
	size_t i;

	buf_puts(job, run->text);
	if (run->input == NULL)
		return;
	buf_putc(job, '\0');
	buf_putc(job, '[');
	for (i = 0; i < sizeof(bound) / sizeof(bound[0]); i++) {
		buf_json(job, bound[i], strlen(bound[i]));
		buf_putc(job, ',');
	}
	buf_add(job, run->input, run->len);
	buf_putc(job, ']');
}

/* Hand the run to a runner.  False: it is done. */
static bool
begin(struct program_pool *h, struct program_run *run, struct runner *r,
    int64_t now)
{
	struct buf job = { 0 };
	bool begun = false;

	add_job(run, &job);
	if (!buf_ok(&job)) {
		finish_with(h, run, PROGRAM_TROUBLE, "out of memory");
	} else if (job.len > WIRE_JOB_MAX) {
		finish_with(h, run, PROGRAM_ERROR, "its input is larger than 16 MB");
	} else {
		begun = true;
		run->runner = r;
		r->run = run;
		r->state = RUNNER_BUSY;
		r->deadline_ms = now + ANSWER_MS;
		/* If it is gone, it may have said why: seen when that is read. */
		(void)wire_send(&r->wire, WIRE_RUN, 0, job.data, job.len);
	}
	buf_free(&job);
	return begun;
}

/* May it be handed out?  What has been in trouble waits, lest it end all runners. */
static bool
is_due(const struct program_pool *h, const struct program_run *run, int64_t now)
{
	return run->runner == NULL && !run->given_up &&
	    (run->troubles == 0 || now >= h->start_ms) && !is_group_busy(h, run);
}

static void
dispatch(struct program_pool *h, int64_t now)
{
	struct program_run *run = h->first;
	struct runner *r;

	while (run != NULL) {
		if (is_due(h, run, now) && (r = find_runner(h, now)) != NULL &&
		    !begin(h, run, r, now))
			run = h->first;
		else
			run = run->next;
	}
}

/* Tell the trouble of those that waited long enough, or wait in vain. */
static void
give_up(struct program_pool *h, int64_t now)
{
	struct program_run *run = h->first;
	bool all = h->hopeless && now < h->start_ms;

	while (run != NULL) {
		if (run->runner == NULL && (run->given_up || all)) {
			finish_with(h, run, PROGRAM_TROUBLE, h->why);
			run = h->first;
		} else {
			run = run->next;
		}
	}
}

bool
program_pool_step(struct program_pool *h)
{
	int64_t now = clock_mono_ms();
	size_t i;

	if (h == NULL || h->first == NULL)
		return false;
	h->ended = false;
	for (i = 0; i < PROGRAM_RUNNERS; i++)
		if (h->runners[i].wire.fd != -1)
			step_runner(h, &h->runners[i], now);
	dispatch(h, now);
	give_up(h, now);
	return h->ended;
}

/* --- waiting -------------------------------------------------------------- */

size_t
program_pool_fds(const struct program_pool *h, struct pollfd fds[PROGRAM_FDS_MAX])
{
	const struct wire *w;
	size_t count = 0, i;

	for (i = 0; h != NULL && h->first != NULL && i < PROGRAM_RUNNERS; i++) {
		w = &h->runners[i].wire;
		if (w->fd != -1)
			fds[count++] = (struct pollfd){ .fd = w->fd,
			    .events = w->sent < w->out.len ? POLLIN | POLLOUT : POLLIN };
	}
	return count;
}

int64_t
program_pool_wake_ms(const struct program_pool *h)
{
	int64_t wake = INT64_MAX;
	const struct runner *r;

	if (h == NULL || h->first == NULL)
		return wake;
	if (h->start_ms > clock_mono_ms())
		wake = h->start_ms;
	for (r = h->runners; r < h->runners + PROGRAM_RUNNERS; r++)
		if ((r->state == RUNNER_STARTING || r->state == RUNNER_BUSY) &&
		    r->deadline_ms < wake)
			wake = r->deadline_ms;
	return wake;
}

void
program_pool_wait(struct program_pool *h, int ms)
{
	struct pollfd fds[PROGRAM_FDS_MAX];
	int64_t left;

	if (program_pool_step(h))
		return;
	left = program_pool_wake_ms(h) - clock_mono_ms();
	if (left < ms)
		ms = left > 1 ? (int)left : 1;
	(void)poll(fds, program_pool_fds(h, fds), ms);
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
program_run(struct program_pool *h, struct program_run *run, int ms,
    struct buf *out)
{
	struct waited w = { .run = *run, .out = out };
	int64_t end = clock_mono_ms() + ms, left;

	w.run.done = waited_done;
	program_submit(h, &w.run);
	do {
		left = end - clock_mono_ms();
		program_pool_wait(h, left > 0 ? (int)left : 0);
	} while (!w.over && left > 0);
	if (w.over)
		return w.state;
	program_cancel(h, &w.run);
	buf_reset(out);
	buf_puts(out, h->failures != 0 ? h->why : SILENT);
	return PROGRAM_TROUBLE;
}

/* --- life ----------------------------------------------------------------- */

struct program_pool *
program_pool_new(void)
{
	struct program_pool *h = calloc(1, sizeof(*h));
	size_t i;

	if (h == NULL)
		return NULL;
	h->last = &h->first;
	for (i = 0; i < PROGRAM_RUNNERS; i++)
		wire_open(&h->runners[i].wire, -1, 0);
	return h;
}

void
program_pool_free(struct program_pool *h)
{
	size_t i;

	for (i = 0; h != NULL && i < PROGRAM_RUNNERS; i++)
		if (h->runners[i].state != RUNNER_NONE)
			end_runner(&h->runners[i]);
	free(h);
}
