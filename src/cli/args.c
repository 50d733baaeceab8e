#include "cli/args.h"

#include <assert.h>
#include <string.h>

/* A guess is offered when it is at most this many edits away. */
#define HINT_DISTANCE 2
#define HINT_LENGTH 32

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
	size_t count;
	struct args *args;
	struct buf *why;
};

static size_t
min3(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;

	return least < c ? least : c;
}

/* The number of edits between two words (Levenshtein); large for long ones. */
static size_t
distance(const char *a, size_t a_len, const char *b)
{
	size_t row[HINT_LENGTH + 1], b_len = strlen(b);

	if (a_len > HINT_LENGTH || b_len > HINT_LENGTH)
		return HINT_LENGTH;
	for (size_t j = 0; j <= b_len; j++)
		row[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t corner = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			size_t above = row[j];

			row[j] = min3(above + 1, row[j - 1] + 1,
			    corner + (a[i - 1] != b[j - 1]));
			corner = above;
		}
	}
	return row[b_len];
}

/* How far ${name} is from what was meant; the beginning of a name is near it. */
static size_t
guess_distance(const char *word, size_t len, const char *name)
{
	if (len > 0 && strncmp(word, name, len) == 0)
		return 1;
	return distance(word, len, name);
}

/* The nearer of ${best} and the options in ${list}. */
static const char *
nearest_option(const struct args_option *list, const char *word, size_t len,
    const char *best)
{
	if (list == NULL)
		return best;
	for (; list->name != NULL; list++) {
		size_t far = guess_distance(word, len, list->name);

		if (far <= HINT_DISTANCE && (best == NULL ||
		    far < guess_distance(word, len, best)))
			best = list->name;
	}
	return best;
}

/* ${word} with its dashes; ${name} is the ${len} bytes of it that name the option. */
static int
unknown_option(struct reader *rd, const char *word, const char *name, size_t len)
{
	const struct args_command *command = rd->args->command;
	const char *guess;

	guess = nearest_option(command == NULL ? NULL : command->options, name,
	    len, nearest_option(args_global, name, len, NULL));
	buf_printf(rd->why, "unknown option %.*s", (int)(name + len - word),
	    word);
	if (command != NULL)
		buf_printf(rd->why, " of %s", command->name);
	if (guess != NULL)
		buf_printf(rd->why, "; did you mean --%s?", guess);
	return -1;
}

static int
unknown_command(struct reader *rd, const char *word)
{
	const char *best = NULL;
	size_t len = strlen(word);

	for (size_t i = 0; i < rd->count; i++) {
		const char *name = rd->commands[i].name;
		size_t far = guess_distance(word, len, name);

		if (far <= HINT_DISTANCE && (best == NULL ||
		    far < guess_distance(word, len, best)))
			best = name;
	}
	buf_printf(rd->why, "unknown command %s", word);
	if (best != NULL)
		buf_printf(rd->why, "; did you mean %s?", best);
	else if (strcmp(word, "help") == 0)
		buf_puts(rd->why, "; did you mean --help?");
	return -1;
}

/* The option called ${len} bytes at ${name}, or -1. */
static int
find_option(const struct args_option *list, const char *name, size_t len)
{
	for (int i = 0; list != NULL && list[i].name != NULL; i++)
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

static int
set_global(struct reader *rd, int index, const char *value)
{
	const char *name = args_global[index].name;

	if (strcmp(name, "help") == 0)
		rd->args->help = true;
	else if (strcmp(name, "version") == 0)
		rd->args->version = true;
	else if (rd->args->config != NULL) {
		buf_printf(rd->why, "--%s is given twice", name);
		return -1;
	} else
		rd->args->config = value;
	return 0;
}

static int
read_option(struct reader *rd, const char *word)
{
	const struct args_command *command = rd->args->command;
	const char *name = word + 2, *equals = strchr(name, '='), *value;
	size_t len = equals != NULL ? (size_t)(equals - name) : strlen(name);
	int index = find_option(args_global, name, len);

	if (index >= 0) {
		value = take_value(rd, &args_global[index], equals);
		return value == NULL ? -1 : set_global(rd, index, value);
	}
	index = command == NULL ? -1 : find_option(command->options, name, len);
	if (index < 0)
		return unknown_option(rd, word, name, len);
	if ((value = take_value(rd, &command->options[index], equals)) == NULL)
		return -1;
	if (rd->args->values[index] != NULL) {
		buf_printf(rd->why, "--%.*s is given twice", (int)len, name);
		return -1;
	}
	rd->args->values[index] = value;
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
	for (size_t i = 0; i < rd->count; i++)
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
		int rc;

		if (ended || word[0] != '-' || word[1] == '\0')
			rc = read_operand(rd, word);
		else if (strcmp(word, "--") == 0) {
			ended = true;
			rc = 0;
		} else if (word[1] == '-')
			rc = read_option(rd, word);
		else
			rc = unknown_option(rd, word, word + 1, strlen(word + 1));
		if (rc == -1)
			return -1;
	}
	return 0;
}

static int
check_operands(const struct args *args, struct buf *why)
{
	const struct args_command *command = args->command;

	if (command == NULL)
		return 0;
	if (args->operand_count < command->operands_min) {
		buf_printf(why, "%s needs %s", command->name, command->operands);
		return -1;
	}
	if (command->operands_max != ARGS_ANY_NUMBER &&
	    args->operand_count > command->operands_max) {
		buf_printf(why, "%s does not take %s", command->name,
		    args->operands[command->operands_max]);
		return -1;
	}
	return 0;
}

int
args_read(int argc, char **argv, const struct args_command *commands,
    size_t count, struct args *args, struct buf *why)
{
	struct reader rd = { argc, argv, 1, commands, count, args, why };

	memset(args, 0, sizeof(*args));
	args->operands = argv + 1;	/* never overtakes the word being read */
	if (read_words(&rd) == 0 &&
	    (args->help || args->version || check_operands(args, why) == 0))
		return 0;
	if (!args->help && !args->version)
		return -1;
	buf_reset(why);
	return 0;
}

const char *
args_value(const struct args *args, const char *name)
{
	int index = find_option(args->command->options, name, strlen(name));

	assert(index >= 0);
	return args->values[index];
}

bool
args_flag(const struct args *args, const char *name)
{
	return args_value(args, name) != NULL;
}
