#include "config.h"

#include "program/runner.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "program/program.h"
#include "program/wire.h"

#ifdef HAVE_JQ
#include "program/libjq.h"

/*
 * Every program stands behind this line: its input is an array of the five
 * variables and the payload.  Binding them so, not as compile-time arguments,
 * lets a program be compiled once for all leads.
 */
static const char prologue[] = ".[0] as $id|.[1] as $event|"
    ".[2] as $received_at|.[3] as $source|.[4] as $destination|.[5]|";

struct runner {
	int fd;
	struct libjq lib;
	jq_state *programs[WIRE_PROGRAMS_MAX];
	struct buf message;		/* the first error libjq reported */
};

/* A run that takes longer than ${ms} is ended by the kernel; 0 stops the watch. */
static void
watch(int ms)
{
	struct itimerval limit = {
		.it_value = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 }
	};

	setitimer(ITIMER_REAL, &limit, NULL);
}

static int
read_all(int fd, void *to, size_t len)
{
	char *p = to;
	ssize_t n;

	for (; len != 0; p += n, len -= (size_t)n)
		if ((n = read(fd, p, len)) <= 0)
			return -1;
	return 0;
}

static int
reply(int fd, enum wire_kind kind, const char *bytes, size_t len)
{
	struct wire_head head = { .kind = kind, .len = (uint32_t)len };
	ssize_t n;

	if (send(fd, &head, sizeof(head), MSG_NOSIGNAL) != sizeof(head))
		return -1;
	for (; len != 0; bytes += n, len -= (size_t)n)
		if ((n = send(fd, bytes, len, MSG_NOSIGNAL)) <= 0)
			return -1;
	return 0;
}

/* Append libjq's message; where it quotes the program, without our own line before it. */
static void
add_message(struct buf *out, const char *text)
{
	const char *ours = strstr(text, prologue);

	if (ours != NULL) {
		buf_add(out, text, (size_t)(ours - text));
		text = ours + sizeof(prologue) - 1;
	}
	buf_puts(out, text);
}

/* libjq's error callback: keep the messages, line by line. */
static void
take_error(void *arg, jv msg)
{
	struct runner *rn = arg;
	jv text = rn->lib.jq_format_error(msg);

	if (rn->message.len != 0)
		buf_putc(&rn->message, '\n');
	if (rn->lib.jv_get_kind(text) == JV_KIND_STRING && rn->message.len < 1024)
		add_message(&rn->message, rn->lib.jv_string_value(text));
	rn->lib.jv_free(text);
}

static int
compile(struct runner *rn, uint32_t index, const char *text)
{
	struct libjq *lib = &rn->lib;
	struct buf whole = { 0 };
	jq_state *jq;
	int compiled;

	buf_reset(&rn->message);
	if ((jq = lib->jq_init()) == NULL)
		return reply(rn->fd, WIRE_ERROR, "out of memory", 13);
	lib->jq_set_error_cb(jq, take_error, rn);
	/* jq 1.6 leaves these two as the memory was: input and debug would jump there. */
	lib->jq_set_input_cb(jq, NULL, NULL);
	lib->jq_set_debug_cb(jq, NULL, NULL);
	/* No folder to include modules from. */
	lib->jq_set_attr(jq, lib->jv_string("JQ_LIBRARY_PATH"), lib->jv_array());
	buf_puts(&whole, prologue);
	buf_puts(&whole, text);
	watch(PROGRAM_COMPILE_MS);
	compiled = lib->jq_compile(jq, whole.data);
	watch(0);
	buf_free(&whole);
	if (compiled) {
		rn->programs[index] = jq;
		return reply(rn->fd, WIRE_EMPTY, NULL, 0);
	}
	lib->jq_teardown(&jq);
	if (rn->message.len == 0)
		buf_puts(&rn->message, "does not compile");
	return reply(rn->fd, WIRE_ERROR, rn->message.data, rn->message.len);
}

/* The message of an invalid value, which is consumed. */
static int
reply_invalid(struct runner *rn, jq_state *jq, jv value)
{
	struct libjq *lib = &rn->lib;
	jv msg;
	int rc;

	if (lib->jq_halted(jq)) {
		lib->jv_free(value);
		return reply(rn->fd, WIRE_ERROR, "it called halt", 14);
	}
	if (!lib->jv_invalid_has_msg(lib->jv_copy(value))) {
		lib->jv_free(value);
		return reply(rn->fd, WIRE_EMPTY, NULL, 0);
	}
	msg = lib->jv_invalid_get_msg(value);
	if (lib->jv_get_kind(msg) != JV_KIND_STRING)
		msg = lib->jv_dump_string(msg, 0);
	rc = reply(rn->fd, WIRE_ERROR, lib->jv_string_value(msg),
	    (size_t)lib->jv_string_length_bytes(lib->jv_copy(msg)));
	lib->jv_free(msg);
	return rc;
}

