/*
 * leadrelay.conf(5) and the sample configuration against the key table: neither
 * lacks a key, names one that there is not, or tells a wrong default.
 */
#include <ctype.h>

#include "files.h"

#include "config/keys.h"

#define PAGE SRCDIR "/deploy/man/leadrelay.conf.5"
#define SAMPLE SRCDIR "/deploy/leadrelay.conf.example"
#define KEYS_MAX 256

static void
read_text(const char *path, struct buf *text)
{
	char chunk[4096];
	FILE *fp = fopen(path, "r");
	size_t n;

	if (fp == NULL)
		fail_msg("%s cannot be opened", path);
	while ((n = fread(chunk, 1, sizeof(chunk), fp)) > 0)
		buf_add(text, chunk, n);
	assert_int_equal(fclose(fp), 0);
	assert_true(buf_ok(text));
	assert_non_null(text->data);
}

/* If ${line} begins with ${prefix}: what follows, else NULL. */
static const char *
after(const char *line, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(line, prefix, len) == 0 ? line + len : NULL;
}

/* The key's place in the table, of a section that may be NULL. */
static size_t
index_of(const struct section *section, const char *name, const char *where)
{
	const struct key *key = section == NULL ? NULL : keys_find(
	    (enum section_id)(section - keys_sections), name, strlen(name));

	if (key == NULL)
		fail_msg("%s: \"%s\" is no key of %s", where, name,
		    section == NULL ? "any section" : section->name);
	return (size_t)(key - keys_table);
}

/* Is ${rest} of a line the value, with nothing but a full stop or comma behind? */
static bool
is_value(const char *rest, const char *value)
{
	rest = after(rest, value);
	return rest != NULL && (rest[0] == '\0' || (rest[0] == ' ' &&
	    strchr(".;,", rest[1]) != NULL && rest[2] == '\0'));
}

/*
 * An entry ".It Ic KEY" below ".Ss SECTION", and in it a line that ends in
 * "default" or "Default" before ".Ql VALUE" where there is a default.
 */
static void
manual_page(void **state)
{
	struct buf page = { 0 };
	int entries[KEYS_MAX] = { 0 }, defaults[KEYS_MAX] = { 0 };
	const struct section *section = NULL;
	const char *rest, *before = "";
	char *next, *line;
	size_t key = SIZE_MAX;

	(void)state;
	assert_true(keys_count <= KEYS_MAX);
	read_text(PAGE, &page);
	next = page.data;
	while ((line = strsep(&next, "\n")) != NULL) {
		size_t len = strlen(before);

		if ((rest = after(line, ".Ss ")) != NULL) {
			section = keys_section(rest, strlen(rest));
			key = SIZE_MAX;
		} else if ((rest = after(line, ".It Ic ")) != NULL) {
			key = index_of(section, rest, PAGE);
			entries[key]++;
		} else if (after(line, ".Sh ") != NULL)
			section = NULL;
		else if (key != SIZE_MAX && len >= 7 &&
		    strcmp(before + len - 6, "efault") == 0 &&
		    (rest = after(line, ".Ql ")) != NULL) {
			defaults[key]++;
			if (keys_table[key].def == NULL ||
			    !is_value(rest, keys_table[key].def))
				fail_msg("%s: default %s in the page, %s in the table",
				    keys_table[key].name, rest,
				    keys_table[key].def == NULL ? "none" :
				    keys_table[key].def);
		}
		before = line;
	}
	for (size_t i = 0; i < keys_count; i++)
		if (entries[i] != 1 || defaults[i] != (keys_table[i].def != NULL))
			fail_msg("%s: %d entries, %d defaults", keys_table[i].name,
			    entries[i], defaults[i]);
	buf_free(&page);
}

/* The name in "\tNAME = ..." or "\t#NAME = ...", cut out, or NULL. */
static char *
setting_of(const char *line, char *name, size_t size)
{
	size_t len;

	if (*line++ != '\t')
		return NULL;
	line += *line == '#';
	len = strspn(line, "abcdefghijklmnopqrstuvwxyz_");
	if (len == 0 || len >= size || strncmp(line + len, " = ", 3) != 0)
		return NULL;
	memcpy(name, line, len);
	name[len] = '\0';
	return name;
}

/*
 * Every key once, and only such.  The sample with its defaults taken out of
 * their comments is written to ${out}.
 */
static void
check_sample(const char *text, struct buf *out)
{
	int lines[KEYS_MAX] = { 0 };
	const struct section *section = NULL;
	struct buf copy = { 0 };
	char name[64], *next, *line;

	buf_puts(&copy, text);
	next = copy.data;
	while ((line = strsep(&next, "\n")) != NULL) {
		if (isalpha((unsigned char)line[0]))
			section = keys_section(line, strcspn(line, " "));
		if (setting_of(line, name, sizeof(name)) != NULL) {
			size_t key = index_of(section, name, SAMPLE);

			lines[key]++;
			if (keys_table[key].def != NULL)
				line += line[1] == '#' ? 2 : 0;
		}
		buf_printf(out, "%s\n", line);
	}
	for (size_t i = 0; i < keys_count; i++)
		if (lines[i] != 1)
			fail_msg("%s: %d times in the sample", keys_table[i].name,
			    lines[i]);
	buf_free(&copy);
}

/* Load ${text}; what config_print says of it, but for its name, is in ${out}. */
static void
load_and_print(const char *text, struct buf *out)
{
	struct config *c = load_good(text);

	config_print(c, out);
	assert_true(buf_ok(out));
	config_free(c);
}

/*
 * The sample as it is, the sample with its defaults written out, and the
 * smallest configuration come to the same.
 */
static void
sample(void **state)
{
	struct buf text = { 0 }, spelt = { 0 };
	struct buf shown[3] = { { 0 }, { 0 }, { 0 } };

	write_basics();
	assert_int_equal(setenv("CREDENTIALS_DIRECTORY", *state, 1), 0);
	read_text(SAMPLE, &text);
	check_sample(text.data, &spelt);
	load_and_print("source { secret_file = \"/etc/leadrelay/secret\" }\n"
	    "destination crm { url = \"https://crm.example/api/leads\" }\n",
	    &shown[0]);
	load_and_print(text.data, &shown[1]);
	assert_string_equal(shown[1].data, shown[0].data);
	/* Its content_type and such have a line, but no default: they stay out. */
	load_and_print(spelt.data, &shown[2]);
	assert_string_equal(shown[2].data, shown[0].data);
	assert_string_not_equal(spelt.data, text.data);
	for (size_t i = 0; i < COUNT(shown); i++)
		buf_free(&shown[i]);
	buf_free(&text);
	buf_free(&spelt);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(manual_page),
		cmocka_unit_test_setup_teardown(sample, make_folder, remove_folder),
	};

	return cmocka_run_group_tests_name("config manual", tests, NULL, NULL);
}
