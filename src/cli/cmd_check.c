/* check: part by part, each told as soon as it is known, for some take seconds. */
#include "cli/cmd.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "alert/alert.h"
#include "base/clock.h"
#include "base/exits.h"
#include "base/identity.h"
#include "cli/file_access.h"
#include "cli/print.h"
#include "cli/review.h"
#include "cli/setup.h"
#include "intake/serve.h"
#include "outbox/owner.h"
#include "program/programs.h"
#include "http/preflight.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A check under way; ${status} is the first that applies so far. */
struct check {
	const struct config *config;
	int status;
};

/* "ok", "note" or "FAILED", the part, and words about it; at once, for some parts take seconds. */
__attribute__((format(printf, 3, 4)))
static void
say(const char *verdict, const char *part, const char *fmt, ...)
{
	va_list ap;

	printf("%-7s %-12s ", verdict, part);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

#define ok(part, ...) say("ok", part, __VA_ARGS__)
#define note(part, ...) say("note", part, __VA_ARGS__)
#define failed(check, why, part, ...) do { \
	(check)->status = setup_first((check)->status, why); \
	say("FAILED", part, __VA_ARGS__); \
} while (0)

static const char *
words(const struct buf *b)
{
	return b->data != NULL ? b->data : "";
}

/* --- files, secrets, log, socket --- */

/* Folders that web servers serve, by what hosts and packages call them. */
static bool
is_web_root(const char *folder)
{
	static const char *const names[] = { "htdocs", "html", "httpdocs",
		"public_html", "webroot", "www", "wwwroot" };
	const char *name = strrchr(folder, '/');

	for (size_t i = 0; name != NULL && i < COUNT(names); i++)
		if (strcmp(name + 1, names[i]) == 0)
			return true;
	return false;
}

/* Warn if a folder above ${path} looks like a web root.  Requests name the real one. */
static bool
warn_served(const struct config *config, const char *path)
{
	char folder[PATH_MAX];
	const char *setting;

	for (const char *end = path; (end = strchr(end + 1, '/')) != NULL;) {
		snprintf(folder, sizeof(folder), "%.*s", (int)(end - path), path);
		if (!is_web_root(folder) ||
		    (setting = config_served_by(config, folder)) == NULL)
			continue;
		note("web root", "%s lies under %s, which looks like a web root: "
		    "move it out, or the web server may hand it to anybody",
		    setting, folder);
		return true;
	}
	return false;
}

/* The configuration, secrets and store; one warning is enough. */
static void
check_served(const struct config *config)
{
	const char *location;
	bool warned = warn_served(config, config->file);

	for (size_t i = 0; !warned && i < config->source_count; i++)
		warned = config->sources[i].secret_file != NULL &&
		    warn_served(config, config->sources[i].secret_file);
	if (!warned && outbox_backend(config->store.url, &location) != NULL)
		(void)warn_served(config, location);
}

static void
check_secret(const struct config_source *source)
{
	struct secret_list list = { 0 };
	struct buf why = { 0 };
	char me[IDENTITY_NAME_SIZE];

	if (source->verify == CONFIG_VERIFY_NONE)
		note("secret", "source %s: verify = none, whoever knows the URL "
		    "can make leads", source->name);
	else if (secret_read_list(source->secret_file, source->allow_readable,
	    &list, &why) == 0)
		ok("secret", "source %s: %s, %zu %s", source->name,
		    source->secret_file, list.count,
		    list.count == 1 ? "secret" : "secrets");
	else
		/* It could be read a moment ago, before we became the store's owner. */
		note("secret", "source %s: %s: %s, as %s; right where systemd's "
		    "LoadCredential= hands it on, else chown it",
		    source->name, source->secret_file, words(&why),
		    identity_name(geteuid(), me));
	secret_list_free(&list);
	buf_free(&why);
}

static void
check_log(struct check *check)
{
	const char *log = check->config->worker.log;
	struct buf why = { 0 };

	if (strncmp(log, "file:", 5) != 0 ||
	    file_access_look(log + 5, false, &why) == FILE_ACCESS_CAN ||
	    access(log + 5, W_OK) == 0)
		ok("log", "%s", log);
	else
		failed(check, EXIT_CONFIG, "log", "%s: %s", log, why.len > 0 ?
		    words(&why) : "may not be written to: chown it");
	buf_free(&why);
}

