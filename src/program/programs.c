#include "program/programs.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/stamp.h"
#include "base/text.h"
#include "config/config.h"
#include "outbox/event.h"

/* One program: from the configuration or from a file; or both NULL: there is none. */
struct one {
	const char *text;
	const char *path;
	struct stamp stamp;
	struct program *program;	/* in use */
	struct program *fresh;		/* of a file that changed, or NULL */
	struct program_run trial;	/* does it compile? */
	bool trying;			/* is being found out */
	struct programs *programs;
};

/*
 * While ${trials} of fresh programs are under way, runs wait in ${first}.  When
 * all are over and none failed, the fresh ones take over.
 */
struct programs {
	struct program_host *host;
	const struct config_destination *config;
	struct one all[PROGRAMS_KINDS];
	int trials;
	bool failed;
	struct buf why;
	struct programs_run *first;
	struct programs_run **last;
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
	struct stat sb;
	ssize_t n = 0;
	bool plain;
	int fd;

	/* O_NONBLOCK: a FIFO must be refused, not waited for. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd == -1) {
		buf_printf(why, "%s cannot be opened: %s", path, strerror(errno));
		return -1;
	}
	plain = fstat(fd, &sb) == 0 && S_ISREG(sb.st_mode);
	while (plain && text->len <= PROGRAMS_TEXT_MAX &&
	    (n = read(fd, chunk, sizeof(chunk))) > 0)
		buf_add(text, chunk, (size_t)n);
	buf_puts(text, "");		/* an empty file is a string, too */
	if (!plain)
		fault = "it is no regular file";
	else if (n == -1)
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

/* The program as it is now, or NULL and a phrase. */
static struct program *
read_one(struct one *one, struct buf *why)
{
	struct program *program = NULL;
	struct buf text = { 0 };

	if (one->path == NULL) {
		program = program_new(one->text);
	} else {
		/* Stamped first: a change meanwhile is then seen next time. */
		(void)stamp_take(&one->stamp, one->path);
		if (read_program(one->path, &text, why) == 0)
			program = program_new(text.data);
	}
	if (program == NULL && why->len == 0)
		buf_puts(why, "out of memory");
	buf_free(&text);
	return program;
}

static void
find_programs(struct programs *p)
{
	const struct config_destination *config = p->config;

	p->all[PROGRAMS_WHEN].text = config->when;
	p->all[PROGRAMS_WHEN].path = config->when_file;
	if (config->body == CONFIG_BODY_TRANSFORM)
		p->all[PROGRAMS_TRANSFORM].path = config->transform;
	p->all[PROGRAMS_SUCCESS_WHEN].text = config->success_when;
	p->all[PROGRAMS_CAPTURE].text = config->capture;
}

struct programs *
programs_new(struct program_host *host, const struct config_destination *config,
    struct buf *why)
{
	struct programs *p;
	struct one *one;

	if ((p = calloc(1, sizeof(*p))) == NULL) {
		buf_puts(why, "out of memory");
		return NULL;
	}
	p->host = host;
	p->config = config;
	p->last = &p->first;
	find_programs(p);
	for (one = p->all; one < p->all + PROGRAMS_KINDS; one++) {
		one->programs = p;
		if ((one->text != NULL || one->path != NULL) &&
		    (one->program = read_one(one, why)) == NULL) {
			programs_free(p);
			return NULL;
		}
	}
	return p;
}

bool
programs_has(const struct programs *p, enum programs_which which)
{
	return p->all[which].program != NULL;
}

/* "transform: FILE: " and libjq's message, its lines drawn into one. */
static void
describe(const struct programs *p, const struct one *one,
    const struct buf *message, struct buf *why)
{
	const char *c;
	size_t len;

	buf_printf(why, "%s: ", one->path != NULL && one == &p->all[PROGRAMS_WHEN] ?
	    "when_file" : names[one - p->all]);
	if (one->path != NULL)
		buf_printf(why, "%s: ", one->path);
	for (c = message->data; c != NULL && *c != '\0'; c += len) {
		len = strcspn(c, " \t\n");
		buf_add(why, c, len);
		c += len;
		len = strspn(c, " \t\n");
		if (c[len] != '\0')
			buf_putc(why, ' ');
	}
}

/* --- checking a configuration --------------------------------------------- */

static void
add_fault(const struct config *config, const struct config_destination *destination,
    const char *phrase, struct buf *why)
{
	buf_printf(why, "%s: destination %s: %s\n", config->file,
	    destination->name, phrase);
}

/*
 * Do a destination's programs compile?  -1: a line in ${why} for each that does
 * not; 1: that is not known of all of them, for the reason in ${trouble}.
 */
static int
compile_one(struct programs *p, const struct config *config, int64_t end_ms,
    struct buf *trouble, struct buf *why)
{
	struct buf fault = { 0 };
	enum program_state state = PROGRAM_EMPTY;
	int64_t left_ms;
	struct one *one;
	int rc = 0;

