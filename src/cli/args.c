/*
 * Word by word, by the tables.  getopt_long(3) would take "--js" for --json, and
 * could not say what was meant.
 */
#include "cli/args.h"

#include <assert.h>
#include <string.h>

/* A guess is offered when it is at most this many edits away. */
#define HINT_DISTANCE 2

const struct args_option args_global[] = {
	{ "config", "FILE", "read the configuration from FILE" },
	{ "help", NULL, "show this help" },
	{ "version", NULL, "show the version, and those of the libraries" },
	{ NULL, NULL, NULL }
};

/* What is being read; ${next} is the index of the next word. */
struct reader {
	int argc;
	char **argv;
	int next;
	const struct args_command *commands;
	struct args *args;
	struct buf *why;
};

/* Do at most ${edits} characters more, fewer or changed make ${b} of ${len} bytes at ${a}? */
static bool
is_near(const char *a, size_t len, const char *b, size_t edits)
{
	for (; len > 0 && *a == *b; a++, b++)
		len--;
	if (len == 0 || *b == '\0')
		return len + strlen(b) <= edits;
	return edits > 0 && (is_near(a + 1, len - 1, b + 1, edits - 1) ||
	    is_near(a + 1, len - 1, b, edits - 1) ||
	    is_near(a, len, b + 1, edits - 1));
}

/* What was meant by the ${len} bytes at ${word}: the nearest name so far. */
struct guess {
	const char *word;
	size_t len;
	size_t far;			/* how far that is off */
	const char *name;		/* NULL: none is near */
};

/* The beginning of a name is near it. */
static void
consider(struct guess *guess, const char *name)
{
	size_t far = 1;

	if (guess->len == 0 || strncmp(guess->word, name, guess->len) != 0)
		for (far = 0; far <= HINT_DISTANCE; far++)
			if (is_near(guess->word, guess->len, name, far))
				break;
	if (far <= HINT_DISTANCE && (guess->name == NULL || far < guess->far)) {
		guess->name = name;
		guess->far = far;
	}
}

/* ${word} with its dashes; ${name} is the ${len} bytes of it that name the option. */
static int
unknown_option(struct reader *rd, const char *word, const char *name, size_t len)
{
	const struct args_command *command = rd->args->command;
	struct guess guess = { .word = name, .len = len };

	for (size_t i = 0; args_global[i].name != NULL; i++)
		consider(&guess, args_global[i].name);
	for (size_t i = 0; command != NULL && command->options[i].name != NULL; i++)
		consider(&guess, command->options[i].name);
	buf_printf(rd->why, "unknown option %.*s", (int)(name + len - word),
	    word);
	if (command != NULL)
		buf_printf(rd->why, " of %s", command->name);
	if (guess.name != NULL)
		buf_printf(rd->why, "; did you mean --%s?", guess.name);
	return -1;
}

static int
unknown_command(struct reader *rd, const char *word)
{
	struct guess guess = { .word = word, .len = strlen(word) };

	for (size_t i = 0; rd->commands[i].name != NULL; i++)
		consider(&guess, rd->commands[i].name);
	buf_printf(rd->why, "unknown command %s", word);
	if (guess.name != NULL)
		buf_printf(rd->why, "; did you mean %s?", guess.name);
	else if (strcmp(word, "help") == 0)
		buf_puts(rd->why, "; did you mean --help?");
	return -1;
}

/* The option called ${len} bytes at ${name}, or -1. */
static int
index_of(const struct args_option *list, const char *name, size_t len)
{
	for (int i = 0; list[i].name != NULL; i++)
		if (strlen(list[i].name) == len &&
		    memcmp(list[i].name, name, len) == 0)
			return i;
	return -1;
}