/* Whom the worker becomes, and whose its socket is. */
static void
check_owners(struct check *check)
{
	const struct config_worker *worker = &check->config->worker;
	struct identity id;

	if (worker->user != NULL && identity_of_user(worker->user, &id) == -1)
		failed(check, EXIT_CONFIG, "user", "there is no user %s: name whom to "
		    "become in worker { user }", worker->user);
	if (!serve_has_group(worker->socket_group))
		failed(check, EXIT_CONFIG, "socket", "there is no group %s: name "
		    "the web server's in socket_group", worker->socket_group);
}

/* --- store --- */

/* There is no store yet.  A command makes none; could the worker? */
static void
check_absent(struct check *check, const char *location)
{
	struct buf why = { 0 };
	enum file_access verdict = file_access_look(location, true, &why);

	if (verdict == FILE_ACCESS_THERE)
		note("store", "%s is empty: it is being made just now, or its "
		    "making was cut off and is done by the next to start",
		    location);
	else if (verdict == FILE_ACCESS_CAN)
		ok("store", "%s is not there yet; %s", location, words(&why));
	else
		failed(check, verdict == FILE_ACCESS_HIDDEN ? EXIT_IOERR :
		    EXIT_CANTCREAT, "store", "%s: %s", location, words(&why));
	buf_free(&why);
}

static void
check_store_failed(struct check *check, const struct store_fault *fault)
{
	failed(check, setup_fault_status(fault), "store", "%s: %s%s",
	    check->config->store.url, fault->text, setup_store_cure(fault->kind));
}

/* --- what the store says of relay and destinations --- */

/* What waits for a person is told by stats, where it is no fault of the installation. */
static bool
is_fault(enum need_kind need)
{
	return need == NEED_UNCONFIGURED || need == NEED_NO_RELAY ||
	    need == NEED_RELAY_STUCK;
}

static void
check_review(struct check *check, struct outbox *ob)
{
	struct review review = { 0 };
	struct store_fault fault = { 0 };
	struct review_need need = { 0 };
	struct buf text = { 0 };
	bool others = false;

	if (review_take(ob, check->config, clock_wall_ms(), &review,
	    &fault) == -1) {
		check_store_failed(check, &fault);
		return;
	}
	ok("outbox", "%" PRId64 " undelivered, %" PRId64 " held",
	    review.stats.events_undelivered, review.stats.events_held);
	if (review.stats.relay_alive)
		ok("relay", "running (process %ld)", review.stats.relay_pid);
	else
		note("relay", "not running");
	while (review_next(&review, &need)) {
		others |= !is_fault(need.kind);
		if (!is_fault(need.kind))
			continue;
		buf_reset(&text);
		review_explain(&review, &need, &text);
		failed(check, EXIT_NO, "outbox", "%.*s",
		    (int)(text.len > 0 ? text.len - 1 : 0), words(&text));
	}
	if (others)
		note("outbox", "leadrelay stats tells what waits for a person");
	buf_free(&text);
	review_free(&review);
}

static void
check_store(struct check *check)
{
	struct store_fault fault = { 0 };
	struct outbox *ob = NULL;
	const char *location;

	if (outbox_backend(check->config->store.url, &location) == NULL) {
		failed(check, EXIT_CONFIG, "store", "%s: no such kind of store",
		    check->config->store.url);
		return;
	}
	if (outbox_try_write(check->config, &fault) == -1 ||
	    (ob = outbox_open(check->config, OUTBOX_READ, &fault)) == NULL) {
		if (fault.kind == STORE_FAULT_ABSENT)
			check_absent(check, location);
		else
			check_store_failed(check, &fault);
		return;
	}
	ok("store", "%s: opened and written to", check->config->store.url);
	check_review(check, ob);
	outbox_close(ob);
}

/* --- programs --- */