static int
reply_value(struct runner *rn, jv value)
{
	static const char too_large[] = "its output is larger than 1 MB";
	jv text = rn->lib.jv_dump_string(value, 0);
	size_t len = (size_t)rn->lib.jv_string_length_bytes(rn->lib.jv_copy(text));
	int rc;

	if (len > PROGRAM_OUTPUT_MAX)
		rc = reply(rn->fd, WIRE_ERROR, too_large, sizeof(too_large) - 1);
	else
		rc = reply(rn->fd, WIRE_OUTPUT, rn->lib.jv_string_value(text), len);
	rn->lib.jv_free(text);
	return rc;
}

static int
run(struct runner *rn, uint32_t index, const char *input, size_t len)
{
	static const char many[] = "it has more than one output";
	struct libjq *lib = &rn->lib;
	jq_state *jq = rn->programs[index];
	jv value, more;

	if (jq == NULL)
		return reply(rn->fd, WIRE_ERROR, "it is not compiled", 18);
	watch(PROGRAM_RUN_MS);
	value = lib->jv_parse_sized(input, (int)len);
	if (lib->jv_get_kind(value) == JV_KIND_INVALID) {
		watch(0);
		return reply_invalid(rn, jq, value);
	}
	lib->jq_start(jq, value, 0);
	value = lib->jq_next(jq);
	if (lib->jv_get_kind(value) == JV_KIND_INVALID) {
		watch(0);
		return reply_invalid(rn, jq, value);
	}
	more = lib->jq_next(jq);
	watch(0);
	if (lib->jv_get_kind(more) != JV_KIND_INVALID) {
		lib->jv_free(more);
		lib->jv_free(value);
		return reply(rn->fd, WIRE_ERROR, many, sizeof(many) - 1);
	}
	if (lib->jv_invalid_has_msg(lib->jv_copy(more))) {
		lib->jv_free(value);
		return reply_invalid(rn, jq, more);
	}
	lib->jv_free(more);
	return reply_value(rn, value);
}

/* One message and its answer. */
static int
serve_one(struct runner *rn)
{
	struct wire_head head;
	char *bytes;
	int rc = -1;

	if (read_all(rn->fd, &head, sizeof(head)) == -1 ||
	    head.index >= WIRE_PROGRAMS_MAX || head.len > WIRE_INPUT_MAX ||
	    (bytes = malloc((size_t)head.len + 1)) == NULL)
		return -1;
	if (read_all(rn->fd, bytes, head.len) == 0) {
		bytes[head.len] = '\0';
		rc = head.kind == WIRE_PROGRAM ?
		    compile(rn, head.index, bytes) :
		    run(rn, head.index, bytes, head.len);
	}
	free(bytes);
	return rc;
}

static bool
limit(int resource, rlim_t value)
{
	struct rlimit rl = { value, value };

	return setrlimit(resource, &rl) == 0;
}

/* A sanitizer's shadow memory takes more than any limit. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LIMIT_MEMORY false
#elif defined(__has_feature)
#define LIMIT_MEMORY (!__has_feature(address_sanitizer) && \
	!__has_feature(thread_sanitizer))
#else
#define LIMIT_MEMORY true
#endif

/* The address space in use now, in bytes. */
static rlim_t
used_memory(void)
{
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (f != NULL) {
		if (fscanf(f, "%lu", &pages) != 1)
			pages = 0;
		fclose(f);
	}
	return pages != 0 ? (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) :
	    64u << 20;
}

/*
 * After libjq is loaded: nothing of ours to read, nowhere to write, little to
 * eat.  False when the system does not let itself be limited (a system call
 * filter); then nothing may run.
 */
static bool
confine(void)
{
	static char *nothing[] = { NULL };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null != -1) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		if (null > STDERR_FILENO)
			close(null);
	}
	environ = nothing;	/* after clearenv it is NULL, which jq's env follows */
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (LIMIT_MEMORY &&
	    !limit(RLIMIT_AS, used_memory() + PROGRAM_MEMORY))
		return false;
	return limit(RLIMIT_CORE, 0) && limit(RLIMIT_FSIZE, 0) &&
	    limit(RLIMIT_NOFILE, 0);
}

/* Answer the first message, whatever it is, with what is wrong, and end. */
static _Noreturn void
refuse(int fd, const char *why)
{
	char first;

	if (recv(fd, &first, 1, MSG_PEEK) == 1)
		(void)reply(fd, WIRE_ERROR, why, strlen(why));
	_exit(1);
}

void
runner_main(int fd)
{
	static struct runner rn;	/* the process's only one */
	const char *why;

	rn.fd = fd;
	signal(SIGALRM, SIG_DFL);
	prctl(PR_SET_NAME, "leadrelay-jq");
	if ((why = libjq_load(&rn.lib)) != NULL)
		refuse(fd, why);
	if (!confine())
		refuse(fd, "the system does not allow its process to be limited");
	while (serve_one(&rn) == 0)
		;
	_exit(0);
}
#else
void
runner_main(int fd)
{
	(void)fd;
	_exit(1);
}
#endif
