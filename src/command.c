/* The table, and what a process that was started with arguments does first and last. */
#include "command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/exits.h"
#include "base/log.h"
#include "cli/cmd.h"
#include "cli/help.h"
#include "cli/print.h"
#include "cli/setup.h"
#include "cli/version.h"
#include "client/cmd.h"
#include "intake/serve.h"
#include "start/worker.h"

/* Of retry, release and discard; the last one is not for discard. */
#define BULK_OPTIONS \
	{ "all", NULL, "every event that there is something to do at" }, \
	{ "destination", "NAME", "only the deliveries to this destination" }, \
	{ "lead", "ID", "with --all: only this lead's, by LeadPro's id" }, \
	{ "source", "NAME", "with --all: only this source's; needed where several have the lead" }, \
	{ "since", "TIME", "with --all: only what was received since" }, \
	{ "dry-run", NULL, "change nothing, say what would be" }

const struct args_command command_table[] = {
	{ "serve", "", 0, 0,
	    "receive webhooks as a FastCGI worker, and deliver them",
	    "Serves the socket on standard input, or makes its own with --listen: a Unix\n"
	    "socket gets mode 0660 and the configuration's socket_group, and replaces a dead\n"
	    "socket, never a living one.  SIGTERM and SIGINT stop it within two seconds;\n"
	    "SIGHUP opens the log file again and takes a new configuration, all or nothing.\n"
	    "While there is none that is any good webhooks are answered 503; one that was\n"
	    "mended is taken by itself.  With --reload it sends SIGHUP to a worker that runs\n"
	    "already, and waits: 0 when that took its configuration, 78 when it refused it,\n"
	    "69 when it does not answer.\n",
	    cmd_serve, {
		{ "listen", "ADDRESS", "make the socket: unix:/path, or host:port" },
		{ "reload", "PID", "have that worker take its configuration anew, and say what came of it" }
	    }},
	{ "relay", "", 0, 0,
	    "deliver without serving: a service of its own, or a cron job",
	    "One relay works on an outbox at a time; a further one waits until it is its\n"
	    "turn, and with --once ends at once.  With --once it is silent when all went\n"
	    "well, and ends with 0 also when leads still wait: stats tells of those.\n"
	    "--reload is for a relay what it is for serve.\n",
	    cmd_relay, {
		{ "once", NULL, "deliver what is due, at most 50 seconds, and end" },
		{ "reload", "PID", "have that relay take its configuration anew, and say what came of it" }
	    }},
	{ "check", "", 0, 0,
	    "load the configuration and try every part of it",
	    "Prints the settings in effect, secrets masked, then a line for each part: the\n"
	    "secrets, the store, the destinations (connected to, nothing is sent), the relay;\n"
	    "with the cure for what fails.  Nothing is created.\n",
	    cmd_check, {{ 0 }}},
	{ "try", "FILE", 0, 1,
	    "dry run: a payload's verdict, and the request each destination would get",
	    "Reads a payload ('-': standard input), prints every rule it breaks, and for each\n"
	    "destination the request as it would be sent, byte for byte, or why there would\n"
	    "be none.  Nothing is sent or stored, and no access token is fetched.  With\n"
	    "--diff, stored events are taken instead, and what would be sent now is compared\n"
	    "with what was sent last, of which the digest is kept.  Ends with 1 when the lead\n"
	    "breaks rules or a delivery would be held.\n",
	    cmd_try, {
		{ "diff", "N", "instead: what would differ for the newest N events stored" },
		{ "source", "NAME", "judge it as this source does (default: the first)" },
		{ "show-secrets", NULL, "print URLs and credentials in full" },
		{ "json", NULL, "one JSON object a line" }
	    }},
	{ "send", "URL", 1, 1,
	    "sign a lead and post it as LeadPro does",
	    "Posts LeadPro's documented sample with a fresh id.  A URL off this machine needs\n"
	    "--yes, since it makes a real lead.  Prints the status, the id and the\n"
	    "milliseconds of each answer; ends with 1 when one was refused, with 69 when\n"
	    "nobody answered.\n"
	    "\n"
	    "Scenarios: duplicate, reorder, forged, expired, wrong-alg, none-alg, large,\n"
	    "invalid, cut.  Each prints the expected and the actual answers, and ends with 0\n"
	    "when they agree, else with 1.\n",
	    cmd_send, {
		{ "file", "FILE", "send this payload as it is ('-': standard input)" },
		{ "id", "N", "the lead's id; rises with --count (default: at random)" },
		{ "count", "N", "send N leads (default 1)" },
		{ "concurrency", "N", "as many at once, up to 256 (default 1)" },
		{ "scenario", "NAME", "send trouble, and compare the answers with what they must be" },
		{ "source", "NAME", "sign with this source's secret (default: by the URL's path)" },
		{ "yes", NULL, "post to a URL that is not on this machine" }
	    }},
	{ "list", "", 0, 0,
	    "show the outbox, a line per delivery",
	    NULL,
	    cmd_list, {
		{ "state", "STATE", "waiting, sending, delivered, dead, held, discarded or skipped" },
		{ "lead", "ID", "only this lead, by LeadPro's id" },
		{ "source", "NAME", "only this source's" },
		{ "destination", "NAME", "only deliveries to this destination" },
		{ "since", "TIME", "received since: 2h, or 2026-01-31T10:00:00Z" },
		{ "limit", "N", "at most N lines (default: 100 on a terminal, else all; 0: all)" },
		{ "json", NULL, "one JSON object a line" }
	    }},
	{ "show", "ID", 1, 1,
	    "show one event: payload, violations, every attempt",
	    NULL,
	    cmd_show, {
		{ "json", NULL, "one JSON object a line" }
	    }},
	{ "retry", "ID...", 0, ARGS_ANY_NUMBER,
	    "make deliveries due now",
	    "For deliveries that wait for a later attempt, are dead or are held: of the events\n"
	    "named, or with --all of all that match.  An event stays as it is when a newer\n"
	    "one of its lead was delivered.  What is sent again keeps to the destination's\n"
	    "limits.\n",
	    cmd_act, {
		BULK_OPTIONS,
		{ "force", NULL, "even if a newer event of the lead was delivered" }
	    }},
	{ "release", "ID...", 0, ARGS_ANY_NUMBER,
	    "let held ones go",
	    "For events that were held when they came, and for held deliveries: those named,\n"
	    "or with --all all that match.  An event stays as it is when a newer one of its\n"
	    "lead was delivered.\n",
	    cmd_act, {
		BULK_OPTIONS,
		{ "force", NULL, "even if a newer event of the lead was delivered" }
	    }},
	{ "discard", "ID...", 0, ARGS_ANY_NUMBER,
	    "give up, on record",
	    "For what is undelivered, of the events named, or with --all of all that match:\n"
	    "it is never sent, and list --state discarded shows it for as long as the store's\n"
	    "keep_failed says.\n",
	    cmd_act, {
		BULK_OPTIONS
	    }},
	{ "stats", "", 0, 0,
	    "what waits, since when and why; ends with 1 when a person is needed",
	    NULL,
	    cmd_stats, {
		{ "json", NULL, "one JSON object a line" }
	    }},
	{ "doctor", "URL", 1, 1,
	    "prove the way through the web server, and name what is wrong with it",
	    "Posts signed probes with tokens of 1, 8, 16, 32, 48 and 60 KB; the worker says\n"
	    "what it sees.  Names what is wrong, and the directive that cures it: a header\n"
	    "that is stripped, dropped, cut or too large for the web server, path, secret,\n"
	    "clock, store, destinations, admin pages open to the world.  A probe makes no\n"
	    "lead.  Ends with 1 when something is wrong, with 69 when nobody answers.\n",
	    cmd_doctor, {
		{ "source", "NAME", "sign with this source's secret (default: by the URL's path)" },
		{ "json", NULL, "one JSON object a line" }
	    }},
	{ "erase", "", 0, 0,
	    "erase every trace of a person's data",
	    "All events of the lead, or of every lead that had the address, with payloads,\n"
	    "attempts and answers, from the outbox and its log.  Lists what has not been\n"
	    "delivered, and erases only with --yes.  Backups and the CRM are yours to see to.\n",
	    cmd_erase, {
		{ "lead", "ID", "this lead, by LeadPro's id" },
		{ "email", "ADDRESS", "every lead that ever had this address" },
		{ "source", "NAME", "only the lead, or the leads, of this source" },
		{ "yes", NULL, "erase; without it, only show what would be" }
	    }},
	{ "backup", "FILE", 1, 1,
	    "make a consistent copy of the outbox while it is in use",
	    "The file must not be there yet; it gets mode 0600.  To restore it, stop the\n"
	    "worker, move the outbox and its -wal and -shm away, and put the copy there:\n"
	    "what waited when it was made is sent again, with the same Idempotency-Key.\n",
	    cmd_backup, {{ 0 }}},
	{ "schema", "", 0, 0,
	    "print LeadPro's field rules as JSON Schema 2020-12",
	    "What JSON Schema cannot say stands under x-leadrelay-rule.\n",
	    cmd_schema, {{ 0 }}},
	{ 0 }
};

