/*
 * The one table of settings.  What reads, prints, compares, keeps or frees them walks it,
 * and the manual is checked against it.
 */
#include "config/keys.h"

#include <string.h>

#include "config/config.h"

#define HUNDRED_YEARS_MS (INT64_C(36500) * 86400000)
#define HOUR_MS INT64_C(3600000)
#define SAFE_INTEGER ((INT64_C(1) << 53) - 1)	/* LeadPro's ids are JSON numbers */

const struct section keys_sections[SECTIONS] = {
	[SECTION_SOURCE] = { "source", "default", true,
	    sizeof(struct config_source), offsetof(struct config, sources),
	    offsetof(struct config, source_count),
	    offsetof(struct config_source, name) },
	[SECTION_STORE] = { .name = "store", .offset = offsetof(struct config, store) },
	[SECTION_WORKER] = { .name = "worker", .offset = offsetof(struct config, worker) },
	[SECTION_ADMIN] = { .name = "admin" },
	[SECTION_DESTINATION] = { "destination", NULL, true,
	    sizeof(struct config_destination), offsetof(struct config, destinations),
	    offsetof(struct config, destination_count),
	    offsetof(struct config_destination, name) },
	[SECTION_ALERT] = { .name = "alert", .offset = offsetof(struct config, alert) },
};

/* In the order of the enums in config.h and base/log.h. */
static const char *const no_yes[] = { "no", "yes", NULL };
static const char *const verify[] = { "jwt", "none", NULL };
static const char *const stale[] = { "hold", "refuse", NULL };
static const char *const invalid[] = { "hold", "relay", NULL };
static const char *const log_formats[] = { "logfmt", "json", NULL };
static const char *const log_levels[] = { "error", "warn", "info", "debug", NULL };
static const char *const bodies[] = { "payload", "data", "transform", NULL };
static const char *const formats[] = { "json", "form", NULL };
static const char *const on_dead[] = { "continue", "hold", NULL };

#define KEY(id, owner, name, type, member) \
	.section = id, name, type, offsetof(struct owner, member)
#define SOURCE(...) KEY(SECTION_SOURCE, config_source, __VA_ARGS__)
#define STORE(...) KEY(SECTION_STORE, config_store, __VA_ARGS__)
#define WORKER(...) KEY(SECTION_WORKER, config_worker, __VA_ARGS__)
#define ADMIN(...) KEY(SECTION_ADMIN, config, __VA_ARGS__)
#define DESTINATION(...) KEY(SECTION_DESTINATION, config_destination, __VA_ARGS__)
#define ALERT(...) KEY(SECTION_ALERT, config_alert, __VA_ARGS__)
#define COUNT(owner, member) .count_offset = offsetof(struct owner, member)

