/*
 * reload: a file is taken when it has looked the same twice (${candidate}): so one
 * that somebody is writing is left alone.  What was refused is read again when it
 * changes, or after a while, and said when its faults are others.
 */
#include "start/reload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/stamp.h"
#include "config/config.h"
#include "intake/snapshot.h"
#include "outbox/outbox.h"
#include "program/programs.h"
#include "relay/relay.h"
#include "start/load.h"
#include "start/process.h"

#define AGAIN_MS 10000		/* a bad one is tried again: it may name what was missing */

/* --- reading -------------------------------------------------------------- */

/* Keep the first fault in ${text}, of which some lines may be warnings. */
static void
keep_trouble(struct reload *rl, const struct buf *text)
{
	static const char warning[] = "warning: ";
	const char *line = buf_phrase(text);

	while (strncmp(line, warning, sizeof(warning) - 1) == 0 &&
	    strchr(line, '\n') != NULL)
		line = strchr(line, '\n') + 1;
	(void)snprintf(rl->trouble, sizeof(rl->trouble), "%.*s",
	    (int)strcspn(line, "\n"), line);
}

/* Say what is wrong, unless it was said the last time; ${end}: what follows from it. */
static void
say_news(struct reload *rl, const struct config_fault *fault, const char *end)
{
	uint64_t said = digest_fnv1a(DIGEST_FNV1A, fault->text.data,
	    fault->text.len);

	if (fault->count > 0)
		keep_trouble(rl, &fault->text);
	if (rl->failing && said == rl->said)
		return;
	rl->said = said;
	load_say(&fault->text);
	if (fault->count > 0)
		log_err("%s", end);
}

/* The same file again, with what stays as it is; NULL: said. */
static struct config *
read_again(struct reload *rl, const struct config *former, bool opened,
    struct buf *kept)
{
	struct config_fault fault = { 0 };
	struct config *next;

	next = config_load(former->file, &fault);
	if (next != NULL && programs_check(next, &fault.text) == -1) {
		fault.count++;
		config_free(next);
		next = NULL;
	}
	say_news(rl, &fault, "the new configuration is not taken, "
	    "the former one stays in force");
	buf_free(&fault.text);
	if (next != NULL && config_keep(next, former, opened, kept) == -1) {
		log_err("the configuration cannot be read again: out of memory");
		config_free(next);
		next = NULL;
	}
	return next;
}

/* --- putting in force ----------------------------------------------------- */

/* The parts that can refuse, one after the other.  -1: said; how far it came does not show. */
static int
put_in_force(struct config *config, struct process *p)
{
	struct outbox *outbox = atomic_load(&p->outbox);
	struct relay *relay = atomic_load(&p->relay);
	struct store_fault fault;
	struct buf why = { 0 };
	int rc = 0;

	if (outbox != NULL && outbox_configure(outbox, config, &fault) == -1) {
		log_err("the outbox cannot take the new configuration: %s",
		    fault.text);
		return -1;
	}
	if (relay != NULL && (rc = relay_reload(relay, config, &why)) == -1)
		log_err("the relay cannot take the new configuration: %s",
		    buf_phrase(&why));
	buf_free(&why);
	if (rc == 0 && p->snapshot != NULL &&
	    (rc = snapshot_set(p->snapshot, config)) == -1)
		log_err("the new configuration cannot be taken: out of memory");
	return rc;
}

bool
reload_again(struct process *p)
{
	struct config *former = p->config, *next;
	struct reload *rl = &p->reload;
	struct buf kept = { 0 };
	bool taken = false;

	rl->trouble[0] = '\0';
	next = read_again(rl, former, atomic_load(&p->outbox) != NULL, &kept);
	if (next != NULL && load_log(next, LOAD_LOG_AGAIN) == 0) {
		taken = put_in_force(next, p) == 0;
		if (!taken) {
			(void)load_log(former, LOAD_LOG_AGAIN);
			(void)put_in_force(former, p);
		}
	}
	if (taken) {
		if (kept.len != 0)
			log_warn("%s: changed, takes effect at the next start",
			    buf_phrase(&kept));
		log_info("the configuration was read again");
		p->config = next;
		next = former;
	}
	config_free(next);
	buf_free(&kept);
	if (!taken && rl->trouble[0] == '\0')
		(void)snprintf(rl->trouble, sizeof(rl->trouble),
		    "the new configuration cannot be put in force");
	rl->failing = !taken;
	rl->again_ms = clock_mono_ms() + AGAIN_MS;
	return taken;
}

/* --- watching ------------------------------------------------------------- */

/*
 * The files that only a load reads; a destination's are watched by the relay,
 * ${all}: unless there is none yet.  ${config} may be NULL.
 */
static uint64_t
look(const char *file, const struct config *config, bool all)
{
	uint64_t seen = stamp_add(DIGEST_FNV1A, file);
	const struct config_destination *d;
	char *path;
	size_t i;

	for (i = 0; config != NULL && i < config->source_count; i++) {
		if (config->sources[i].secret_file == NULL)
			continue;
		path = secret_resolve(config->sources[i].secret_file);
		seen = stamp_add(seen, path);
		free(path);
	}
	for (i = 0; all && config != NULL && i < config->destination_count; i++) {
		d = &config->destinations[i];
		if (d->when_file != NULL)
			seen = stamp_add(seen, d->when_file);
		if (d->body == CONFIG_BODY_TRANSFORM)
			seen = stamp_add(seen, d->transform);
	}
	return seen;
}

void
reload_note(struct reload *rl, const struct config *config)
{
	rl->seen = rl->candidate = look(config->file, config, false);
	rl->failing = false;
	rl->trouble[0] = '\0';
}

bool
reload_due(struct reload *rl, const struct config *config)
{
	uint64_t now = look(config->file, config, false);

	if (now == rl->seen)
		return rl->failing && clock_mono_ms() >= rl->again_ms;
	if (now != rl->candidate) {
		rl->candidate = now;	/* somebody is writing: wait for the end */
		return false;
	}
	rl->seen = now;
	return true;
}

/* --- where there is none yet ------------------------------------------------ */

struct config *
reload_first(struct reload *rl, bool at_once)
{
	struct config_fault fault = { 0 };
	struct config *config = config_load(rl->file, &fault);
	uint64_t now = look(rl->file, config, true);
	bool settled = now == rl->candidate;

	rl->candidate = now;
	if (!at_once && (!settled || (config != NULL && rl->failing &&
	    now == rl->seen && clock_mono_ms() < rl->again_ms))) {
		config_free(config);
		config = NULL;
	} else if (config == NULL) {
		say_news(rl, &fault, RELOAD_UNTIL_MENDED);
		rl->failing = true;
	} else if (now != rl->seen) {
		load_say(&fault.text);	/* warnings */
	}
	buf_free(&fault.text);
	return config;
}

void
reload_refuse(struct reload *rl, const struct config *config,
    const struct buf *why)
{
	const struct config_fault fault = { .text = *why, .count = 1 };

	say_news(rl, &fault, RELOAD_UNTIL_MENDED);
	rl->failing = true;
	rl->seen = look(rl->file, config, true);
	rl->again_ms = clock_mono_ms() + AGAIN_MS;
}
