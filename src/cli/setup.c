/*
 * setup: words and exit statuses for what start/ and outbox/ report.
 */
#include "cli/setup.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/exits.h"
#include "base/text.h"
#include "outbox/owner.h"
#include "program/program.h"
#include "program/programs.h"
#include "start/load.h"

int
setup_config(struct setup *setup, const struct args *args)
{
	struct config_fault fault = { 0 };

	setup->config = load_config(args->config, &fault);
	if ((setup->config == NULL || setup->warn) && fault.text.data != NULL)
		fputs(fault.text.data, stderr);
	buf_free(&fault.text);
	return setup->config != NULL ? EXIT_DONE :
	    fault.count > 0 ? EXIT_CONFIG : EXIT_SOFTWARE;
}

int
setup_outbox(struct setup *setup, const struct args *args,
    enum outbox_mode mode)
{
	struct store_fault fault = { 0 };
	int status;

	if ((status = setup_config(setup, args)) != EXIT_DONE)
		return status;
	if (owner_become(setup->config, mode == OUTBOX_RELAY, &fault) == -1)
		return setup_store_failed(setup->config, &fault);
	if (setup->programs && (status = setup_programs(setup)) != EXIT_DONE)
		return status;
	setup->outbox = outbox_open(setup->config, mode, &fault);
	if (setup->outbox == NULL)
		return setup_store_failed(setup->config, &fault);
	return EXIT_DONE;
}

int
setup_programs(struct setup *setup)
{
	struct buf why = { 0 };
	int rc = programs_begin(setup->config, &setup->pool, PROGRAMS_BEGIN_MS,
	    &why);

	if (rc == -1)
		fputs(why.data != NULL ? why.data : "leadrelay: out of memory\n",
		    stderr);
	buf_free(&why);
	/* What cannot be found out now is told when a program is to be run. */
	return rc == -1 ? EXIT_CONFIG : EXIT_DONE;
}

void
setup_free(struct setup *setup)
{
	outbox_close(setup->outbox);
	program_pool_free(setup->pool);
	setup->pool = NULL;
	config_free(setup->config);
	setup->outbox = NULL;
	setup->config = NULL;
}

/* What a fault means for the exit status (0: EXIT_IOERR), and what can be done about it. */
static const struct {
	int status;
	const char *cure;
} faults[] = {
	[STORE_FAULT_ABSENT] = { EXIT_NOINPUT, NULL },
	[STORE_FAULT_CANTCREAT] = { EXIT_CANTCREAT, NULL },
	[STORE_FAULT_BUSY] = { 0, ": something else holds it; end that, or wait" },
	[STORE_FAULT_FULL] = { 0, ": make room on its disk" },
	[STORE_FAULT_CORRUPT] = { 0,
	    ": keep a copy of its folder, and put back a backup" },
	[STORE_FAULT_VERSION] = { 0, ": install that leadrelay, or a newer one" },
	[STORE_FAULT_OLDER] = { EXIT_UNAVAILABLE,
	    ": restart the worker ('systemctl restart leadrelay'), "
	    "which brings it up to date; where none runs, "
	    "'leadrelay relay --once' or the next lead does" },
	[STORE_FAULT_USER] = { EXIT_CONFIG, NULL },
	[STORE_FAULT_MEMORY] = { EXIT_SOFTWARE, NULL },
	[STORE_FAULT_FENCED] = { 0, NULL },
};

int
setup_fault_status(const struct store_fault *fault)
{
	int status = faults[fault->kind].status;

	return status != 0 ? status : EXIT_IOERR;
}

const char *
setup_store_cure(enum store_fault_kind kind)
{
	return faults[kind].cure != NULL ? faults[kind].cure : "";
}

int
setup_store_failed(const struct config *config, const struct store_fault *fault)
{
	if (fault->kind == STORE_FAULT_ABSENT)
		fprintf(stderr, "leadrelay: there is no outbox yet at %s; "
		    "'leadrelay serve', 'leadrelay relay' or the first lead makes it\n",
		    config->store.url);
	else
		fprintf(stderr, "leadrelay: store %s: %s%s\n", config->store.url,
		    fault->text, setup_store_cure(fault->kind));
	return setup_fault_status(fault);
}

int
setup_first(int a, int b)
{
	static const int order[] = {
		EXIT_USAGE, EXIT_CONFIG, EXIT_CANTCREAT, EXIT_IOERR,
		EXIT_UNAVAILABLE, EXIT_NOINPUT, EXIT_SOFTWARE, EXIT_NO
	};

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if (a == order[i] || b == order[i])
			return order[i];
	return EXIT_DONE;
}

int
setup_number(const struct args *args, const char *option, int64_t min,
    int64_t max, int64_t otherwise, int64_t *value)
{
	const char *text = args_value(args, option);

	*value = otherwise;
	if (text == NULL || text_parse_int(text, min, max, value) == 0)
		return 0;
	fprintf(stderr, "leadrelay: --%s %s: not a number from %lld to %lld\n",
	    option, text, (long long)min, (long long)max);
	return -1;
}

int
setup_when(const struct args *args, const char *option, int64_t *ms)
{
	const char *text = args_value(args, option);

	*ms = 0;
	if (text == NULL || text_parse_when(text, clock_wall_ms(), ms) == 0)
		return 0;
	fprintf(stderr, "leadrelay: --%s %s: not a time like 2h or "
	    "2026-01-31T10:00:00Z\n", option, text);
	return -1;
}

const struct config_source *
setup_source(const struct args *args, const struct config *config,
    const char *path)
{
	const char *name = args_value(args, "source");
	const struct config_source *source;

	if (name == NULL) {
		source = config_source_for(config, path);
		return source != NULL ? source : &config->sources[0];
	}
	if ((source = config_source_named(config, name)) == NULL)
		fprintf(stderr, "leadrelay: %s: there is no source %s in %s\n",
		    args->command->name, name, config->file);
	return source;
}
