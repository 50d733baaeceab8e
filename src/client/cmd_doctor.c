/*
 * doctor: probes of rising size until one does not pass; then, by what the worker
 * said to the first, clock, store and destinations; the admin pages last.
 */
#include "client/cmd.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <json-c/json.h>

#include "base/clock.h"
#include "base/exits.h"
#include "base/signals.h"
#include "base/text.h"
#include "cli/object.h"
#include "cli/print.h"
#include "cli/reply.h"
#include "cli/setup.h"
#include "client/ask.h"
#include "client/doctor.h"
#include "client/target.h"
#include "outbox/owner.h"

#define TRY_WAIT_MS 20000		/* for the worker to try its destinations */
#define TRY_PAUSE_MS 250
#define FOREIGN_LOOPBACK "127.0.0.2"	/* this machine, but not the address a server is told to trust */

static const size_t sizes_kb[] = { 1, 8, 16, 32, 48, 60 };
#define SIZES (sizeof(sizes_kb) / sizeof(sizes_kb[0]))

struct doctor {
	const char *url;
	const struct config_source *source;
	bool loopback;			/* the URL is on this machine */
	bool json;			/* for programs; a person is told nothing then */
	enum doctor_front front;
	size_t passed_kb;		/* the largest that passed; 0: none */
	struct json_object *seen;	/* the worker's first answer, then what it
					   said of its destinations last; NULL: none */
	int64_t worker_ahead_ms;	/* the worker's clock, against ours */
	int64_t front_ahead_ms;		/* the web server's; the same when it does not tell */
	bool answered;			/* by anybody */
	int findings;
};

/* --- saying --- */

/* A line for a person: "ok", "note" or "FAILED", the part, the words. */
static void
say(const struct doctor *doctor, const char *verdict, const char *part,
    const char *words)
{
	struct buf out = { 0 };

	if (doctor->json)
		return;
	buf_printf(&out, "%-7s ", verdict);
	print_string(&out, part);
	while (buf_ok(&out) && out.len < 21)
		buf_putc(&out, ' ');
	print_string(&out, words);
	(void)print_line(&out);
}

/*
 * What is wrong with a ${part}, its cure, and the probe it is about (0: none); what
 * was seen stands behind the finding's own words.
 */
__attribute__((format(printf, 5, 6)))
static void
found(struct doctor *doctor, const char *part, size_t kb,
    const struct doctor_finding *finding, const char *fmt, ...)
{
	struct buf what = { 0 }, out = { 0 };
	va_list ap;

	buf_puts(&what, finding->what);
	va_start(ap, fmt);
	buf_vprintf(&what, fmt, ap);
	va_end(ap);
	doctor->findings++;
	say(doctor, "FAILED", part, buf_ok(&what) ? what.data : finding->what);
	if (*finding->cure != '\0')
		say(doctor, "", "cure:", finding->cure);
	if (doctor->json) {
		object_open(&out);
		object_string(&out, "finding", finding->name);
		object_string(&out, "part", part);
		if (kb > 0) {
			object_number(&out, "bytes", (int64_t)kb * 1024);
			object_number(&out, "passed",
			    (int64_t)doctor->passed_kb * 1024);
		}
		object_string(&out, "detail", what.data);
		object_string(&out, "cure", finding->cure);
		(void)object_end(&out);
	}
	buf_free(&what);
}

/* --- the probes --- */

/* What came of a probe.  ${finding}: NULL when it passed. */
static void
report_probe(struct doctor *doctor, const struct ask *q, size_t kb,
    const struct doctor_finding *finding, const char *word)
{
	const char *variable = reply_string(doctor->seen, "variable");
	const char *server = q->answer.server;
	struct buf words = { 0 }, out = { 0 };
	char part[16];

	if (doctor->json) {
		object_open(&out);
		object_number(&out, "probe", (int64_t)kb * 1024);
		object_number(&out, "status", q->answer.status);
		object_string(&out, "answer", word);
		object_string(&out, "server", server[0] != '\0' ? server : NULL);
		object_bool(&out, "ok", finding == NULL);
		(void)object_end(&out);
	}
	snprintf(part, sizeof(part), "%zu KB", kb);
	if (finding == NULL)
		buf_printf(&words, "answered in %.1f ms; the token came in %s",
		    (double)q->answer.took_us / 1000, variable != NULL ? variable : "?");
	else if (q->answer.status == 0)
		buf_puts(&words, q->answer.error);
	else if (word != NULL)
		buf_printf(&words, "%d %s, from the worker", q->answer.status, word);
	else
		buf_printf(&words, "%d, from %s", q->answer.status,
		    doctor_front_name(doctor->front));
	if (finding != NULL && doctor->passed_kb > 0)
		buf_printf(&words, "; %zu KB passed", doctor->passed_kb);
	if (finding != NULL)
		found(doctor, part, kb, finding, " (%s)",
		    buf_ok(&words) ? words.data : "out of memory");
	else if (buf_ok(&words))
		say(doctor, "ok", part, words.data);
	buf_free(&words);
}

