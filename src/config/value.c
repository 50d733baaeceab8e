/*
 * All that depends on a key's type stands in one table; lists are read and written
 * element by element with the functions of their elements.
 */
#include "config/value.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "config/config.h"

#define LIST_MAX 1024		/* elements of a list */
#define DAY_MS 86400000
#define PIECE_SIZE 24		/* of a rate or a range, and its NUL */

/* One text on its way into a member. */
struct setter {
	const struct key *key;
	const char *folder;
	void *slot;		/* where it goes: the member, or an element */
};

/* How many there are of a type, and whose: exactly one of these. */
enum holding {
	HOLD_PLAIN,		/* one, in the member itself */
	HOLD_STRING,		/* one, memory of its own */
	HOLD_STRINGS,		/* a list of such */
	HOLD_LIST		/* a list in one piece; commas may part elements in one string */
};

/* What a type is: how one element is read and written, and how it is named. */
struct value_type {
	enum holding holding;
	size_t size;		/* of an element */
	int (*read)(const struct setter *s, const char *text);
	void (*write)(const struct key *key, const void *slot, struct buf *out);
	const char *expected;	/* NULL: the key's names, or its limits */
};

static void *
member(const struct key *key, const void *base)
{
	return (char *)(uintptr_t)base + key->offset;
}

static bool
is_list(enum holding holding)
{
	return holding == HOLD_STRINGS || holding == HOLD_LIST;
}

static size_t *
member_count(const struct key *key, const void *base)
{
	return (void *)((char *)(uintptr_t)base + key->count_offset);
}

char *
value_absolute(const char *folder, const char *path)
{
	struct buf b = { 0 };

	if (path[0] != '/')
		buf_printf(&b, "%s/", strcmp(folder, "/") == 0 ? "" : folder);
	buf_puts(&b, path);
	return buf_detach(&b);
}

/* ---- reading one element ---- */

static int
read_string(const struct setter *s, const char *text)
{
	if (text[0] == '\0')
		return -1;
	return (*(char **)s->slot = strdup(text)) == NULL ? -1 : 0;
}

static int
read_path(const struct setter *s, const char *text)
{
	if (text[0] == '\0' || text[strlen(text) - 1] == '/')
		return -1;
	*(char **)s->slot = value_absolute(s->folder, text);
	return *(char **)s->slot == NULL ? -1 : 0;
}

/* A duration or a size; one of these has at most INT64_MAX bytes. */
static int
read_with_unit(const struct setter *s, const char *text)
{
	uint64_t bytes = 0;
	int64_t n = 0;
	int rc = s->key->type == KEY_SIZE ? text_parse_size(text, &bytes) :
	    text_parse_duration(text, &n);

	n += (int64_t)bytes;
	if (rc == -1 || n < s->key->min || n > s->key->max)
		return -1;
	*(int64_t *)s->slot = n;	/* sizes too: as unsigned, the same */
	return 0;
}

static int
read_int(const struct setter *s, const char *text)
{
	return text_parse_int(text, s->key->min, s->key->max, s->slot);
}

/* Which of the key's names: a switch has two. */
static int
read_name(const struct setter *s, const char *text)
{
	for (int i = 0; s->key->names[i] != NULL; i++) {
		if (strcmp(s->key->names[i], text) != 0)
			continue;
		if (s->key->type == KEY_SWITCH)
			*(bool *)s->slot = i == 1;
		else
			*(int *)s->slot = i;
		return 0;
	}
	return -1;
}

/* Copy what is before ${mark}, or all, into ${head}; what follows, or NULL.  False: no room. */
static bool
split(const char *text, char mark, char head[PIECE_SIZE], const char **rest)
{
	const char *at = strchrnul(text, mark);
	size_t len = (size_t)(at - text);

	if (len >= PIECE_SIZE)
		return false;
	memcpy(head, text, len);
	head[len] = '\0';
	*rest = *at == '\0' ? NULL : at + 1;
	return true;
}

