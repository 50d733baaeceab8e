/*
 * notifier: carries notices to whom the configuration names: by a POST, a command
 * and a mail, side by side.  Nothing here waits; all of it is the relay's thread's.
 */
#ifndef LEADRELAY_ALERT_NOTIFIER_H
#define LEADRELAY_ALERT_NOTIFIER_H

#include <stdbool.h>
#include <stdint.h>

struct config;
struct notifier;
struct http_client;
struct notice;

/*
 * ${http} is borrowed, a share of ${config} taken.  ${former} (or NULL) is taken
 * over, to finish what it has under way.  NULL: out of memory.
 */
struct notifier *notifier_new(struct http_client *http, struct config *config,
    struct notifier *former);

/* What is under way is broken off, but for programs, which have their time.  NULL is fine. */
void notifier_free(struct notifier *c);

/* Take ${n} over as words and begin to carry it.  What fails is said in the log. */
void notifier_send(struct notifier *c, const struct notice *n, int64_t mono_ms);

/* Go on with what is under way; returns when to be called again at the latest. */
int64_t notifier_step(struct notifier *c, int64_t mono_ms);

bool notifier_busy(const struct notifier *c);

#endif