/* --help and --version, on standard output. */
static int
print_about(const struct args *args)
{
	struct buf out = { 0 };

	if (args->version != NULL)
		version_print(&out);
	else if (args->command != NULL)
		help_command(args->command, &out);
	else
		help_overview(command_table, &out);
	return print_end(&out, false);
}

static int
complain(const struct args *args, const struct buf *why)
{
	struct buf out = { 0 };

	buf_printf(&out, "leadrelay: %s\n",
	    why->data != NULL ? why->data : "out of memory");
	if (args->command != NULL) {
		buf_puts(&out, "usage: ");
		help_synopsis(args->command, &out);
		buf_printf(&out, "\nTry 'leadrelay %s --help'.\n",
		    args->command->name);
	} else
		buf_puts(&out, "Try 'leadrelay --help'.\n");
	fputs(out.data != NULL ? out.data : "", stderr);
	buf_free(&out);
	return EXIT_USAGE;
}

/* What could not be written was not done: a full disk must not look like success. */
static int
flush_output(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	return print_fail(status == EXIT_DONE ? EXIT_IOERR : status,
	    "standard output: %s", strerror(errno));
}

/* No command: a front server that gave us its socket wants a worker. */
static int
run_without_command(const struct args *args)
{
	struct buf usage = { 0 };

	if (serve_is_listening(STDIN_FILENO))
		return worker_serve(args->config, NULL);
	help_overview(command_table, &usage);
	fputs(usage.data != NULL ? usage.data : "", stderr);
	buf_free(&usage);
	return EXIT_USAGE;
}

int
command_run(int argc, char **argv)
{
	struct setup setup = { 0 };
	struct buf why = { 0 };
	struct args args;
	int status;

	/* Commands speak for themselves; the logger adds what goes wrong below. */
	log_form(LOG_FMT_LOGFMT, LOG_LV_WARN);
	if (args_read(argc, argv, command_table, &args, &why) == -1)
		status = complain(&args, &why);
	else if (args.help != NULL || args.version != NULL)
		status = print_about(&args);
	else if (args.command == NULL)
		status = run_without_command(&args);
	else
		status = args.command->run(&args, &setup);
	setup_free(&setup);
	buf_free(&why);
	return flush_output(status);
}