/* "10/s", "100/10s": the period as a duration, without a number for one of it. */
static int
read_rate(const struct setter *s, const char *text)
{
	struct config_rate *rate = s->slot;
	char number[PIECE_SIZE], period[PIECE_SIZE];
	const char *per;
	int64_t count, ms;

	if (!split(text, '/', number, &per) || per == NULL ||
	    (size_t)snprintf(period, sizeof(period), "%s%s",
	    isalpha((unsigned char)*per) ? "1" : "", per) >= sizeof(period) ||
	    text_parse_int(number, s->key->min, s->key->max, &count) == -1 ||
	    text_parse_duration(period, &ms) == -1 || ms < 1 || ms > DAY_MS)
		return -1;
	*rate = (struct config_rate){ .count = count, .period_ms = ms };
	return 0;
}

/* "409" or "200-299". */
static int
read_range(const struct setter *s, const char *text)
{
	struct config_range *range = s->slot;
	char low[PIECE_SIZE];
	const char *high;
	int64_t from, to;

	if (!split(text, '-', low, &high) ||
	    text_parse_int(low, s->key->min, s->key->max, &from) == -1 ||
	    text_parse_int(high == NULL ? low : high, from, s->key->max, &to) == -1)
		return -1;
	*range = (struct config_range){ .low = (int)from, .high = (int)to };
	return 0;
}

/* ---- writing one element ---- */

static void
write_string(const struct key *key, const void *slot, struct buf *out)
{
	const char *str = *(char *const *)slot;

	buf_putc(out, '"');
	if (key->flags & KEY_MASK_URL) {
		config_mask_url(str, out);
		str = "";
	}
	for (; *str != '\0'; str++) {
		if (strchr("\"\\$", *str) != NULL)
			buf_putc(out, '\\');
		buf_putc(out, *str);
	}
	buf_putc(out, '"');
}

static void
write_header(const struct key *key, const void *slot, struct buf *out)
{
	const char *str = *(char *const *)slot;

	if (config_header_tells(str))
		buf_printf(out, "\"%.*s: ...\"", (int)strcspn(str, ":"), str);
	else
		write_string(key, slot, out);
}

/* In the largest unit that divides it, so that it reads back the same. */
static void
write_with_unit(const struct key *key, const void *slot, struct buf *out)
{
	static const struct unit { int64_t factor; const char *name; } durations[] = {
		{ DAY_MS, "d" }, { 3600000, "h" }, { 60000, "m" }, { 1000, "s" }, { 1, "ms" }
	}, sizes[] = { { 1 << 30, "g" }, { 1 << 20, "m" }, { 1 << 10, "k" }, { 1, "" } };
	const struct unit *unit = key->type == KEY_SIZE ? sizes : durations;
	int64_t n = *(const int64_t *)slot;

	while (unit->factor > 1 && (n == 0 || n % unit->factor != 0))
		unit++;
	buf_printf(out, "%" PRId64 "%s", n / unit->factor,
	    n == 0 ? "" : unit->name);
}

static void
write_rate(const struct key *key, const void *slot, struct buf *out)
{
	const struct config_rate *rate = slot;

	buf_printf(out, "\"%" PRId64 "/", rate->count);
	write_with_unit(key, &rate->period_ms, out);
	buf_putc(out, '"');
}

static void
write_int(const struct key *key, const void *slot, struct buf *out)
{
	(void)key;
	buf_printf(out, "%" PRId64, *(const int64_t *)slot);
}

static void
write_name(const struct key *key, const void *slot, struct buf *out)
{
	buf_puts(out, key->names[key->type == KEY_SWITCH ? *(const bool *)slot :
	    *(const int *)slot]);
}

static void
write_range(const struct key *key, const void *slot, struct buf *out)
{
	const struct config_range *range = slot;

	(void)key;
	if (range->low == range->high)
		buf_printf(out, "%d", range->low);
	else
		buf_printf(out, "%d-%d", range->low, range->high);
}

