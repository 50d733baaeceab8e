/*
 * load: words of a load go to the log; a command says them itself.
 */
#include "start/load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"

void
load_say(const struct buf *faults)
{
	static const char warning[] = "warning: ";
	const char *line, *end;
	int len;

	for (line = faults->data; line != NULL && *line != '\0'; line = end) {
		len = (int)strcspn(line, "\n");
		end = line + len + (line[len] == '\n');
		if (strncmp(line, warning, sizeof(warning) - 1) == 0)
			log_warn("%.*s", len - (int)sizeof(warning) + 1,
			    line + sizeof(warning) - 1);
		else
			log_err("%.*s", len, line);
	}
}

int
load_log(const struct config *config, enum load_log when)
{
	const struct config_worker *worker = &config->worker;
	enum log_level level = (enum log_level)worker->log_level;

	if (when == LOAD_LOG_CRON && strcmp(worker->log, "stderr") == 0 &&
	    level > LOG_LV_WARN)
		level = LOG_LV_WARN;
	if (log_open(worker->log, when != LOAD_LOG_AGAIN) == -1) {
		log_err("%s: log %s: %s", config->file, worker->log,
		    strerror(errno));
		return -1;
	}
	log_form((enum log_format)worker->log_format, level);
	return 0;
}

struct config *
load_config(const char *option, struct config_fault *fault)
{
	char *file = config_find(option);
	struct config *config = NULL;

	if (file != NULL)
		config = config_load(file, fault);
	else
		buf_puts(&fault->text, "leadrelay: out of memory\n");
	free(file);
	return config;
}
