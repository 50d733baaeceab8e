/*
 * A message is done when its POST (tries), its command and its mail are; the three know
 * nothing of each other.  A notifier of a former configuration finishes behind the new.
 */
#include "config.h"

#include "alert/notifier.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alert/alert.h"
#include "alert/child.h"
#include "alert/notice.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "config/config.h"
#include "http/client.h"
#include "http/credentials.h"
#include "http/transfer.h"
#include "http/transport.h"

#define MESSAGES_MAX 32			/* under way: beyond them the newest is dropped */
#define POST_TRIES 3
#define POST_AGAIN_MS 20000		/* times the tries made */
#define POST_TIMEOUT_MS 15000
#define POST_CONNECT_MS 5000
#define CHILD_LOOK_MS 100
#define HOST_SIZE 256

/* A notice on its way. */
struct message {
	struct transfer http;	/* first: the POST */
	struct notifier *notifier;
	struct message *next;
	enum need_kind kind;
	bool recovered;
	struct buf summary, text, json, mail;

	int tries;			/* left; 0: posted, or given up */
	int64_t again_mono_ms;

	struct child command, mailer;
};

struct notifier {
	struct notifier *former;		/* of a configuration before */
	struct http_client *http;
	struct config *share;
	const struct config_alert *config;	/* in it */
	struct config_destination place;	/* the URL, as transport knows them */
	struct credentials *credentials;
	char host[HOST_SIZE];
	struct message *messages;
	size_t count;
};

struct notifier *
notifier_new(struct http_client *http, struct config *whole, struct notifier *former)
{
	const struct config_alert *config = &whole->alert;
	static char name[] = "alert";
	struct notifier *c;

	if ((c = calloc(1, sizeof(*c))) == NULL)
		return NULL;
	c->http = http;
	c->config = config;
	c->place = (struct config_destination){ .name = name, .url = config->url,
	    .url_file = config->url_file, .timeout_ms = POST_TIMEOUT_MS,
	    .connect_timeout_ms = POST_CONNECT_MS };
	if (gethostname(c->host, sizeof(c->host) - 1) == -1)
		strcpy(c->host, "unknown");
	if ((c->credentials = credentials_new(&c->place)) == NULL) {
		free(c);
		return NULL;
	}
	c->share = config_share(whole);
	c->former = former;
	return c;
}

static void
message_free(struct message *m)
{
	transfer_cancel(&m->http, m->notifier->http->multi);
	transfer_destroy(&m->http);
	buf_free(&m->summary);
	buf_free(&m->text);
	buf_free(&m->json);
	buf_free(&m->mail);
	free(m);
}

void
notifier_free(struct notifier *c)
{
	struct message *m;

	if (c == NULL)
		return;
	notifier_free(c->former);
	while ((m = c->messages) != NULL) {
		c->messages = m->next;
		if (m->tries != 0)
			log_warn("alert %s: not posted: the relay ends",
			    needs[m->kind].alert);
		message_free(m);
	}
	credentials_free(c->credentials);
	config_free(c->share);
	free(c);
}

/* --- posting -------------------------------------------------------------- */

static void
post_failed(struct message *m, const char *why, int64_t mono_ms)
{
	m->tries--;
	m->again_mono_ms = mono_ms + POST_AGAIN_MS * (POST_TRIES - m->tries);
	log_err("alert %s: posting: %s%s", needs[m->kind].alert, why,
	    m->tries == 0 ? ": given up" : "");
}

static void
ended(struct http_task *task, CURLcode code)
{
	struct message *m = (struct message *)task;
	const struct transfer_end *end = &m->http.end;
	char said[32];

	transfer_finish(&m->http, m->notifier->http->multi, code);
	(void)snprintf(said, sizeof(said), "status %d", end->status);
	if (end->status >= 200 && end->status <= 299)
		m->tries = 0;
	else
		post_failed(m, end->status == 0 ? end->error : said, clock_mono_ms());
}

static CURLcode
start(struct message *m, const char *url)
{
	static const char *const lines[] = {
		"Content-Type: application/json", "User-Agent: leadrelay/" PACKAGE_VERSION,
	};
	const struct notifier *c = m->notifier;

	/* What an answer says beyond its status nobody reads. */
	if (m->http.easy == NULL && transfer_init(&m->http, c->http, &c->place, 0) == -1)
		return CURLE_OUT_OF_MEMORY;
	m->http.task.ended = ended;
	return transfer_start(&m->http, c->http->multi, &(struct transfer_request){
	    "POST", url, lines, sizeof(lines) / sizeof(lines[0]), m->json.data, m->json.len });
}

static void
post(struct message *m, int64_t mono_ms)
{
	struct notifier *c = m->notifier;
	const struct curl_api *curl = &c->http->curl;
	const char *url = NULL;
	struct buf why = { 0 };
	CURLcode rc;

	(void)credentials_refresh(c->credentials, &why);
	if (!credentials_complete(c->credentials))
		buf_puts(&why, why.len == 0 ? "out of memory" : "");
	else if (buf_reset(&why), transport_check_url(curl, &c->place,
	    credentials_url(c->credentials), &why) == 0)
		url = credentials_url(c->credentials);
	if (url != NULL && (rc = start(m, url)) != CURLE_OK)
		buf_puts(&why, curl->easy_strerror(rc));
	if (why.len != 0 || !buf_ok(&why))
		post_failed(m, buf_ok(&why) ? why.data : "out of memory", mono_ms);
	buf_free(&why);
}

/* --- programs ------------------------------------------------------------- */