const struct key keys_table[] = {
	{ SOURCE("path", KEY_STRING, path), .def = "any", .flags = KEY_OFF,
	    .help = "the request path this source answers" },
	{ SOURCE("verify", KEY_CHOICE, verify), .def = "jwt", .names = verify,
	    .help = "jwt: use only what the token signed; none: trust the body" },
	{ SOURCE("secret_file", KEY_PATH, secret_file), .flags = KEY_SECRET,
	    .help = "file with the signing secrets, one a line",
	    .see = "verify, allow_readable" },
	{ SOURCE("allow_readable", KEY_SWITCH, allow_readable), .def = "no",
	    .names = no_yes,
	    .help = "take a secret_file that others may read",
	    .see = "secret_file" },
	{ SOURCE("max_age", KEY_DURATION, max_age_ms), .def = "off",
	    .min = 1, .max = HUNDRED_YEARS_MS, .flags = KEY_OFF,
	    .help = "tokens whose iat is older are stale", .see = "stale" },
	{ SOURCE("stale", KEY_CHOICE, stale), .def = "hold", .names = stale,
	    .help = "what becomes of a stale token's event", .see = "max_age" },
	{ SOURCE("invalid", KEY_CHOICE, invalid), .def = "hold", .names = invalid,
	    .help = "what becomes of an event that breaks rules" },
	{ SOURCE("office_ids", KEY_INTS, office_ids), .def = "any",
	    COUNT(config_source, office_count), .min = -SAFE_INTEGER,
	    .max = SAFE_INTEGER, .flags = KEY_OFF,
	    .help = "the valid values of office_id", .see = "invalid" },
	{ SOURCE("duplicate_window", KEY_DURATION, duplicate_window_ms),
	    .def = "24h", .max = HUNDRED_YEARS_MS,
	    .help = "how long the same event again is a duplicate" },
	{ SOURCE("max_held", KEY_INT, max_held), .def = "10000",
	    .max = 1000000000, .help = "held events beyond which further ones get 503",
	    .see = "invalid, stale" },
	{ SOURCE("max_body", KEY_SIZE, max_body), .def = "256k", .min = 1,
	    .max = 64 << 20, .help = "larger bodies get 413" },
	{ SOURCE("max_token", KEY_SIZE, max_token), .def = "64k", .min = 1,
	    .max = 128 << 10, .help = "larger tokens get 431" },

	{ STORE("url", KEY_STRING, url), .def = "sqlite:/var/lib/leadrelay/outbox.db",
	    .flags = KEY_AT_START,
	    .help = "where the outbox is kept" },
	{ STORE("keep_delivered", KEY_DURATION, keep_delivered_ms), .def = "30d",
	    .max = HUNDRED_YEARS_MS,
	    .help = "how long delivered events are kept", .see = "keep_failed" },
	{ STORE("keep_failed", KEY_DURATION, keep_failed_ms), .def = "90d",
	    .max = HUNDRED_YEARS_MS,
	    .help = "how long dead, held and discarded events are kept",
	    .see = "keep_delivered" },
	{ STORE("max_waiting", KEY_INT, max_waiting), .def = "1000000", .min = 1,
	    .max = 1000000000, .flags = KEY_AT_START,
	    .help = "undelivered events beyond which webhooks get 503",
	    .see = "min_free" },
	{ STORE("min_free", KEY_SIZE, min_free), .def = "64m", .max = INT64_C(1) << 50,
	    .flags = KEY_AT_START, .help = "free disk space below which webhooks get 503",
	    .see = "max_waiting" },

	{ WORKER("threads", KEY_INT, threads), .def = "16", .min = 1, .max = 256,
	    .flags = KEY_AT_START, .help = "requests served at once" },
	{ WORKER("relay", KEY_SWITCH, relay), .def = "yes", .names = no_yes,
	    .flags = KEY_AT_START, .help = "also deliver from this process" },
	{ WORKER("log", KEY_STRING, log), .def = "stderr",
	    .help = "where the log goes", .see = "log_format, log_level" },
	{ WORKER("log_format", KEY_CHOICE, log_format), .def = "logfmt",
	    .names = log_formats, .help = "how a log line is written",
	    .see = "log" },
	{ WORKER("log_level", KEY_CHOICE, log_level), .def = "info",
	    .names = log_levels, .help = "the least important lines that are logged",
	    .see = "log" },
	{ WORKER("socket_group", KEY_STRING, socket_group), .flags = KEY_AT_START,
	    .help = "group of the socket that serve --listen makes",
	    .see = "leadrelay(1)" },
	{ WORKER("user", KEY_STRING, user), .flags = KEY_AT_START,
	    .help = "whom to become when started as root and no store folder names "
	    "an owner", .see = "store, leadrelay(1)" },

	{ ADMIN("tcp", KEY_SWITCH, admin_tcp), .def = "no", .names = no_yes,
	    .help = "answer admin pages on a TCP listener too" },

	{ DESTINATION("url", KEY_STRING, url), .flags = KEY_MASK_URL,
	    .help = "where leads are posted to", .see = "url_file, allow_http" },
	{ DESTINATION("url_file", KEY_PATH, url_file), .flags = KEY_SECRET,
	    .help = "file that holds the url, when it is a secret", .see = "url" },
	{ DESTINATION("allow_http", KEY_SWITCH, allow_http), .def = "no",
	    .names = no_yes, .help = "let leads go out without TLS", .see = "url" },
	{ DESTINATION("when", KEY_STRING, when),
	    .help = "jq program: only leads for which it is true go here",
	    .see = "when_file" },
	{ DESTINATION("when_file", KEY_PATH, when_file),
	    .help = "file with that program", .see = "when" },
	{ DESTINATION("body", KEY_CHOICE, body), .def = "payload", .names = bodies,
	    .help = "payload: the bytes that were signed; data: the lead alone; "
	    "transform: what that program makes of it",
	    .see = "transform, format" },
	{ DESTINATION("transform", KEY_PATH, transform),
	    .help = "file with the jq program that makes the body", .see = "body" },
	{ DESTINATION("format", KEY_CHOICE, format), .def = "json",
	    .names = formats, .help = "how the body is written",
	    .see = "body, content_type" },
	{ DESTINATION("content_type", KEY_STRING, content_type),
	    .help = "the Content-Type header, instead of the format's own",
	    .see = "format" },
	{ DESTINATION("method", KEY_STRING, method), .def = "POST",
	    .help = "the request method" },
	{ DESTINATION("header", KEY_STRINGS, headers),
	    COUNT(config_destination, header_count), .flags = KEY_MASK_HEADER,
	    .help = "further headers, each \"Name: value\"", .see = "header_file" },
	{ DESTINATION("bearer_file", KEY_PATH, bearer_file), .flags = KEY_SECRET,
	    .help = "file with the token for Authorization: Bearer",
	    .see = "basic_file, header_file" },
	{ DESTINATION("basic_file", KEY_PATH, basic_file), .flags = KEY_SECRET,
	    .help = "file with user:password for Authorization: Basic",
	    .see = "bearer_file, header_file" },
	{ DESTINATION("header_file", KEY_PATH, header_file), .flags = KEY_SECRET,
	    .help = "file with one header that is a credential",
	    .see = "header, bearer_file, basic_file" },
	{ DESTINATION("oauth_token_url", KEY_STRING, oauth_token_url),
	    .flags = KEY_MASK_URL, .help = "OAuth 2.0: where access tokens are fetched",
	    .see = "oauth_client_id, oauth_client_secret_file, "
	    "oauth_refresh_token_file" },
	{ DESTINATION("oauth_client_id", KEY_STRING, oauth_client_id),
	    .help = "OAuth 2.0: who we are to the token endpoint",
	    .see = "oauth_token_url" },
	{ DESTINATION("oauth_client_secret_file", KEY_PATH, oauth_client_secret_file), .flags = KEY_SECRET,
	    .help = "OAuth 2.0: file with the client's secret",
	    .see = "oauth_token_url" },
	{ DESTINATION("oauth_refresh_token_file", KEY_PATH, oauth_refresh_token_file), .flags = KEY_SECRET,
	    .help = "OAuth 2.0: file with a refresh token, where the CRM gives one",
	    .see = "oauth_token_url" },
	{ DESTINATION("oauth_scope", KEY_STRING, oauth_scope),
	    .help = "OAuth 2.0: what access is asked for", .see = "oauth_token_url" },
	{ DESTINATION("oauth_scheme", KEY_STRING, oauth_scheme), .def = "Bearer",
	    .help = "OAuth 2.0: the word before the token in Authorization",
	    .see = "oauth_token_url" },
	{ DESTINATION("sign_secret_file", KEY_PATH, sign_secret_file), .flags = KEY_SECRET,
	    .help = "file with the secrets of a Standard Webhooks signature, one a line" },
	{ DESTINATION("ca_file", KEY_PATH, ca_file),
	    .help = "certificates to trust instead of the system's" },
	{ DESTINATION("client_cert", KEY_PATH, client_cert),
	    .help = "our certificate for mutual TLS, PEM", .see = "client_key" },
	{ DESTINATION("client_key", KEY_PATH, client_key), .flags = KEY_SECRET,
	    .help = "the key to client_cert, PEM", .see = "client_cert" },
	{ DESTINATION("proxy", KEY_STRING, proxy), .flags = KEY_MASK_URL,
	    .help = "proxy to go through" },
	{ DESTINATION("success", KEY_RANGES, success), .def = "200-299",
	    COUNT(config_destination, success_count), .min = 100, .max = 599,
	    .help = "the statuses that mean delivered" },
	{ DESTINATION("success_when", KEY_STRING, success_when),
	    .help = "jq program on a JSON answer: did the receiver mean yes",
	    .see = "success, capture" },
	{ DESTINATION("capture", KEY_STRING, capture),
	    .help = "jq program on a JSON answer: the receiver's own record id",
	    .see = "success_when" },
	{ DESTINATION("timeout", KEY_DURATION, timeout_ms), .def = "20s", .min = 1,
	    .max = HOUR_MS, .help = "the longest a request may take",
	    .see = "connect_timeout" },
	{ DESTINATION("connect_timeout", KEY_DURATION, connect_timeout_ms),
	    .def = "5s", .min = 1, .max = HOUR_MS,
	    .help = "the longest that connecting may take", .see = "timeout" },
	{ DESTINATION("max_concurrent", KEY_INT, max_concurrent), .def = "8",
	    .min = 1, .max = 256, .help = "requests under way at once" },
	{ DESTINATION("max_rate", KEY_RATE, max_rate), .min = 1, .max = 1000000,
	    .help = "requests in a stretch of time, at most",
	    .see = "max_concurrent, max_per_day" },
	{ DESTINATION("max_per_day", KEY_INT, max_per_day), .min = 1,
	    .max = 1000000000, .help = "requests in 24 hours, at most",
	    .see = "max_rate" },
	{ DESTINATION("retry", KEY_DURATIONS, retry_ms),
	    .def = "5s, 30s, 2m, 10m, 30m, 2h, 6h, 12h",
	    COUNT(config_destination, retry_count), .min = 1,
	    .max = HUNDRED_YEARS_MS,
	    .help = "pauses after passing trouble; the last one repeats",
	    .see = "retry_for" },
	{ DESTINATION("probe", KEY_DURATIONS, probe_ms), .def = "30s, 1m, 2m, 5m",
	    COUNT(config_destination, probe_count), .min = 1,
	    .max = HUNDRED_YEARS_MS,
	    .help = "pauses between probes of a paused destination" },
	{ DESTINATION("retry_for", KEY_DURATION, retry_for_ms), .def = "4d",
	    .max = HUNDRED_YEARS_MS,
	    .help = "how long until a delivery that fails is dead",
	    .see = "retry, on_dead" },
	{ DESTINATION("on_dead", KEY_SWITCH, hold_on_dead), .def = "continue",
	    .names = on_dead, .help = "what a dead delivery does to its lead's later events",
	    .see = "retry_for" },

	{ ALERT("url", KEY_STRING, url), .flags = KEY_MASK_URL,
	    .help = "where alerts are posted to, as JSON", .see = "url_file" },
	{ ALERT("url_file", KEY_PATH, url_file), .flags = KEY_SECRET,
	    .help = "file that holds the url, when it is a secret", .see = "url" },
	{ ALERT("command", KEY_STRING, command),
	    .help = "shell command that gets an alert on its standard input" },
	{ ALERT("email", KEY_STRING, email),
	    .help = "addresses that alerts are mailed to by /usr/sbin/sendmail" },
	{ ALERT("waiting_longer_than", KEY_DURATION, waiting_longer_than_ms),
	    .def = "15m", .min = 1, .max = HUNDRED_YEARS_MS,
	    .help = "how long a lead may wait before an alert" },
	{ ALERT("quiet_for", KEY_DURATION, quiet_for_ms), .def = "off", .min = 1,
	    .max = HUNDRED_YEARS_MS, .flags = KEY_OFF,
	    .help = "how long no lead may come before an alert" },
};
const size_t keys_count = sizeof(keys_table) / sizeof(keys_table[0]);

void *
keys_struct(const struct config *config, enum section_id id, size_t index,
    char **name)
{
	const struct section *s = &keys_sections[id];
	const char *at = (const char *)config;
	char *base = (char *)(uintptr_t)(at + s->offset);

	*name = NULL;
	if (!s->several)
		return index == 0 ? base : NULL;
	if (index >= *(const size_t *)(const void *)(at + s->count_offset))
		return NULL;
	base = *(char **)(void *)base + index * s->size;
	*name = *(char **)(void *)(base + s->name_offset);
	return base;
}

static bool
is_named(const char *candidate, const char *name, size_t len)
{
	return strncmp(candidate, name, len) == 0 && candidate[len] == '\0';
}

const struct section *
keys_section(const char *name, size_t len)
{
	for (size_t i = 0; i < SECTIONS; i++)
		if (is_named(keys_sections[i].name, name, len))
			return &keys_sections[i];
	return NULL;
}

const struct key *
keys_find(enum section_id section, const char *name, size_t len)
{
	for (size_t i = 0; i < keys_count; i++)
		if (keys_table[i].section == section &&
		    is_named(keys_table[i].name, name, len))
			return &keys_table[i];
	return NULL;
}
