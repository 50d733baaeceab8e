/*
 * A program is a text, kept; and, of a file that changed, a fresh one until a run
 * has shown whether it compiles.  Any number of runs may have either under way, so
 * a verdict comes with the text that it is about.
 */
#include "program/programs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "config/config.h"

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

/* The program in ${path}, or NULL and a phrase in ${why}. */
static char *
read_program(const char *path, struct buf *why)
{
	char chunk[8192];
	struct buf text = { 0 };
	const char *fault = NULL;
	struct stat sb;
	ssize_t n = 0;
	bool plain;
	int fd;

	/* O_NONBLOCK: a FIFO must be refused, not waited for. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd == -1) {
		buf_printf(why, "%s cannot be opened: %s", path, strerror(errno));
		return NULL;
	}
	plain = fstat(fd, &sb) == 0 && S_ISREG(sb.st_mode);
	while (plain && text.len <= PROGRAMS_TEXT_MAX &&
	    (n = read(fd, chunk, sizeof(chunk))) > 0)
		buf_add(&text, chunk, (size_t)n);
	buf_puts(&text, "");		/* an empty file is a string, too */
	if (!plain)
		fault = "it is no regular file";
	else if (n == -1)
		fault = strerror(errno);
	else if (text.len > PROGRAMS_TEXT_MAX)
		fault = "it is larger than 256 KB";
	else if (!buf_ok(&text))
		fault = "out of memory";
	else if (memchr(text.data, '\0', text.len) != NULL)
		fault = "it holds a NUL byte";
	(void)close(fd);
	if (fault == NULL)
		return buf_detach(&text);
	buf_printf(why, "%s cannot be read: %s", path, fault);
	buf_free(&text);
	return NULL;
}

struct programs *
programs_new(struct program_pool *pool, const struct config_destination *config,
    struct buf *why)
{
	struct programs *p;
	struct programs_one *one;

	if ((p = calloc(1, sizeof(*p))) == NULL) {
		buf_puts(why, "out of memory");
		return NULL;
	}
	p->pool = pool;
	p->config = config;
	p->all[PROGRAMS_WHEN].given = config->when;
	p->all[PROGRAMS_WHEN].path = config->when_file;
	if (config->body == CONFIG_BODY_TRANSFORM)
		p->all[PROGRAMS_TRANSFORM].path = config->transform;
	p->all[PROGRAMS_SUCCESS_WHEN].given = config->success_when;
	p->all[PROGRAMS_CAPTURE].given = config->capture;
	for (one = p->all; one < p->all + PROGRAMS_KINDS; one++) {
		if (one->path != NULL) {
			/* Stamped first: a change meanwhile is then seen next time. */
			(void)stamp_take(&one->stamp, one->path);
			one->text = read_program(one->path, why);
		} else if (one->given != NULL) {
			one->text = strdup(one->given);
		} else {
			continue;
		}
		if (one->text == NULL) {
			if (why->len == 0)
				buf_puts(why, "out of memory");
			programs_free(p);
			return NULL;
		}
	}
	return p;
}

void
programs_free(struct programs *p)
{
	struct programs_one *one;

	if (p == NULL)
		return;
	for (one = p->all; one < p->all + PROGRAMS_KINDS; one++) {
		free(one->fresh);
		free(one->text);
	}
	free(p);
}

bool
programs_has(const struct programs *p, enum programs_which which)
{
	return p->all[which].text != NULL;
}