	for (one = p->all; one < p->all + PROGRAMS_KINDS &&
	    state != PROGRAM_TROUBLE; one++) {
		if (one->program == NULL)
			continue;
		one->trial = (struct program_run){ .program = one->program };
		left_ms = end_ms - clock_mono_ms();
		state = program_run(p->host, &one->trial, (int)left_ms, trouble);
		if (state == PROGRAM_FAULTY) {
			buf_reset(&fault);
			describe(p, one, trouble, &fault);
			add_fault(config, p->config, fault.data, why);
			rc = -1;
		}
	}
	buf_free(&fault);
	return rc == 0 && state == PROGRAM_TROUBLE ? 1 : rc;
}

/* All destinations' programs are kept until the end: what is compiled stays so. */
static int
compile_all(const struct config *config, struct program_host *host, int ms,
    struct programs **all, struct buf *why)
{
	int64_t end_ms = clock_mono_ms() + ms;
	struct buf fault = { 0 }, trouble = { 0 };
	size_t i;
	int rc = 0, one;

	for (i = 0; i < config->destination_count && rc != 1; i++) {
		buf_reset(&fault);
		all[i] = programs_new(host, &config->destinations[i], &fault);
		if (all[i] != NULL) {
			one = compile_one(all[i], config, end_ms, &trouble, why);
		} else {
			add_fault(config, &config->destinations[i], fault.data, why);
			one = -1;
		}
		if (one == -1 || (one == 1 && rc == 0))
			rc = one;
	}
	if (rc == 1)
		buf_add(why, trouble.data, trouble.len);
	buf_free(&fault);
	buf_free(&trouble);
	return rc;
}

static int
check_all(const struct config *config, struct program_host *host, int ms,
    struct buf *why)
{
	struct programs **all = calloc(config->destination_count + 1, sizeof(*all));
	size_t i;
	int rc;

	if (all == NULL) {
		buf_puts(why, "out of memory");
		return -1;
	}
	rc = compile_all(config, host, ms, all, why);
	for (i = 0; i < config->destination_count; i++)
		programs_free(all[i]);
	free(all);
	return rc;
}

int
programs_begin(const struct config *config, struct program_host **host, int ms,
    struct buf *why)
{
	int rc = -1;