static const struct value_type types[] = {
	[KEY_STRING] = { HOLD_STRING, sizeof(char *), read_string, write_string,
	    "a value that is not empty" },
	[KEY_PATH] = { HOLD_STRING, sizeof(char *), read_path, write_string,
	    "the path of a file" },
	[KEY_DURATION] = { HOLD_PLAIN, sizeof(int64_t), read_with_unit,
	    write_with_unit, "a duration such as 90s, 15m or 4d" },
	[KEY_SIZE] = { HOLD_PLAIN, sizeof(uint64_t), read_with_unit,
	    write_with_unit, "a size such as 4096, 256k or 64m" },
	[KEY_INT] = { HOLD_PLAIN, sizeof(int64_t), read_int, write_int,
	    "a whole number" },
	[KEY_RATE] = { HOLD_PLAIN, sizeof(struct config_rate), read_rate, write_rate,
	    "a rate such as 10/s, 100/m or 100/10s" },
	[KEY_SWITCH] = { HOLD_PLAIN, sizeof(bool), read_name, write_name, NULL },
	[KEY_CHOICE] = { HOLD_PLAIN, sizeof(int), read_name, write_name, NULL },
	[KEY_STRINGS] = { HOLD_STRINGS, sizeof(char *), read_string, write_header,
	    "values that are not empty" },
	[KEY_DURATIONS] = { HOLD_LIST, sizeof(int64_t), read_with_unit,
	    write_with_unit, "durations such as {\"5s\", \"30s\", \"2m\"}" },
	[KEY_INTS] = { HOLD_LIST, sizeof(int64_t), read_int, write_int,
	    "whole numbers such as {1, 2}" },
	[KEY_RANGES] = { HOLD_LIST, sizeof(struct config_range), read_range,
	    write_range, "statuses such as \"200-299,302,409\"" },
};

/* ---- whole members ---- */

/* The limits of a number, in its own notation. */
static void
say_limits(const struct key *key, struct buf *why)
{
	const struct value_type *type = &types[key->type];
	int64_t min = key->min, max = key->max;
	struct config_range range = { .low = (int)min, .high = (int)max };

	if (key->type == KEY_RANGES) {
		buf_puts(why, ", within ");
		type->write(key, &range, why);
		return;
	}
	buf_puts(why, ", from ");
	type->write(key, &min, why);
	buf_puts(why, " to ");
	type->write(key, &max, why);
}

static bool
has_control(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return true;
	return false;
}

static int
say_expected(const struct key *key, const char *text, struct buf *why)
{
	const struct value_type *type = &types[key->type];

	buf_puts(why, "expected ");
	for (int i = 0; type->expected == NULL && key->names[i] != NULL; i++)
		buf_printf(why, "%s%s", i == 0 ? "" :
		    key->names[i + 1] == NULL ? " or " : ", ", key->names[i]);
	if (type->expected != NULL)
		buf_puts(why, type->expected);
	if (key->max != 0 && key->type != KEY_RATE)
		say_limits(key, why);
	if (key->flags & KEY_OFF)
		buf_printf(why, ", or %s", key->def);
	if (text != NULL && has_control(text))
		buf_puts(why, ", without control characters");
	else if (text != NULL)
		buf_printf(why, "; got \"%.64s\"", text);
	return -1;
}

static void
free_elements(const struct key *key, void *list, size_t count)
{
	if (types[key->type].holding == HOLD_STRINGS)
		for (size_t i = 0; i < count; i++)
			free(((char **)list)[i]);
	free(list);
}

