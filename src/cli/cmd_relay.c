/*
 * What relay does is in start/relaying.c.
 */
#include "cli/cmd.h"

#include "base/exits.h"
#include "cli/setup.h"
#include "start/relaying.h"
#include "start/reload_reply.h"

int
cmd_relay(const struct args *args, struct setup *setup)
{
	const char *pid = args_value(args, "reload");
	struct relaying *relaying;
	int status;

	if (pid != NULL)
		return reload_reply_ask(pid);
	setup->programs = true;
	relaying = relaying_begin(args_flag(args, "once"));
	if ((status = setup_outbox(setup, args, OUTBOX_RELAY)) != EXIT_DONE)
		return status;
	if (relaying_make(relaying, setup->config, setup->pool,
	    setup->outbox) == -1)
		return EXIT_UNAVAILABLE;
	*setup = (struct setup){ 0 };		/* it has them now */
	return relaying_run(relaying);
}