static void
run(struct message *m, struct child *child, const char *const *argv,
    const struct buf *text, const char *name, int64_t mono_ms)
{
	struct buf kind = { 0 }, state = { 0 }, summary = { 0 }, file = { 0 };
	struct buf why = { 0 };
	const char *extra[5] = { NULL };

	buf_printf(&kind, "LEADRELAY_ALERT_KIND=%s", needs[m->kind].alert);
	buf_printf(&state, "LEADRELAY_ALERT_STATE=%s",
	    m->recovered ? "recovered" : "raised");
	buf_printf(&summary, "LEADRELAY_ALERT_SUMMARY=%s", m->summary.data);
	/* So that "leadrelay stats" in a command means the same outbox. */
	buf_printf(&file, "LEADRELAY_CONFIG=%s", m->notifier->share->file);
	extra[0] = kind.data;
	extra[1] = state.data;
	extra[2] = summary.data;
	extra[3] = file.data;
	if (!buf_ok(&kind) || !buf_ok(&state) || !buf_ok(&summary) ||
	    !buf_ok(&file) || child_start(child, argv, extra, text, mono_ms, &why) == -1)
		log_err("alert %s: %s %s", needs[m->kind].alert, name,
		    why.data != NULL ? why.data : "cannot be started: out of memory");
	buf_free(&kind);
	buf_free(&state);
	buf_free(&summary);
	buf_free(&file);
	buf_free(&why);
}

static void
look_at(struct message *m, struct child *child, const char *name, int64_t mono_ms)
{
	struct buf why = { 0 };

	if (child->pid != 0 && child_look(child, mono_ms, &why) == -1)
		log_err("alert %s: %s %s", needs[m->kind].alert, name,
		    why.data != NULL ? why.data : "failed");
	buf_free(&why);
}

/* --- messages ------------------------------------------------------------- */

static struct message *
message_new(struct notifier *c, const struct notice *n)
{
	struct message *m;

	if (c->count == MESSAGES_MAX || (m = calloc(1, sizeof(*m))) == NULL)
		return NULL;
	m->notifier = c;
	m->kind = n->kind;
	m->recovered = n->recovered;
	notice_summary(n, c->host, &m->summary);
	notice_text(n, c->host, &m->text);
	notice_json(n, c->host, &m->json);
	if (c->config->email != NULL)
		notice_mail(n, c->host, c->config->email, &m->mail);
	if (buf_ok(&m->summary) && buf_ok(&m->text) && buf_ok(&m->json) &&
	    buf_ok(&m->mail))
		return m;
	message_free(m);
	return NULL;
}

void
notifier_send(struct notifier *c, const struct notice *n, int64_t mono_ms)
{
	static const char *const sendmail[] = { ALERT_SENDMAIL, "-t", "-i", NULL };
	const char *shell[] = { "/bin/sh", "-c", c->config->command, NULL };
	struct message *m;

	log_kv(n->recovered ? LOG_LV_INFO : LOG_LV_WARN, "alert", "s:kind",
	    needs[n->kind].alert, "s:state", n->recovered ? "recovered" : "raised",
	    "s:destination", n->items[0].subject[0] != '\0' ? n->items[0].subject : NULL,
	    "d:count", (long long)n->count, NULL);
	if ((m = message_new(c, n)) == NULL) {
		log_err("alert %s: not sent: %s", needs[n->kind].alert,
		    c->count == MESSAGES_MAX ? "too many are under way" :
		    "out of memory");
		return;
	}
	m->next = c->messages;
	c->messages = m;
	c->count++;
	if (c->config->command != NULL)
		run(m, &m->command, shell, &m->text, "command", mono_ms);
	if (c->config->email != NULL)
		run(m, &m->mailer, sendmail, &m->mail, "sendmail", mono_ms);
	if (c->config->url != NULL || c->config->url_file != NULL) {
		m->tries = POST_TRIES;
		m->again_mono_ms = mono_ms;
	}
}

/* Go on with one; returns when again, INT64_MAX: it waits for libcurl, or is done. */
static int64_t
go_on(struct message *m, int64_t mono_ms)
{
	int64_t wake = INT64_MAX;

	look_at(m, &m->command, "command", mono_ms);
	look_at(m, &m->mailer, "sendmail", mono_ms);
	if (m->tries != 0 && !m->http.under_way && mono_ms >= m->again_mono_ms)
		post(m, mono_ms);
	if (m->tries != 0 && !m->http.under_way)
		wake = m->again_mono_ms;
	if ((m->command.pid != 0 || m->mailer.pid != 0) &&
	    mono_ms + CHILD_LOOK_MS < wake)
		wake = mono_ms + CHILD_LOOK_MS;
	return wake;
}

static bool
is_done(const struct message *m)
{
	return m->tries == 0 && m->command.pid == 0 && m->mailer.pid == 0;
}

int64_t
notifier_step(struct notifier *c, int64_t mono_ms)
{
	struct message *m, **p = &c->messages;
	int64_t wake = INT64_MAX, one;

	if (c->former != NULL)
		wake = notifier_step(c->former, mono_ms);
	if (c->former != NULL && !notifier_busy(c->former)) {
		notifier_free(c->former);
		c->former = NULL;
	}
	while ((m = *p) != NULL) {
		one = go_on(m, mono_ms);
		if (one < wake)
			wake = one;
		if (!is_done(m)) {
			p = &m->next;
			continue;
		}
		*p = m->next;
		c->count--;
		message_free(m);
	}
	return wake;
}

bool
notifier_busy(const struct notifier *c)
{
	return c->messages != NULL || c->former != NULL;
}
