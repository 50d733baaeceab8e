/*
 * A look is a job of the outbox: judged in a transaction with what was told before, so
 * that of several processes one tells, and carried when that is on disk.
 */
#include "alert/watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alert/alert.h"
#include "alert/notice.h"
#include "alert/notifier.h"
#include "base/clock.h"
#include "base/counters.h"
#include "base/log.h"
#include "base/text.h"
#include "config/config.h"
#include "outbox/mailbox.h"
#include "outbox/need.h"
#include "outbox/outbox.h"

#define LOOK_MS 2000			/* between two looks at the outbox */
#define PULSE_LOOK_MS 2500		/* between two looks at the relay's sign of life */

enum { NEWS_RAISED, NEWS_RECOVERED, NEWS_SORTS };

/* A look: what it is to judge, and the news it found. */
struct look {
	struct mailbox_job job;
	struct watch *watch;
	struct config *config;		/* a share */
	bool holding;
	bool final;
	int64_t now_ms;
	int64_t frozen;			/* level, since, and whose */
	int64_t frozen_since_ms;
	char frozen_reason[64];

	struct store *store;		/* while it runs */
	bool failed;
	struct store_stats stats;
	struct notice news[NEED_KINDS][NEWS_SORTS];
};

struct watch {
	struct http_client *http;
	struct mailbox *mailbox;
	struct counters *counters;
	struct config *config;		/* a share */
	struct notifier *notifier;
	bool wanted;			/* somebody is to be told */
	int64_t begun_steady_ms;

	bool looking;
	int64_t look_mono_ms;
	enum { FINAL_NONE, FINAL_ASKED, FINAL_DONE } final;

	/* tokens refused since the last one that was accepted */
	uint64_t refused_seen, accepted_seen;
	int64_t refused;
	int64_t refused_since_ms;
	struct store_alert refused_told;

	/* the relay in another process */
	int64_t pulse_mono_ms;
	int64_t pulse_ms;		/* its last sign of life */
	bool late;			/* it was overdue when last looked at */
	bool frozen;
	struct store_alert frozen_told;	/* where the outbox could not say */
};

struct watch *
watch_new(struct http_client *http, struct mailbox *mailbox,
    struct counters *counters, struct config *config)
{
	struct watch *w;

	if ((w = calloc(1, sizeof(*w))) == NULL)
		return NULL;
	w->http = http;
	w->mailbox = mailbox;
	w->counters = counters;
	w->begun_steady_ms = clock_steady_ms();
	w->refused_seen = counters_get(counters, refused_token);
	w->accepted_seen = counters_get(counters, accepted);
	watch_reload(w, config);
	if (w->notifier == NULL) {
		free(w);
		return NULL;
	}
	return w;
}

void
watch_reload(struct watch *w, struct config *config)
{
	struct notifier *notifier = notifier_new(w->http, config, w->notifier);

	if (notifier == NULL)
		return;			/* the former configuration stays in use */
	config_free(w->config);
	w->config = config_share(config);
	w->notifier = notifier;
	w->wanted = alert_wanted(&config->alert);
}

void
watch_free(struct watch *w)
{
	if (w == NULL)
		return;
	notifier_free(w->notifier);
	config_free(w->config);
	free(w);
}

/* --- a look at the outbox ------------------------------------------------- */

static void
add_news(struct look *l, enum need_kind kind, enum alert_verdict verdict,
    const char *subject, int64_t level, int64_t since_ms, const char *reason)
{
	bool recovered = verdict == ALERT_RECOVERED;
	struct notice *n = &l->news[kind][recovered ? NEWS_RECOVERED : NEWS_RAISED];

	if (verdict == ALERT_NO_NEWS)
		return;
	n->kind = kind;
	n->recovered = recovered;
	n->now_ms = l->now_ms;
	notice_add(n, subject, level, since_ms, reason);
}

/* Judge one kind of a subject by what the outbox remembers. */
static int
judge(struct look *l, enum need_kind kind, const char *subject, int64_t level,
    int64_t since_ms, const char *reason)
{
	const char *name = needs[kind].alert;
	struct store_alert told, before;
	enum alert_verdict verdict;

	if (store_load_alert(l->store, name, subject, &told) == -1)
		return -1;
	before = told;
	verdict = alert_judge(&told, level, l->now_ms);
	if ((told.level != before.level || told.told_ms != before.told_ms) &&
	    store_save_alert(l->store, name, subject, &told) == -1)
		return -1;
	add_news(l, kind, verdict, subject, level, since_ms, reason);
	return 0;
}

/* Judge what of the outbox as a whole, or with ${destination} of it, there is to judge. */
static int
judge_all(struct look *l, const struct store_destination_stats *destination)
{
	const struct need_view view = {
		.stats = &l->stats, .limits = &l->config->alert,
		.quiet_since_ms = clock_wall_of(l->watch->begun_steady_ms),
		.now_ms = l->now_ms,
	};
	int64_t level, since;
	int kind;

	for (kind = 0; kind < NEED_KINDS; kind++) {
		/* The relay is judged from outside, tokens by each process's own count. */
		if (needs[kind].of_destination != (destination != NULL) ||
		    needs[kind].alert == NULL || kind == NEED_RELAY_STUCK ||
		    kind == NEED_REFUSED)
			continue;
		level = need_level(kind, &view, destination, &since);
		if (judge(l, kind, destination != NULL ? destination->name : "",
		    level, since, kind == NEED_PAUSED ?
		    destination->state.pause_reason : NULL) == -1)
			return -1;
	}
	return 0;
}

static void
look_at_destination(void *arg, const struct store_destination_stats *destination)
{
	struct look *l = arg;

	if (!l->failed && judge_all(l, destination) == -1)
		l->failed = true;
}

