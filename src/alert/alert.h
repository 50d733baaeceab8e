/*
 * alert: when a person is to be told, and when not.  Neither clock nor store nor
 * network here.
 *
 * What may need a person has a kind, a subject (a destination, or the outbox as
 * a whole) and a level (outbox/need.h).  News is a level
 * above the one last told, but not within ALERT_PAUSE_MS of the last news of the
 * same kind and subject; and the return to 0 of what had been told.
 */
#ifndef LEADRELAY_ALERT_ALERT_H
#define LEADRELAY_ALERT_ALERT_H

#include <stdbool.h>
#include <stdint.h>

#include "outbox/store.h"

#define ALERT_SENDMAIL "/usr/sbin/sendmail"
#define ALERT_PAUSE_MS (INT64_C(10) * 60 * 1000)

struct config_alert;

enum alert_verdict { ALERT_NO_NEWS, ALERT_RAISED, ALERT_RECOVERED };

/* Judge ${level} by what was told, and change that to what is told now. */
enum alert_verdict alert_judge(struct store_alert *told, int64_t level,
    int64_t now_ms);

/* Is anybody to be told at all? */
bool alert_wanted(const struct config_alert *config);

#endif