/* How far the clocks of the worker and of the web server are ahead of ours. */
static void
read_clocks(struct doctor *doctor, const struct ask *q)
{
	const char *clock = reply_string(q->answer.object, "clock");
	int64_t ms;

	if (clock != NULL && text_parse_when(clock, q->answered_ms, &ms) == 0)
		doctor->worker_ahead_ms = ms - q->answered_ms;
	doctor->front_ahead_ms = q->answer.date_ms != 0 ?
	    q->answer.date_ms - q->answered_ms : doctor->worker_ahead_ms;
}

/* Send a probe and say what came of it.  NULL: it passed. */
static const struct doctor_finding *
probe(struct doctor *doctor, struct ask *q, size_t kb)
{
	struct doctor_answer answer = {
		.passed = doctor->passed_kb > 0,
		.over_max_token = kb * 1024 > doctor->source->max_token,
	};
	const struct doctor_finding *finding;

	q->token_len = kb * 1024;
	if (ask(q) == -1)
		return NULL;
	doctor->answered |= q->answer.status != 0;
	if (q->answer.server[0] != '\0' || doctor->passed_kb == 0)
		doctor->front = doctor_front_of(q->answer.server);
	answer.front = doctor->front;
	answer.status = q->answer.status;
	answer.word = reply_word(q->answer.object);
	finding = doctor_judge(&answer);
	if (finding == NULL) {
		doctor->passed_kb = kb;
		if (doctor->seen == NULL) {
			doctor->seen = json_object_get(q->answer.object);
			read_clocks(doctor, q);
		}
	}
	report_probe(doctor, q, kb, finding, answer.word);
	return finding;
}

/* All sizes, up to the first that does not pass; those above are not better. */
static void
probe_all(struct doctor *doctor, struct ask *q)
{
	for (size_t i = 0; i < SIZES; i++) {
		q->asks = i == 0 ? "[\"store\",\"destinations\"]" : "[]";
		if (probe(doctor, q, sizes_kb[i]) != NULL || q->answer.status == 0)
			break;
	}
}

/* --- what the worker sees --- */

static void
examine_clock(struct doctor *doctor)
{
	const struct doctor_finding *finding;
	char span[TEXT_DURATION_SIZE];
	int64_t ahead_ms = doctor->worker_ahead_ms;

	finding = doctor_judge_clock(ahead_ms, doctor->front_ahead_ms);
	if (finding == NULL)
		say(doctor, "ok", "clock", "the worker's agrees with this machine's");
	else
		found(doctor, "clock", 0, finding, ": it is %s %s",
		    text_format_duration(ahead_ms < 0 ? -ahead_ms : ahead_ms,
		    span), ahead_ms < 0 ? "behind" : "ahead");
}

static void
examine_store(struct doctor *doctor)
{
	const char *word = reply_string(doctor->seen, "store");
	const struct doctor_finding *finding;

	if (word == NULL)
		return;
	if ((finding = doctor_judge_store(word)) != NULL)
		found(doctor, "store", 0, finding, ": %s", word);
	else
		say(doctor, "ok", "store", "the worker can write to it");
}

static void
examine_destination(struct doctor *doctor, struct json_object *destination)
{
	static const struct doctor_finding failed = { "destination",
		"the worker does not reach it",
		"there, 'leadrelay check' and the worker's log say more" };
	const char *name = reply_string(destination, "name");
	const char *state = reply_string(destination, "state");
	const char *error = reply_string(destination, "error");

	if (name == NULL || state == NULL)
		return;
	if (strcmp(state, "reached") == 0)
		say(doctor, "ok", name, "the worker can connect to it");
	else if (strcmp(state, "untested") == 0)
		say(doctor, "note", name, "not tried by the worker: the clocks "
		    "differ too much");
	else
		found(doctor, name, 0, &failed, ": %s", error != NULL ? error :
		    "it has been trying for 20 s");
}

/* How many destinations the newest answer tells of, and the list of them. */
static size_t
list_destinations(const struct doctor *doctor, struct json_object **list)
{
	return json_object_object_get_ex(doctor->seen, "destinations", list) &&
	    json_object_is_type(*list, json_type_array) ?
	    json_object_array_length(*list) : 0;
}

