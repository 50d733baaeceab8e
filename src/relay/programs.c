#include "relay/programs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/stamp.h"
#include "base/text.h"
#include "config/config.h"
#include "outbox/event.h"

/* One program: from the configuration or from a file, and its place in the runner. */
struct program {
	const char *text;		/* NULL: see path */
	const char *path;		/* NULL: see text; both NULL: there is none */
	struct stamp stamp;
	size_t index;
};

/*
 * ${runner} has what is in use.  ${fresh}, if not NULL, has what was read after
 * a file changed; as soon as no run is under way its programs are compiled, one
 * at a time, and it takes ${runner}'s place.
 */
struct programs {
	struct program_host *host;
	const struct config_destination *config;
	struct program programs[PROGRAMS_KINDS];
	size_t count;
	struct program_runner *runner;
	struct program_runner *fresh;
	size_t next;			/* of fresh: the one to be compiled */
	bool compiling;			/* it is under way */
	bool running;			/* the first run is under way */
	struct programs_run *first;
	struct programs_run **last;
	struct buf out;
};

static const char *const names[PROGRAMS_KINDS] = {
	[PROGRAMS_WHEN] = "when",
	[PROGRAMS_TRANSFORM] = "transform",
	[PROGRAMS_SUCCESS_WHEN] = "success_when",
	[PROGRAMS_CAPTURE] = "capture"
};

const char *
programs_name(enum programs_which which)
{
	return names[which];
}

/* --- reading -------------------------------------------------------------- */

/* Append the program in ${path}.  0, or -1 with a phrase in ${why}. */
static int
read_program(const char *path, struct buf *text, struct buf *why)
{
	char chunk[8192];
	const char *fault = NULL;
	ssize_t n = 0;
	int fd;

	if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)) == -1) {
		buf_printf(why, "%s cannot be opened: %s", path, strerror(errno));
		return -1;
	}
	while (text->len <= PROGRAMS_TEXT_MAX &&
	    (n = read(fd, chunk, sizeof(chunk))) > 0)
		buf_add(text, chunk, (size_t)n);
	buf_puts(text, "");		/* an empty file is a string, too */
	if (n == -1)
		fault = strerror(errno);
	else if (text->len > PROGRAMS_TEXT_MAX)
		fault = "it is larger than 256 KB";
	else if (!buf_ok(text))
		fault = "out of memory";
	else if (memchr(text->data, '\0', text->len) != NULL)
		fault = "it holds a NUL byte";
	if (fault != NULL)
		buf_printf(why, "%s cannot be read: %s", path, fault);
	(void)close(fd);
	return fault == NULL ? 0 : -1;
}

/* A runner with the programs as they are now, or NULL and a phrase. */
static struct program_runner *
read_all(struct programs *p, struct buf *why)
{
	struct buf texts[PROGRAMS_KINDS] = { { 0 } };
	const char *list[PROGRAMS_KINDS];
	struct program_runner *runner = NULL;
	struct program *one;
	int i, rc = 0;

	for (i = 0; i < PROGRAMS_KINDS; i++) {
		one = &p->programs[i];
		if (one->path != NULL) {
			/* Stamped first: a change meanwhile is then seen next time. */
			(void)stamp_take(&one->stamp, one->path);
			if ((rc = read_program(one->path, &texts[i], why)) == -1)
				break;
			list[one->index] = texts[i].data;
		} else if (one->text != NULL)
			list[one->index] = one->text;
	}
	if (rc == 0 &&
	    (runner = program_runner_new(p->host, list, p->count)) == NULL)
		buf_puts(why, "out of memory");
	for (i = 0; i < PROGRAMS_KINDS; i++)
		buf_free(&texts[i]);
	return runner;
}

static void
find_programs(struct programs *p)
{
	const struct config_destination *config = p->config;
	int i;

	p->programs[PROGRAMS_WHEN].text = config->when;
	p->programs[PROGRAMS_WHEN].path = config->when_file;
	if (config->body == CONFIG_BODY_TRANSFORM)
		p->programs[PROGRAMS_TRANSFORM].path = config->transform;
	p->programs[PROGRAMS_SUCCESS_WHEN].text = config->success_when;
	p->programs[PROGRAMS_CAPTURE].text = config->capture;
	for (i = 0; i < PROGRAMS_KINDS; i++)
		if (programs_has(p, (enum programs_which)i))
			p->programs[i].index = p->count++;
}

