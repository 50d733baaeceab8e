/* Columns are as wide as they stand here, and no line is wider than a terminal. */
#include "cli/help.h"

#include <stdio.h>
#include <string.h>

#define WIDTH 78
#define SPELLED_SIZE 40

/* "--name ARGUMENT", or without. */
static const char *
spell(const struct args_option *option, char out[SPELLED_SIZE])
{
	snprintf(out, SPELLED_SIZE, "--%s%s%s", option->name,
	    option->argument != NULL ? " " : "",
	    option->argument != NULL ? option->argument : "");
	return out;
}

static void
append_options(const struct args_option *list, struct buf *out)
{
	char left[SPELLED_SIZE];

	for (; list->name != NULL; list++)
		buf_printf(out, "  %-22s  %s\n", spell(list, left), list->help);
}

/* Append " ${word}" to the synopsis, on a new line where the last is full. */
static void
append_word(const char *word, size_t *line_start, struct buf *out)
{
	if (out->len - *line_start + 1 + strlen(word) > WIDTH) {
		buf_puts(out, "\n           ");
		*line_start = out->len - strlen("           ");
	}
	buf_printf(out, " %s", word);
}

void
help_synopsis(const struct args_command *command, struct buf *out)
{
	const struct args_option *option = command->options;
	size_t line_start = out->len;

	buf_printf(out, "leadrelay %s", command->name);
	if (command->operands[0] != '\0')
		append_word(command->operands, &line_start, out);
	for (; option->name != NULL; option++) {
		char name[SPELLED_SIZE], word[SPELLED_SIZE + 2];

		snprintf(word, sizeof(word), "[%s]", spell(option, name));
		append_word(word, &line_start, out);
	}
}

void
help_command(const struct args_command *command, struct buf *out)
{
	buf_puts(out, "usage: ");
	help_synopsis(command, out);
	buf_printf(out, "\n\n%s\n", command->summary);
	if (command->details != NULL)
		buf_printf(out, "\n%s", command->details);
	buf_puts(out, "\noptions:\n");
	append_options(command->options, out);
	append_options(args_global, out);
}

void
help_overview(const struct args_command *commands, struct buf *out)
{
	buf_puts(out, "usage: leadrelay COMMAND [OPTION]... [OPERAND]...\n"
	    "\n"
	    "Receives signed LeadPro webhooks, keeps them on disk, and takes them to the CRM.\n"
	    "\ncommands:\n");
	for (; commands->name != NULL; commands++) {
		char left[40];

		snprintf(left, sizeof(left), "%s %s", commands->name,
		    commands->operands);
		buf_printf(out, "  %-14s  %s\n", left, commands->summary);
	}
	buf_puts(out, "\noptions of every command:\n");
	append_options(args_global, out);
	buf_puts(out, "\n'leadrelay COMMAND --help' says more.  Without a command, and with a listening\n"
	    "socket on standard input, leadrelay is a FastCGI worker; with REQUEST_METHOD\n"
	    "in its environment it answers one CGI request.\n"
	    "\nexit status:\n"
	    "   0  done                          69  something needed does not answer\n"
	    "   1  the answer is \"no\"            70  a fault of leadrelay itself\n"
	    "  64  usage                         73  the store cannot be created\n"
	    "  66  no such id or file            74  the store cannot be written\n"
	    "                                    78  configuration\n");
}
