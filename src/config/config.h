/*
 * config: the settings, read once from one file by libConfuse, checked whole.
 *
 * A struct config is immutable after config_load and may be read by any thread;
 * a reload makes a new one, and whoever still uses the old one holds a share of it.  Strings belong to it.  Relative paths have been
 * made absolute, counted from the configuration's folder.  Durations are in
 * milliseconds, sizes in bytes.  "-1" in a duration, or NULL, is "not set".
 */
#ifndef LEADRELAY_CONFIG_CONFIG_H
#define LEADRELAY_CONFIG_CONFIG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/secret.h"

enum config_verify { CONFIG_VERIFY_JWT, CONFIG_VERIFY_NONE };
enum config_stale { CONFIG_STALE_HOLD, CONFIG_STALE_REFUSE };
enum config_invalid { CONFIG_INVALID_HOLD, CONFIG_INVALID_RELAY };
enum config_body { CONFIG_BODY_PAYLOAD, CONFIG_BODY_DATA, CONFIG_BODY_TRANSFORM };
enum config_format { CONFIG_FORMAT_JSON, CONFIG_FORMAT_FORM };

struct config_source {
	char *name;			/* "default" for the untitled section */
	char *path;			/* NULL: answers every path */
	int verify;			/* enum config_verify */
	char *secret_file;
	bool allow_readable;
	int64_t max_age_ms;
	int stale;			/* enum config_stale */
	int invalid;			/* enum config_invalid */
	int64_t *office_ids;		/* sorted */
	size_t office_count;
	int64_t duplicate_window_ms;
	int64_t max_held;
	uint64_t max_body;
	uint64_t max_token;
	struct secret_list secrets;	/* filled by config_load when verify is jwt */
};

struct config_store {
	char *url;			/* "sqlite:/absolute/path" */
	int64_t keep_delivered_ms;
	int64_t keep_failed_ms;
	int64_t max_waiting;
	uint64_t min_free;
};

struct config_worker {
	int64_t threads;
	bool relay;
	char *log;
	int log_format;			/* enum log_format */
	int log_level;			/* enum log_level */
	char *socket_group;
	char *user;			/* NULL: not set */
};

/* Statuses low..high, both included. */
struct config_range {
	int low;
	int high;
};

/* At most ${count} in any ${period_ms}; a count of 0 is "not set". */
struct config_rate {
	int64_t count;
	int64_t period_ms;
};

struct config_destination {
	char *name;
	char *url;			/* as configured; may be a secret: show config_mask_url */
	char *url_file;
	bool allow_http;
	char *when;			/* a jq program, as are success_when and capture */
	char *when_file;		/* a file with one, as is transform */
	int body;			/* enum config_body */
	char *transform;
	int format;			/* enum config_format */
	char *content_type;		/* NULL: the format's own */
	char *method;
	char **headers;			/* "Name: value" */
	size_t header_count;
	char *bearer_file;
	char *basic_file;
	char *header_file;
	char *oauth_token_url;		/* NULL: no OAuth */
	char *oauth_client_id;
	char *oauth_client_secret_file;
	char *oauth_refresh_token_file;
	char *oauth_scope;
	char *oauth_scheme;
	char *sign_secret_file;
	char *ca_file;
	char *client_cert;
	char *client_key;
	char *proxy;
	struct config_range *success;
	size_t success_count;
	char *success_when;
	char *capture;
	int64_t timeout_ms;
	int64_t connect_timeout_ms;
	int64_t max_concurrent;
	struct config_rate max_rate;
	int64_t max_per_day;		/* 0: not set */
	int64_t *retry_ms;		/* pauses; the last one repeats */
	size_t retry_count;
	int64_t *probe_ms;
	size_t probe_count;
	int64_t retry_for_ms;
	bool hold_on_dead;		/* on_dead = hold */
};

/* Whom to tell when a person is needed.  Nobody when the first four are NULL. */
struct config_alert {
	char *url;			/* may be a secret: show config_mask_url */
	char *url_file;
	char *command;			/* for /bin/sh -c */
	char *email;			/* addresses, commas between */
	int64_t waiting_longer_than_ms;
	int64_t quiet_for_ms;		/* -1: never mind */
};

struct config {
	char *file;			/* absolute path of the configuration */
	char *folder;			/* its folder */
	struct config_source *sources;
	size_t source_count;
	struct config_store store;
	struct config_worker worker;
	bool admin_tcp;
	struct config_destination *destinations;
	size_t destination_count;
	struct config_alert alert;
	atomic_uint shares;		/* given by config_share */
};

/* What a load found wrong, for a person: one line a fault, "file:line: words". */
struct config_fault {
	struct buf text;
	int count;
};

/*
 * Where the configuration is: ${option} (--config) if not NULL, else
 * $LEADRELAY_CONFIG of the process environment as it was at start, else
 * SYSCONFDIR/leadrelay/leadrelay.conf.  Returns a string the caller frees.
 */
char *config_find(const char *option);

/*
 * Load ${file} whole: every fault is collected, not only the first.  Returns
 * NULL when there was any; ${fault} then says which.  With warnings only (a
 * short secret, verify = none) it succeeds and ${fault} may still hold lines,
 * each starting "warning: ".  The caller frees fault->text in either case.
 */
struct config *config_load(const char *file, struct config_fault *fault);

/*
 * The same, but what could be read of a faulty file comes back as well: for a
 * look at single settings, never to be put in force.  NULL: nothing could.
 */
struct config *config_load_partly(const char *file, struct config_fault *fault);

/*
 * One more user of ${config}, to be ended by a config_free of its own.  NULL is
 * fine.  Returns ${config}.
 */
struct config *config_share(struct config *config);

/*
 * ${next} is to take ${former}'s place in a running process: give it back what is
 * looked at only when a process starts, and name in ${kept} what differed
 * ("worker threads, store url").  ${opened}: the store is; until then another may
 * be named.  -1: out of memory.
 */
int config_keep(struct config *next, const struct config *former, bool opened,
    struct buf *kept);

/* No pause is longer, so sums with moments cannot overflow. */
#define CONFIG_PAUSE_MAX_MS (INT64_C(3650) * 24 * 3600 * 1000)

/* What a destination may ask for with Retry-After at most. */
#define CONFIG_RETRY_AFTER_MAX_MS (INT64_C(6) * 3600 * 1000)

/* The longest that a lead is told to wait there: by `retry`, with jitter, or by Retry-After. */
int64_t config_longest_pause(const struct config_destination *destination);

/* Has every setting of the two destinations the same value, hidden parts too? */
bool config_same_destination(const struct config_destination *a,
    const struct config_destination *b);

/* Release it, secrets wiped first, unless there are other shares.  NULL is fine. */
void config_free(struct config *config);

/* The source that answers ${path} (no query), or NULL.  An exact path before "any". */
const struct config_source *config_source_for(const struct config *config,
    const char *path);
const struct config_source *config_source_named(const struct config *config,
    const char *name);
const struct config_destination *config_destination_named(
    const struct config *config, const char *name);

/*
 * Is the configuration, a secret or the store inside ${document_root}?  Returns
 * the setting that is ("secret_file"), or NULL.  Symbolic links are resolved.
 */
const char *config_served_by(const struct config *config,
    const char *document_root);

/*
 * ${url} fit to be shown: scheme, host and port, and "/…" for whatever follows.
 */
void config_mask_url(const char *url, struct buf *out);

/* May the header line ${header}, by its name, hold a credential?  Then only its name is shown. */
bool config_header_tells(const char *header);

/* Print every effective setting with its value, secrets masked, in file syntax. */
void config_print(const struct config *config, struct buf *out);

#endif
