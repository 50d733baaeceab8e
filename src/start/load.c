#include "start/load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "program/programs.h"

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
load_log(const struct config *config)
{
	const struct config_worker *worker = &config->worker;

	if (log_open(worker->log, (enum log_format)worker->log_format,
	    (enum log_level)worker->log_level) == 0)
		return 0;
	log_err("%s: log %s: %s", config->file, worker->log, strerror(errno));
	return -1;
}

void
load_log_first(const struct config *config)
{
	const struct config_worker *worker = &config->worker;

	if (log_insist(worker->log, (enum log_format)worker->log_format,
	    (enum log_level)worker->log_level) == -1)
		log_err("log %s: %s", worker->log, strerror(errno));
}

struct config *
load_config(const char *option, struct buf *warnings)
{
	struct config_fault fault = { 0 };
	struct config *config = NULL;
	char *file;

	if ((file = config_find(option)) == NULL) {
		log_err("out of memory");
		return NULL;
	}
	config = config_load(file, &fault);
	if (config == NULL)
		load_say(&fault.text);
	else
		buf_puts(warnings, fault.text.data != NULL ? fault.text.data : "");
	buf_free(&fault.text);
	free(file);
	return config;
}

int
load_programs(const struct config *config, struct program_host **host)
{
	struct buf why = { 0 };
	char *line, *next;
	int rc = programs_begin(config, host, PROGRAMS_BEGIN_MS, &why);

	for (next = why.data; rc == -1 && (line = strsep(&next, "\n")) != NULL;)
		if (*line != '\0')
			log_err("%s", line);
	buf_free(&why);
	return rc == -1 ? -1 : 0;
}