static int
look_run(struct store *store, struct mailbox_job *job)
{
	struct look *l = (struct look *)job;

	l->store = store;
	l->failed = false;
	memset(l->news, 0, sizeof(l->news));	/* of a first run that was rolled back */
	if (judge(l, NEED_RELAY_STUCK, "", l->frozen, l->frozen_since_ms,
	    l->frozen_reason) == -1)
		return -1;
	if (!l->holding)
		return 0;
	if (store_stats(store, &l->stats, look_at_destination, l) == -1 ||
	    l->failed)
		return -1;
	return judge_all(l, NULL);
}

static void
look_finish(struct mailbox_job *job, const struct store_fault *fault)
{
	struct look *l = (struct look *)job;
	struct watch *w = l->watch;
	int kind, sort;

	/* A frozen relay may hold up the outbox too: then it is told all the same. */
	if (fault != NULL) {
		memset(l->news, 0, sizeof(l->news));
		add_news(l, NEED_RELAY_STUCK, alert_judge(&w->frozen_told, l->frozen,
		    l->now_ms), "", l->frozen, l->frozen_since_ms, l->frozen_reason);
	}
	for (kind = 0; kind < NEED_KINDS; kind++)
		for (sort = 0; sort < NEWS_SORTS; sort++)
			if (l->news[kind][sort].count != 0)
				notifier_send(w->notifier, &l->news[kind][sort],
				    clock_mono_ms());
	w->looking = false;
	if (l->final)
		w->final = FINAL_DONE;
	config_free(l->config);
	free(l);
}

static void
look(struct watch *w, bool holding, bool final, const struct store_stats *frozen)
{
	struct look *l;

	if (!w->wanted || w->looking || (l = calloc(1, sizeof(*l))) == NULL)
		return;
	l->job.run = look_run;
	l->job.finish = look_finish;
	l->watch = w;
	l->config = config_share(w->config);
	l->holding = holding;
	l->final = final;
	l->now_ms = clock_wall_ms();
	if (frozen != NULL) {
		l->frozen = 1;
		l->frozen_since_ms = frozen->relay_seen_ms;
		(void)snprintf(l->frozen_reason, sizeof(l->frozen_reason),
		    "process %ld", frozen->relay_pid);
	}
	w->looking = true;
	mailbox_submit(w->mailbox, &l->job);
}

/* --- tokens --------------------------------------------------------------- */

/*
 * Refusals are over when a lead was accepted after them; what came between the
 * same two looks is taken for later.
 */
static void
watch_tokens(struct watch *w, int64_t mono_ms)
{
	uint64_t refused = counters_get(w->counters, refused_token);
	uint64_t accepted = counters_get(w->counters, accepted);
	struct notice n = { .kind = NEED_REFUSED, .now_ms = clock_wall_ms() };
	enum alert_verdict verdict;

	if (refused != w->refused_seen) {
		if (w->refused == 0)
			w->refused_since_ms = n.now_ms;
		w->refused += (int64_t)(refused - w->refused_seen);
	} else if (accepted != w->accepted_seen) {
		w->refused = 0;
		w->accepted_seen = accepted;
	}
	w->refused_seen = refused;
	verdict = alert_judge(&w->refused_told, w->refused, n.now_ms);
	if (verdict == ALERT_NO_NEWS)
		return;
	n.recovered = verdict == ALERT_RECOVERED;
	notice_add(&n, "", w->refused, w->refused_since_ms, NULL);
	notifier_send(w->notifier, &n, mono_ms);
}

/* --- the relay in another process ----------------------------------------- */

/* Twice without a sign of life between: a machine that slept needs a moment. */
static void
watch_relay(struct watch *w)
{
	struct store_stats stats = { 0 };
	char since[TEXT_DURATION_SIZE];
	int64_t now = clock_wall_ms();
	bool late;

	outbox_look_at_relay(w->mailbox->outbox, &stats);
	late = need_relay_stuck(&stats, now);
	if (late && w->late && stats.relay_seen_ms == w->pulse_ms) {
		if (!w->frozen)
			log_err("relay: process %ld holds the relay lock, and shows no "
			    "sign of life since %s: end it, and another goes on",
			    stats.relay_pid, text_format_duration(
			    now - stats.relay_seen_ms, since));
		w->frozen = true;
		look(w, false, false, &stats);
	} else if (!late && w->frozen) {
		log_info("relay: it works again");
		w->frozen = false;
		look(w, false, false, NULL);
	}
	w->late = late;
	w->pulse_ms = stats.relay_seen_ms;
}

/* --- from outside --------------------------------------------------------- */

int64_t
watch_step(struct watch *w, bool holding, int64_t mono_ms)
{
	if (!holding && mono_ms >= w->pulse_mono_ms) {
		w->pulse_mono_ms = mono_ms + PULSE_LOOK_MS;
		watch_relay(w);
	}
	if (w->wanted && mono_ms >= w->look_mono_ms) {
		w->look_mono_ms = mono_ms + LOOK_MS;
		watch_tokens(w, mono_ms);
		if (holding)
			look(w, true, false, NULL);
	}
	return notifier_step(w->notifier, mono_ms);
}

bool
watch_finished(struct watch *w, int64_t mono_ms)
{
	if (!w->wanted)
		return true;
	if (w->final == FINAL_NONE && !w->looking) {
		look(w, true, true, NULL);
		/* No memory for it: then without. */
		w->final = w->looking ? FINAL_ASKED : FINAL_DONE;
	}
	(void)notifier_step(w->notifier, mono_ms);
	if (w->final != FINAL_DONE || notifier_busy(w->notifier))
		return false;
	w->final = FINAL_NONE;
	return true;
}