struct programs *
programs_new(struct program_host *host, const struct config_destination *config,
    struct buf *why)
{
	struct programs *p;

	if ((p = calloc(1, sizeof(*p))) == NULL) {
		buf_puts(why, "out of memory");
		return NULL;
	}
	p->host = host;
	p->config = config;
	p->last = &p->first;
	find_programs(p);
	if (p->count == 0)
		return p;
	if (host == NULL)
		buf_puts(why, "the first programs of a configuration need a "
		    "restart, for the process that runs them");
	else if ((p->runner = read_all(p, why)) != NULL)
		return p;
	programs_free(p);
	return NULL;
}

void
programs_free(struct programs *p)
{
	if (p == NULL)
		return;
	program_runner_free(p->runner);
	program_runner_free(p->fresh);
	buf_free(&p->out);
	free(p);
}

bool
programs_has(const struct programs *p, enum programs_which which)
{
	return p->programs[which].text != NULL || p->programs[which].path != NULL;
}

/* --- compiling ------------------------------------------------------------ */

/* "transform: FILE: " and libjq's message, its lines drawn into one. */
static void
describe(const struct programs *p, size_t index, const struct buf *message,
    struct buf *why)
{
	const char *c;
	size_t len;
	int i;

	for (i = 0; i < PROGRAMS_KINDS; i++)
		if (programs_has(p, (enum programs_which)i) &&
		    p->programs[i].index == index)
			break;
	buf_printf(why, "%s: ", p->programs[i].path == p->config->when_file &&
	    p->config->when_file != NULL ? "when_file" : names[i]);
	if (p->programs[i].path != NULL)
		buf_printf(why, "%s: ", p->programs[i].path);
	for (c = message->data; c != NULL && *c != '\0'; c += len) {
		len = strcspn(c, " \t\n");
		buf_add(why, c, len);
		c += len;
		len = strspn(c, " \t\n");
		if (c[len] != '\0')
			buf_putc(why, ' ');
	}
}

int
programs_compile(struct programs *p, struct buf *why)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < p->count; i++) {
		if (program_compile(p->runner, i, &p->out) == PROGRAM_EMPTY)
			continue;
		if (rc == -1)
			buf_putc(why, '\n');
		describe(p, i, &p->out, why);
		rc = -1;
	}
	return rc;
}

static int
compile_one(struct program_host *host, const struct config *config, size_t index,
    struct buf *why)
{
	const struct config_destination *destination = &config->destinations[index];
	struct buf fault = { 0 };
	struct programs *p;
	char *line, *next;
	int rc = -1;

	if ((p = programs_new(host, destination, &fault)) != NULL)
		rc = programs_compile(p, &fault);
	for (next = fault.data; (line = strsep(&next, "\n")) != NULL;)
		buf_printf(why, "%s: destination %s: %s\n", config->file,
		    destination->name, line);
	buf_free(&fault);
	programs_free(p);
	return rc;
}

static bool
has_any(const struct config_destination *d)
{
	return d->when != NULL || d->when_file != NULL ||
	    d->body == CONFIG_BODY_TRANSFORM || d->success_when != NULL ||
	    d->capture != NULL;
}

int
programs_check(const struct config *config, struct program_host *host,
    struct buf *why)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < config->destination_count; i++)
		if (has_any(&config->destinations[i]) &&
		    compile_one(host, config, i, why) == -1)
			rc = -1;
	return rc;
}

int
programs_begin(const struct config *config, struct program_host **host,
    struct buf *why)
{
	size_t i = 0;

	*host = NULL;
	while (i < config->destination_count && !has_any(&config->destinations[i]))
		i++;
	if (i == config->destination_count)
		return 0;
	if ((*host = program_host_start()) == NULL) {
		buf_printf(why, "no process to run programs in: %s\n",
		    strerror(errno));
		return -1;
	}
	if (programs_check(config, *host, why) == 0)
		return 0;
	program_host_stop(*host);
	*host = NULL;
	return -1;
}

/* --- when files change ---------------------------------------------------- */

