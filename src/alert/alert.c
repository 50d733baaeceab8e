/*
 * One level told, one time: all that is needed to tell a change once.
 */
#include "alert/alert.h"

#include <stddef.h>

#include "config/config.h"

enum alert_verdict
alert_judge(struct store_alert *told, int64_t level, int64_t now_ms)
{
	bool raised = told->level > 0;
	/* News from the future: the clock was put back. */
	bool lately = told->told_ms != 0 && now_ms >= told->told_ms &&
	    now_ms - told->told_ms < ALERT_PAUSE_MS;

	if (level > told->level) {
		if (lately)
			return ALERT_NO_NEWS;
		*told = (struct store_alert){ .level = level, .told_ms = now_ms };
		return ALERT_RAISED;
	}
	told->level = level;
	return raised && level == 0 ? ALERT_RECOVERED : ALERT_NO_NEWS;
}

bool
alert_wanted(const struct config_alert *config)
{
	return config->url != NULL || config->url_file != NULL ||
	    config->command != NULL || config->email != NULL;
}