/* Which of its keys are programs; "" when none is. */
static void
list_programs(const struct config_destination *destination, struct buf *out)
{
	const struct { const char *name; bool set; } keys[] = {
		{ "when", destination->when != NULL || destination->when_file != NULL },
		{ "transform", destination->body == CONFIG_BODY_TRANSFORM },
		{ "success_when", destination->success_when != NULL },
		{ "capture", destination->capture != NULL },
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (keys[i].set)
			buf_printf(out, "%s%s", out->len > 0 ? ", " : "",
			    keys[i].name);
}

/* Do they compile?  A line for each that does not. */
static void
check_programs(struct check *check)
{
	const struct config *config = check->config;
	struct program_pool *pool;
	struct buf text = { 0 };
	char *line, *next;
	int rc = programs_begin(config, &pool, PROGRAMS_CHECK_MS, &text);

	program_pool_free(pool);
	if (rc != 0) {
		for (next = text.data; (line = strsep(&next, "\n")) != NULL;)
			if (*line != '\0')
				failed(check, rc == -1 ? EXIT_CONFIG : EXIT_UNAVAILABLE,
				    "program", "%s", line);
		buf_free(&text);
		return;
	}
	for (size_t i = 0; i < config->destination_count; i++) {
		buf_reset(&text);
		list_programs(&config->destinations[i], &text);
		if (text.len > 0)
			ok("program", "destination %s: %s", config->destinations[i].name,
			    words(&text));
	}
	buf_free(&text);
}

/* --- destinations --- */

/* A line for a place that requests go to: ${rc} and ${why} are preflight's. */
static void
say_place(struct check *check, const char *part, const char *name,
    const char *url, const char *url_file, int rc, const struct buf *why)
{
	struct buf place = { 0 };

	buf_puts(&place, name);
	if (url != NULL)
		config_mask_url(url, &place);
	else
		buf_printf(&place, "URL in %s", url_file);
	if (rc == 0)
		ok(part, "%s answers", words(&place));
	else
		failed(check, EXIT_UNAVAILABLE, part, "%s: %s", words(&place),
		    words(why));
	buf_free(&place);
}

static void
check_destination(struct check *check, size_t index)
{
	const struct config_destination *destination =
	    &check->config->destinations[index];
	struct buf name = { 0 }, why = { 0 };
	const char *phrase;
	int rc = preflight_destination(check->config, index, &why, &phrase);

	buf_printf(&name, "%s: ", destination->name);
	say_place(check, "destination", words(&name), destination->url,
	    destination->url_file, rc, &why);
	buf_free(&name);
	buf_free(&why);
}

/* --- alerts --- */

static void
check_alert(struct check *check)
{
	const struct config_alert *alert = &check->config->alert;
	struct buf why = { 0 };
	int rc;

	if (!alert_wanted(alert)) {
		note("alert", "nobody is told when a person is needed: "
		    "section alert in leadrelay.conf(5)");
		return;
	}
	if (alert->url != NULL || alert->url_file != NULL) {
		rc = preflight_alert(check->config, &why);
		say_place(check, "alert", "", alert->url, alert->url_file, rc, &why);
		buf_free(&why);
	}
	if (alert->command != NULL)
		note("alert", "command: not tried");
	if (alert->email == NULL)
		return;
	if (access(ALERT_SENDMAIL, X_OK) == 0)
		ok("alert", "%s", ALERT_SENDMAIL);
	else
		failed(check, EXIT_UNAVAILABLE, "alert", "%s: %s: install a mail "
		    "transfer agent that has it, such as postfix or msmtp-mta",
		    ALERT_SENDMAIL, strerror(errno));
}

static void
check_all(struct check *check)
{
	const struct config *config = check->config;

	ok("config", "%s", config->file);
	check_served(config);
	for (size_t i = 0; i < config->source_count; i++)
		check_secret(&config->sources[i]);
	check_log(check);
	check_owners(check);
	check_programs(check);
	check_store(check);
	for (size_t i = 0; i < config->destination_count; i++)
		check_destination(check, i);
	check_alert(check);
}

int
cmd_check(const struct args *args, struct setup *setup)
{
	struct check check = { .status = EXIT_DONE };
	struct store_fault fault = { 0 };
	struct buf settings = { 0 };
	int status;

	setup->warn = true;
	if ((status = setup_config(setup, args)) != EXIT_DONE)
		return status;
	check.config = setup->config;
	config_print(setup->config, &settings);
	(void)print_line(&settings);
	if (owner_become(setup->config, false, &fault) == -1)
		check_store_failed(&check, &fault);
	else
		check_all(&check);
	return check.status;
}