static int
compare_ints(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Cut blanks off both ends, in place. */
static char *
trim(char *str)
{
	char *end = str + strlen(str);

	while (end > str && end[-1] == ' ')
		*--end = '\0';
	return str + strspn(str, " ");
}

/*
 * Read one string of a list behind the *n elements of ${list}, which has room
 * for LIST_MAX: one more, or several parted by commas.
 */
static int
read_items(const struct setter *s, const char *text, char *list, size_t *n)
{
	const struct value_type *type = &types[s->key->type];
	char *copy = strdup(text);
	char *rest = copy;
	int rc = copy == NULL ? -1 : 0;

	while (rc == 0 && rest != NULL) {
		struct setter one = *s;
		char *item = trim(strsep(&rest,
		    type->holding == HOLD_LIST ? "," : ""));

		one.slot = list + *n * type->size;
		if (*n == LIST_MAX || type->read(&one, item) == -1)
			rc = -1;
		else
			(*n)++;
	}
	free(copy);
	return rc;
}

static int
set_list(const struct setter *s, void *base, const char *const *texts,
    size_t count, struct buf *why)
{
	size_t size = types[s->key->type].size;
	char *list = calloc(LIST_MAX, size);
	void *fit;
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		if (list == NULL || has_control(texts[i]) ||
		    read_items(s, texts[i], list, &n) == -1) {
			free_elements(s->key, list, n);
			return say_expected(s->key, texts[i], why);
		}
	if (n == 0) {
		free(list);
		return say_expected(s->key, NULL, why);
	}
	if (s->key->type == KEY_INTS)
		qsort(list, n, size, compare_ints);
	fit = realloc(list, n * size);
	*(void **)member(s->key, base) = fit != NULL ? fit : list;
	*member_count(s->key, base) = n;
	return 0;
}

static void
set_off(const struct key *key, void *base)
{
	if (key->type == KEY_DURATION)
		*(int64_t *)member(key, base) = -1;
}

int
value_set(const struct key *key, void *base, const char *const *texts,
    size_t count, const char *folder, struct buf *why)
{
	const struct value_type *type = &types[key->type];
	struct setter s = { .key = key, .folder = folder,
	    .slot = member(key, base) };

	if (count == 1 && (key->flags & KEY_OFF) &&
	    strcmp(texts[0], key->def) == 0) {
		set_off(key, base);
		return 0;
	}
	if (is_list(type->holding))
		return set_list(&s, base, texts, count, why);
	if (count != 1 || has_control(texts[0]) || type->read(&s, texts[0]) == -1)
		return say_expected(key, count == 1 ? texts[0] : NULL, why);
	return 0;
}

int
value_set_default(const struct key *key, void *base, const char *folder)
{
	struct buf why = { 0 };
	int rc = 0;

	if (key->def == NULL)
		set_off(key, base);
	else
		rc = value_set(key, base, &key->def, 1, folder, &why);
	buf_free(&why);
	return rc;
}

static void
print_list(const struct key *key, const void *base, struct buf *out)
{
	const struct value_type *type = &types[key->type];
	const char *list = *(char **)member(key, base);
	size_t n = *member_count(key, base);

	buf_putc(out, '{');
	for (size_t i = 0; i < n; i++) {
		buf_puts(out, i == 0 ? "" : ", ");
		type->write(key, list + i * type->size, out);
	}
	buf_putc(out, '}');
}

void
value_print(const struct key *key, const void *base, struct buf *out)
{
	const struct value_type *type = &types[key->type];
	void *slot = member(key, base);
	bool set = true;

	if (type->holding != HOLD_PLAIN)
		set = *(void **)slot != NULL;
	else if (key->type == KEY_DURATION)
		set = *(int64_t *)slot != -1;
	else if (key->def == NULL && (key->type == KEY_INT || key->type == KEY_RATE))
		set = *(int64_t *)slot != 0;	/* a rate begins with its count */
	if (!set)
		buf_puts(out, key->flags & KEY_OFF ? key->def : "");
	else if (is_list(type->holding))
		print_list(key, base, out);
	else
		type->write(key, slot, out);
}

int
value_copy(const struct key *key, const void *from, void *to)
{
	const void *value = member(key, from);
	void *slot = member(key, to);
	char *text = NULL;

	if (types[key->type].holding == HOLD_PLAIN) {
		memcpy(slot, value, types[key->type].size);
		return 0;
	}
	if (*(char *const *)value != NULL &&
	    (text = strdup(*(char *const *)value)) == NULL)
		return -1;
	free(*(char **)slot);
	*(char **)slot = text;
	return 0;
}

void
value_free(const struct key *key, void *base)
{
	enum holding holding = types[key->type].holding;
	void **slot = member(key, base);

	if (holding == HOLD_PLAIN)
		return;
	free_elements(key, *slot, is_list(holding) ? *member_count(key, base) : 0);
	if (is_list(holding))
		*member_count(key, base) = 0;
	*slot = NULL;
}