/* "transform: FILE: " and libjq's message, its lines drawn into one. */
static void
describe(const struct programs *p, const struct programs_one *one,
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

/* --- files that change ----------------------------------------------------- */

static void
keep_former(const struct programs *p, const struct buf *why)
{
	log_err("destination %s: the former program stays in use: %s",
	    p->config->name, why->data != NULL ? why->data : "out of memory");
}

const char *
programs_text(struct programs *p, enum programs_which which)
{
	struct programs_one *one = &p->all[which];
	struct buf why = { 0 };

	/* One that is away for a moment, in an editor's hands, is no change. */
	if (one->path != NULL && stamp_take(&one->stamp, one->path) == 1) {
		free(one->fresh);
		if ((one->fresh = read_program(one->path, &why)) == NULL)
			keep_former(p, &why);
		buf_free(&why);
	}
	return one->fresh != NULL ? one->fresh : one->text;
}

bool
programs_judge(struct programs *p, enum programs_which which, const char *text,
    enum program_state state, const struct buf *out, const char **former)
{
	struct programs_one *one = &p->all[which];
	bool good = state != PROGRAM_FAULTY && state != PROGRAM_TROUBLE;
	struct buf why = { 0 };

	*former = one->text;
	if (one->fresh == NULL || strcmp(one->fresh, text) != 0)
		return !good && strcmp(one->text, text) != 0;
	if (good) {
		free(one->text);
		one->text = one->fresh;
		log_info("destination %s: its programs were read again",
		    p->config->name);
	} else {
		free(one->fresh);
	}
	one->fresh = NULL;
	if (state == PROGRAM_TROUBLE)
		one->stamp = 0;	/* not judged: again at the next run */
	if (state == PROGRAM_FAULTY) {
		describe(p, one, out, &why);
		keep_former(p, &why);
	}
	buf_free(&why);
	return !good;
}

/* --- checking a configuration --------------------------------------------- */

static void
add_fault(const struct config *config, const struct config_destination *destination,
    const struct buf *phrase, struct buf *why)
{
	buf_printf(why, "%s: destination %s: %s\n", config->file,
	    destination->name, phrase->data);
}

/*
 * Do a destination's programs compile?  -1: a line in ${why} for each that does
 * not; *known is false when that could not be found out, for the reason in ${said}.
 */
static int
check_one(const struct config *config, const struct config_destination *destination,
    struct program_pool *pool, int64_t end_ms, bool *known, struct buf *said,
    struct buf *why)
{
	struct buf fault = { 0 };
	struct programs *p = programs_new(pool, destination, &fault);
	enum program_state state;
	struct program_run run;
	struct programs_one *one;
	int rc = 0;

	if (p == NULL) {
		add_fault(config, destination, &fault, why);
		rc = -1;
	}
	for (one = p != NULL ? p->all : NULL; one != NULL && *known &&
	    one < p->all + PROGRAMS_KINDS; one++) {
		if (one->text == NULL)
			continue;
		run = (struct program_run){ .text = one->text };
		state = program_run(pool, &run, (int)(end_ms - clock_mono_ms()), said);
		*known = state != PROGRAM_TROUBLE;
		if (state == PROGRAM_FAULTY) {
			buf_reset(&fault);
			describe(p, one, said, &fault);
			add_fault(config, destination, &fault, why);
			rc = -1;
		}
	}
	programs_free(p);
	buf_free(&fault);
	return rc;
}

int
programs_begin(const struct config *config, struct program_pool **pool, int ms,
    struct buf *why)
{
	int64_t end_ms = clock_mono_ms() + ms;
	struct buf said = { 0 };
	bool known = true;
	size_t i;
	int rc = 0;

	if ((*pool = program_pool_new()) == NULL) {
		buf_puts(why, "out of memory");
		return -1;
	}
	for (i = 0; i < config->destination_count; i++)
		if (check_one(config, &config->destinations[i], *pool, end_ms, &known,
		    &said, why) == -1)
			rc = -1;
	if (rc == 0 && !known) {
		buf_add(why, said.data, said.len);
		rc = 1;
	}
	buf_free(&said);
	if (rc == -1) {
		program_pool_free(*pool);
		*pool = NULL;
	}
	return rc;
}

int
programs_check(const struct config *config, struct buf *why)
{
	struct program_pool *pool;
	struct buf said = { 0 };
	int rc = programs_begin(config, &pool, PROGRAMS_BEGIN_MS, &said);

	if (rc == -1)
		buf_add(why, said.data, said.len);
	else if (rc == 1)
		log_warn(PROGRAMS_UNKNOWN, said.data);
	buf_free(&said);
	program_pool_free(pool);
	return rc;
}