/* The option's value: behind "=", or the next word.  NULL: said in ${why}. */
static const char *
take_value(struct reader *rd, const struct args_option *option,
    const char *equals)
{
	if (option->argument == NULL) {
		if (equals == NULL)
			return "";
		buf_printf(rd->why, "--%s takes no value", option->name);
		return NULL;
	}
	if (equals != NULL)
		return equals + 1;
	if (rd->next < rd->argc)
		return rd->argv[rd->next++];
	buf_printf(rd->why, "--%s needs a value: --%s %s", option->name,
	    option->name, option->argument);
	return NULL;
}

/* Where the value of the option called ${len} bytes at ${name} goes; NULL: there is none. */
static const char **
find_option(struct args *args, const char *name, size_t len,
    const struct args_option **option)
{
	const char **globals[] = { &args->config, &args->help, &args->version };
	int index = index_of(args_global, name, len);

	if (index >= 0) {
		*option = &args_global[index];
		return globals[index];
	}
	if (args->command == NULL ||
	    (index = index_of(args->command->options, name, len)) < 0)
		return NULL;
	*option = &args->command->options[index];
	return &args->values[index];
}

static int
read_option(struct reader *rd, const char *word)
{
	const char *name = word + 2, *equals = strchr(name, '='), *value, **at;
	size_t len = equals != NULL ? (size_t)(equals - name) : strlen(name);
	const struct args_option *option;

	if ((at = find_option(rd->args, name, len, &option)) == NULL)
		return unknown_option(rd, word, name, len);
	if ((value = take_value(rd, option, equals)) == NULL)
		return -1;
	if (*at != NULL) {
		buf_printf(rd->why, "--%s is given twice", option->name);
		return -1;
	}
	*at = value;
	return 0;
}

/* The first operand names the command; the rest gather at the front of argv. */
static int
read_operand(struct reader *rd, char *word)
{
	struct args *args = rd->args;

	if (args->command != NULL) {
		args->operands[args->operand_count++] = word;
		return 0;
	}
	for (size_t i = 0; rd->commands[i].name != NULL; i++)
		if (strcmp(rd->commands[i].name, word) == 0) {
			args->command = &rd->commands[i];
			return 0;
		}
	return unknown_command(rd, word);
}

static int
read_words(struct reader *rd)
{
	bool ended = false;

	while (rd->next < rd->argc) {
		char *word = rd->argv[rd->next++];
		int rc = 0;

		if (ended || word[0] != '-' || word[1] == '\0')
			rc = read_operand(rd, word);
		else if (word[1] != '-')
			rc = unknown_option(rd, word, word + 1, strlen(word + 1));
		else if (word[2] != '\0')
			rc = read_option(rd, word);
		else
			ended = true;
		if (rc == -1)
			return -1;
	}
	return 0;
}

static int
check_operands(const struct args *args, struct buf *why)
{
	const struct args_command *command = args->command;
	int count = args->operand_count;

	if (command == NULL || (count >= command->operands_min &&
	    (command->operands_max == ARGS_ANY_NUMBER ||
	    count <= command->operands_max)))
		return 0;
	if (count < command->operands_min)
		buf_printf(why, "%s needs %s", command->name, command->operands);
	else
		buf_printf(why, "%s does not take %s", command->name,
		    args->operands[command->operands_max]);
	return -1;
}

int
args_read(int argc, char **argv, const struct args_command *commands,
    struct args *args, struct buf *why)
{
	struct reader rd = { argc, argv, 1, commands, args, why };

	memset(args, 0, sizeof(*args));
	args->operands = argv + 1;	/* never overtakes the word being read */
	if ((read_words(&rd) == 0 && check_operands(args, why) == 0) ||
	    args->help != NULL || args->version != NULL) {
		buf_reset(why);
		return 0;
	}
	return -1;
}

const char *
args_value(const struct args *args, const char *name)
{
	int index = index_of(args->command->options, name, strlen(name));

	assert(index >= 0);
	return args->values[index];
}

bool
args_flag(const struct args *args, const char *name)
{
	return args_value(args, name) != NULL;
}
