/*
 * courier: carries notices to whom the configuration names: by a POST, a command
 * and a mail, side by side.  Nothing here waits; all of it is the relay's thread's.
 */
#ifndef LEADRELAY_ALERT_COURIER_H
#define LEADRELAY_ALERT_COURIER_H

#include <stdbool.h>
#include <stdint.h>

struct config;
struct courier;
struct engine;
struct notice;

/*
 * ${engine} is borrowed, a share of ${config} taken.  ${former} (or NULL) is taken
 * over, to finish what it has under way.  NULL: out of memory.
 */
struct courier *courier_new(struct engine *engine, struct config *config,
    struct courier *former);

/* What is under way is broken off, but for programs, which have their time.  NULL is fine. */
void courier_free(struct courier *c);

/* Take ${n} over as words and begin to carry it.  What fails is said in the log. */
void courier_send(struct courier *c, const struct notice *n, int64_t mono_ms);

/* Go on with what is under way; returns when to be called again at the latest. */
int64_t courier_step(struct courier *c, int64_t mono_ms);

bool courier_busy(const struct courier *c);

#endif