	if ((*host = program_host_new()) == NULL)
		buf_puts(why, "out of memory");
	else
		rc = check_all(config, *host, ms, why);
	if (rc == -1) {
		program_host_free(*host);
		*host = NULL;
	}
	return rc;
}

int
programs_check(const struct config *config, struct buf *why)
{
	struct program_host *host;
	struct buf said = { 0 };
	int rc = programs_begin(config, &host, PROGRAMS_BEGIN_MS, &said);

	if (rc == -1)
		buf_add(why, said.data, said.len);
	else if (rc == 1)
		log_warn(PROGRAMS_UNKNOWN, said.data);
	buf_free(&said);
	program_host_free(host);
	return rc;
}

/* --- running -------------------------------------------------------------- */

static void
run_done(struct program_run *base, enum program_state state, const struct buf *out)
{
	struct programs_run *run = (struct programs_run *)base;

	run->done(run, state, out);
}

static void
start(struct programs *p, struct programs_run *run)
{
	const struct delivery_claim *claim = run->claim;

	run->waiting = false;
	run->run = (struct program_run){
		.program = p->all[run->which].program,
		.group = p,
		.input = run->input,
		.len = run->len,
		.variables = {
			.id = claim->id,
			.event = claim->name,
			.received_at = text_format_time(claim->received_ms,
			    run->received_at),
			.source = claim->source,
			.destination = p->config->name
		},
		.done = run_done
	};
	program_submit(p->host, &run->run);
}

/* The files that changed are judged: use them, or go on as before. */
static void
settle(struct programs *p)
{
	struct programs_run *run, *next = p->first;
	struct one *one;

	for (one = p->all; one < p->all + PROGRAMS_KINDS; one++) {
		if (one->fresh != NULL && !p->failed) {
			program_free(one->program);
			one->program = one->fresh;
		} else {
			program_free(one->fresh);
		}
		one->fresh = NULL;
	}
	if (!p->failed)
		log_info("destination %s: its programs were read again",
		    p->config->name);
	else if (p->why.len != 0)
		log_err("destination %s: the former program stays in use: %s",
		    p->config->name, p->why.data);
	p->failed = false;
	buf_reset(&p->why);
	p->first = NULL;
	p->last = &p->first;
	while ((run = next) != NULL) {
		next = run->next;
		start(p, run);
	}
}

static void
trial_done(struct program_run *run, enum program_state state, const struct buf *out)
{
	struct one *one = (struct one *)((char *)run - offsetof(struct one, trial));
	struct programs *p = one->programs;

	one->trying = false;
	if (state == PROGRAM_FAULTY)
		describe(p, one, out, &p->why);
	if (state == PROGRAM_TROUBLE)
		one->stamp.taken = false;	/* not judged: again at the next run */
	p->failed |= state != PROGRAM_EMPTY;
	if (--p->trials == 0)
		settle(p);
}

/* Read a file that changed, and see whether it compiles. */
static void
try_anew(struct programs *p, struct one *one)
{
	if ((one->fresh = read_one(one, &p->why)) == NULL) {
		p->failed = true;
		return;
	}
	one->trial = (struct program_run){
		.program = one->fresh, .group = one, .done = trial_done
	};
	one->trying = true;
	p->trials++;
	program_submit(p->host, &one->trial);
}

/* Look whether the files are still as they were read. */
static void
refresh(struct programs *p)
{
	struct stamp stamp;
	struct one *one;

	if (p->trials != 0)
		return;
	for (one = p->all; one < p->all + PROGRAMS_KINDS; one++) {
		/* One that is away for a moment, in an editor's hands, is no change. */
		stamp = one->stamp;
		if (one->path != NULL && stamp_take(&stamp, one->path) == 1)
			try_anew(p, one);
	}
	if (p->failed && p->trials == 0)
		settle(p);
}

void
programs_submit(struct programs *p, struct programs_run *run)
{
	refresh(p);
	if (p->trials == 0) {
		start(p, run);
		return;
	}
	run->waiting = true;
	run->next = NULL;
	*p->last = run;
	p->last = &run->next;
}

void
programs_cancel(struct programs *p, struct programs_run *run)
{
	struct programs_run **at;

	if (!run->waiting) {
		program_cancel(p->host, &run->run);
		return;
	}
	for (at = &p->first; *at != run; at = &(*at)->next)
		continue;
	*at = run->next;
	if (run->next == NULL)
		p->last = at;
}

void
programs_free(struct programs *p)
{
	struct one *one;

	if (p == NULL)
		return;
	for (one = p->all; one < p->all + PROGRAMS_KINDS; one++) {
		if (one->trying)
			program_cancel(p->host, &one->trial);
		program_free(one->fresh);
		program_free(one->program);
	}
	buf_free(&p->why);
	free(p);
}
