/*
 * What serve does is in start/worker.c.
 */
#include "cli/cmd.h"

#include <stdio.h>

#include "base/exits.h"
#include "intake/serve.h"
#include "start/reload_reply.h"
#include "start/worker.h"

int
cmd_serve(const struct args *args, struct setup *setup)
{
	const char *listen = args_value(args, "listen");
	const char *pid = args_value(args, "reload");

	(void)setup;
	if (pid != NULL)
		return reload_reply_ask(pid);
	if (listen == NULL && !serve_is_listening(0)) {
		fputs("leadrelay: serve: standard input is no listening socket; "
		    "make one with --listen unix:/path or --listen host:port\n",
		    stderr);
		return EXIT_USAGE;
	}
	return worker_serve(args->config, listen);
}