static bool
is_trying(const struct doctor *doctor)
{
	struct json_object *list;
	size_t count = list_destinations(doctor, &list);
	const char *state;

	for (size_t i = 0; i < count; i++) {
		state = reply_string(json_object_array_get_idx(list, i), "state");
		if (state != NULL && strcmp(state, "testing") == 0)
			return true;
	}
	return false;
}

/* Ask with a small probe until the worker has tried its destinations. */
static void
examine_destinations(struct doctor *doctor, struct ask *q)
{
	const struct timespec pause = { .tv_nsec = TRY_PAUSE_MS * 1000000 };
	int64_t until_ms = clock_mono_ms() + TRY_WAIT_MS;
	struct json_object *list;
	size_t count;

	q->token_len = sizes_kb[0] * 1024;
	q->asks = "[\"destinations\"]";
	while (is_trying(doctor) && clock_mono_ms() < until_ms) {
		(void)nanosleep(&pause, NULL);
		if (ask(q) == -1 || q->answer.status != 200)
			break;
		json_object_put(doctor->seen);
		doctor->seen = json_object_get(q->answer.object);
	}
	count = list_destinations(doctor, &list);
	for (size_t i = 0; i < count; i++)
		examine_destination(doctor, json_object_array_get_idx(list, i));
}

/* --- admin pages --- */

/* Does this page answer, and is it leadrelay's? */
static bool
page_is_open(struct ask *q, const char *page)
{
	static const char *const marks[] = {
		"\"status\":\"ok\"", "leadrelay_", "\"counters\""
	};

	q->page = page;
	if (ask(q) == -1 || q->answer.status != 200 || q->answer.body.len == 0)
		return false;
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (strstr(q->answer.body.data, marks[i]) != NULL)
			return true;
	return false;
}

static void
examine_pages(struct doctor *doctor, struct ask *q)
{
	static const char *const pages[] = { "healthz", "metrics", "status" };
	static const struct doctor_finding open = { "admin-open",
		"admin pages answer to anybody",
		"only let trusted addresses into the location that sets "
		"LEADRELAY_ROLE=admin (nginx: allow and deny; Apache: Require ip; "
		"lighttpd: $HTTP[\"remoteip\"])" };
	struct buf answered = { 0 };

	/* nginx is told single addresses; others mean by "local" all of 127/8. */
	q->from = doctor->loopback && doctor->front == DOCTOR_NGINX ?
	    FOREIGN_LOOPBACK : NULL;
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
		if (page_is_open(q, pages[i]))
			buf_printf(&answered, " %s", pages[i]);
	if (answered.len == 0)
		say(doctor, "ok", "admin pages", doctor->loopback ?
		    "closed" : "closed to this machine");
	else if (doctor->loopback && q->from == NULL)
		say(doctor, "note", "admin pages", "open to this machine; ask "
		    "from another one whether they are to the world");
	else
		found(doctor, "admin pages", 0, &open, ":%s", answered.data);
	buf_free(&answered);
}

/* --- the whole --- */

static int
examine(struct doctor *doctor)
{
	struct ask q = {
		.url = doctor->url,
		.secret = &doctor->source->secrets.items[0],
	};

	probe_all(doctor, &q);
	if (doctor->seen != NULL) {
		examine_clock(doctor);
		examine_store(doctor);
		examine_destinations(doctor, &q);
	}
	if (doctor->answered)
		examine_pages(doctor, &q);
	post_answer_free(&q.answer);
	json_object_put(doctor->seen);
	return !doctor->answered ? EXIT_UNAVAILABLE :
	    doctor->findings > 0 ? EXIT_NO : EXIT_DONE;
}

int
cmd_doctor(const struct args *args, struct setup *setup)
{
	struct doctor doctor = {
		.url = args->operands[0],
		.json = args_flag(args, "json"),
		.front = DOCTOR_OTHER,
	};
	struct target target = { 0 };
	struct store_fault fault = { 0 };
	const char *wrong = target_read(doctor.url, &target);
	int status;

	signals_expect_hangups();
	doctor.loopback = target.loopback;
	status = wrong != NULL ? print_fail(EXIT_USAGE, "doctor: %s", wrong) :
	    setup_config(setup, args);
	if (status != EXIT_DONE)
		goto out;
	doctor.source = setup_source(args, setup->config, target.path.data);
	if (doctor.source == NULL)
		status = EXIT_USAGE;
	else if (doctor.source->verify == CONFIG_VERIFY_NONE)
		status = print_fail(EXIT_USAGE, "doctor: source %s verifies "
		    "nothing, so it takes no probes", doctor.source->name);
	else if (owner_become(setup->config, false, &fault) == -1)
		status = setup_store_failed(setup->config, &fault);
	else
		status = examine(&doctor);
out:
	buf_free(&target.path);
	return status;
}