/* What was read last is no good: what was before stays. */
static void
keep_former(struct programs *p, const struct buf *why)
{
	log_err("destination %s: the former program stays in use: %s",
	    p->config->name, why->data != NULL ? why->data : "out of memory");
	program_runner_free(p->fresh);
	p->fresh = NULL;
}

/* Look whether files changed since they were read. */
static void
refresh(struct programs *p)
{
	struct buf why = { 0 };
	bool changed = false;
	int i;

	/* One that is away for a moment, in an editor's hands, is no change. */
	for (i = 0; i < PROGRAMS_KINDS; i++)
		if (p->programs[i].path != NULL &&
		    stamp_take(&p->programs[i].stamp, p->programs[i].path) == 1)
			changed = true;
	if (!changed)
		return;
	program_runner_free(p->fresh);
	p->compiling = false;
	p->next = 0;
	if ((p->fresh = read_all(p, &why)) == NULL)
		keep_former(p, &why);
	buf_free(&why);
}

/* Go on with the fresh programs: true when nothing more is to be waited for. */
static bool
step_fresh(struct programs *p)
{
	enum program_state state;
	struct buf why = { 0 };

	while (p->next < p->count) {
		if (!p->compiling &&
		    program_runner_compile(p->fresh, p->next) != 0) {
			buf_reset(&p->out);
			buf_puts(&p->out, "no process to compile it in");
			state = PROGRAM_ERROR;
		} else {
			p->compiling = true;
			state = program_runner_step(p->fresh, &p->out);
		}
		if (state == PROGRAM_RUNNING)
			return false;
		p->compiling = false;
		if (state == PROGRAM_ERROR) {
			describe(p, p->next, &p->out, &why);
			keep_former(p, &why);
			buf_free(&why);
			return true;
		}
		p->next++;
	}
	program_runner_free(p->runner);
	p->runner = p->fresh;
	p->fresh = NULL;
	log_info("destination %s: its programs were read again", p->config->name);
	return true;
}

/* --- running -------------------------------------------------------------- */

void
programs_submit(struct programs *p, struct programs_run *run)
{
	refresh(p);
	run->next = NULL;
	*p->last = run;
	p->last = &run->next;
}

static void
unlink_run(struct programs *p, struct programs_run *run)
{
	struct programs_run **at;

	for (at = &p->first; *at != run; at = &(*at)->next)
		continue;
	*at = run->next;
	if (run->next == NULL)
		p->last = at;
}

/* Start a run on ${runner}; -1: it cannot be. */
static int
start(struct programs *p, const struct programs_run *run)
{
	char received_at[TEXT_TIME_SIZE];
	const struct program_variables variables = {
		.id = run->claim->id,
		.event = run->claim->name,
		.received_at = text_format_time(run->claim->received_ms, received_at),
		.source = run->claim->source,
		.destination = p->config->name
	};

	return program_runner_start(p->runner, p->programs[run->which].index,
	    run->input, run->len, &variables);
}

void
programs_cancel(struct programs *p, struct programs_run *run)
{
	if (run == p->first && p->running) {
		program_runner_cancel(p->runner);
		p->running = false;
	}
	unlink_run(p, run);
}

/* Go on with the first run: true when it is over. */
static bool
step_first(struct programs *p)
{
	struct programs_run *run = p->first;
	enum program_state state;

	if (!p->running && start(p, run) == -1) {
		buf_reset(&p->out);
		buf_puts(&p->out, "no process to run it in");
		state = PROGRAM_ERROR;
	} else {
		p->running = true;
		state = program_runner_step(p->runner, &p->out);
	}
	if (state == PROGRAM_RUNNING)
		return false;
	p->running = false;
	unlink_run(p, run);
	run->done(run, state, &p->out);
	return true;
}

void
programs_step(struct programs *p)
{
	do {
		if (p->fresh != NULL && !p->running && !step_fresh(p))
			return;
	} while (p->first != NULL && step_first(p));
}

int
programs_fd(const struct programs *p, short *events)
{
	const struct program_runner *r = p->compiling ? p->fresh :
	    p->running ? p->runner : NULL;

	if (r == NULL)
		return -1;
	*events = program_runner_events(r);
	return program_runner_fd(r);
}
