#include "unit.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/secret.h"

/* A folder of its own for each test, and a file in it. */
struct place {
	char folder[64];
	char file[80];
};

static int
setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return -1;
	strcpy(p->folder, "/tmp/test_secret.XXXXXX");
	if (mkdtemp(p->folder) == NULL)
		return -1;
	snprintf(p->file, sizeof(p->file), "%s/secret", p->folder);
	unsetenv("CREDENTIALS_DIRECTORY");
	*state = p;
	return 0;
}

static int
teardown(void **state)
{
	struct place *p = *state;

	unlink(p->file);
	rmdir(p->file);
	rmdir(p->folder);
	free(p);
	unsetenv("CREDENTIALS_DIRECTORY");
	return 0;
}

static void
put(const char *path, const void *bytes, size_t len, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd != -1);
	assert_int_equal(write(fd, bytes, len), (ssize_t)len);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

/* Fill ${len} bytes with ${unit} over and over; the caller frees. */
static char *
repeat(const char *unit, size_t times, size_t *len)
{
	size_t size = strlen(unit);
	char *all = malloc(size * times + 1);

	assert_non_null(all);
	for (size_t i = 0; i < times; i++)
		memcpy(all + i * size, unit, size);
	*len = size * times;
	all[*len] = '\0';
	return all;
}

static void
expect_list_fault(const char *path, bool allow_readable, const char *words)
{
	struct secret_list list;
	struct buf why = { 0 };

	assert_int_equal(secret_read_list(path, allow_readable, &list, &why), -1);
	assert_int_equal(list.count, 0);
	assert_null(list.items);
	assert_non_null(why.data);
	if (strstr(why.data, words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", why.data, words);
	buf_free(&why);
}

#define TEXT(s) s, sizeof(s) - 1

static void
test_refused_contents(void **state)
{
	static const struct {
		const char *name;
		const char *bytes;
		size_t len;
		const char *words;
	} cases[] = {
		{ "empty", TEXT(""), "holds no secret" },
		{ "blank lines", TEXT(" \t\r\n\n  \n"), "holds no secret" },
		{ "only a BOM", TEXT("\xef\xbb\xbf"), "holds no secret" },
		{ "BOM and newline", TEXT("\xef\xbb\xbf\r\n"), "holds no secret" },
		{ "a NUL", TEXT("abc\0def\n"), "NUL" },
		{ "a NUL in a later line", TEXT("abc\n\0"), "NUL" },
		{ "UTF-16", TEXT("\xff\xfe" "a\0b\0"), "NUL" },
	};
	const struct place *p = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		print_message("%s\n", cases[i].name);
		put(p->file, cases[i].bytes, cases[i].len, 0600);
		expect_list_fault(p->file, false, cases[i].words);
	}
}

static void
test_refused_sizes(void **state)
{
	const struct place *p = *state;
	size_t len;
	char *text;

	text = repeat("x", SECRET_SIZE_MAX + 1, &len);
	put(p->file, text, len, 0600);
	expect_list_fault(p->file, false, "line 1 is longer than 4096 bytes");
	free(text);

	text = repeat("secret\n", SECRET_COUNT_MAX + 1, &len);
	put(p->file, text, len, 0600);
	expect_list_fault(p->file, false, "more than 64 secrets");
	free(text);

	text = repeat("\n", 1 << 20, &len);
	put(p->file, text, len, 0600);
	expect_list_fault(p->file, false, "is larger than");
	free(text);
}

static void
test_refused_files(void **state)
{
	const struct place *p = *state;

	expect_list_fault(p->file, false, "No such file");
	assert_int_equal(mkdir(p->file, 0700), 0);
	expect_list_fault(p->file, false, "not a regular file");
	assert_int_equal(rmdir(p->file), 0);
	/* Nobody writes to it: opening it must not wait. */
	assert_int_equal(mkfifo(p->file, 0600), 0);
	expect_list_fault(p->file, false, "not a regular file");
}

static void
test_mode(void **state)
{
	const struct place *p = *state;
	struct secret_list list;
	struct buf why = { 0 };

	put(p->file, TEXT("secret"), 0644);
	expect_list_fault(p->file, false, "may be read by others (mode 0644): chmod o-r");
	assert_int_equal(secret_read_list(p->file, true, &list, &why), 0);
	secret_list_free(&list);
	put(p->file, TEXT("secret"), 0640);
	assert_int_equal(secret_read_list(p->file, false, &list, &why), 0);
	secret_list_free(&list);
	assert_null(why.data);
}

static void
test_lines(void **state)
{
	static const struct {
		const char *name;
		const char *bytes;
		size_t len;
		size_t count;
		const char *secrets[3];
	} cases[] = {
		{ "one, no newline", TEXT("alpha"), 1, { "alpha" } },
		{ "one", TEXT("alpha\n"), 1, { "alpha" } },
		{ "BOM, CR LF", TEXT("\xef\xbb\xbf" "alpha\r\nbeta\r\n"), 2,
		    { "alpha", "beta" } },
		{ "blanks round it", TEXT(" \talpha \t\n"), 1, { "alpha" } },
		{ "blanks inside stay", TEXT("al pha\n"), 1, { "al pha" } },
		{ "empty lines between", TEXT("\n\nalpha\n \n\nbeta\n\n"), 2,
		    { "alpha", "beta" } },
		{ "no comments: a # is a secret", TEXT("#alpha\n"), 1, { "#alpha" } },
		{ "a BOM only at the start", TEXT("alpha\n\xef\xbb\xbf" "beta"), 2,
		    { "alpha", "\xef\xbb\xbf" "beta" } },
		{ "any bytes", TEXT("\xff\x80\n\x01"), 2, { "\xff\x80", "\x01" } },
		{ "three", TEXT("c\nb\na"), 3, { "c", "b", "a" } },
	};
	const struct place *p = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct secret_list list;
		struct buf why = { 0 };

		print_message("%s\n", cases[i].name);
		put(p->file, cases[i].bytes, cases[i].len, 0600);
		assert_int_equal(secret_read_list(p->file, false, &list, &why), 0);
		assert_int_equal(list.count, cases[i].count);
		for (size_t j = 0; j < list.count; j++) {
			assert_string_equal(list.items[j].bytes, cases[i].secrets[j]);
			assert_int_equal(list.items[j].len, strlen(cases[i].secrets[j]));
		}
		assert_null(why.data);
		secret_list_free(&list);
		assert_int_equal(list.count, 0);
		secret_list_free(&list);
	}
}

static void
test_largest(void **state)
{
	const struct place *p = *state;
	struct secret_list list;
	struct buf why = { 0 };
	size_t len, all;
	char *line = repeat("s", SECRET_SIZE_MAX + 1, &len);
	char *text;

	line[len - 1] = '\n';
	text = repeat(line, SECRET_COUNT_MAX, &all);
	put(p->file, text, all, 0600);
	assert_int_equal(secret_read_list(p->file, false, &list, &why), 0);
	assert_int_equal(list.count, SECRET_COUNT_MAX);
	assert_int_equal(list.items[SECRET_COUNT_MAX - 1].len, SECRET_SIZE_MAX);
	secret_list_free(&list);
	free(text);
	free(line);
}

static void
test_one(void **state)
{
	const struct place *p = *state;
	struct buf out = { 0 }, why = { 0 };
	size_t len;
	char *text;

	put(p->file, TEXT("\xef\xbb\xbf token-1 \r\nnot this\n"), 0600);
	assert_int_equal(secret_read_one(p->file, false, &out, &why), 0);
	assert_string_equal(out.data, "token-1");
	put(p->file, TEXT("token-2"), 0600);
	assert_int_equal(secret_read_one(p->file, false, &out, &why), 0);
	assert_string_equal(out.data, "token-2");
	assert_null(why.data);

	/* A bad file leaves the credential that is in use. */
	put(p->file, TEXT("\nsecond line\n"), 0600);
	assert_int_equal(secret_read_one(p->file, false, &out, &why), -1);
	assert_string_equal(why.data, "holds no secret in its first line");
	assert_string_equal(out.data, "token-2");
	buf_reset(&why);
	put(p->file, TEXT("a\rX-Injected: b\n"), 0600);
	assert_int_equal(secret_read_one(p->file, false, &out, &why), -1);
	assert_string_equal(why.data, "holds a control character in its first line");
	buf_reset(&why);
	text = repeat("x", SECRET_ONE_MAX + 1, &len);
	put(p->file, text, len, 0600);
	assert_int_equal(secret_read_one(p->file, false, &out, &why), -1);
	assert_string_equal(why.data, "line 1 is longer than 16384 bytes");
	put(p->file, text, len - 1, 0600);
	assert_int_equal(secret_read_one(p->file, false, &out, &why), 0);
	assert_int_equal(out.len, SECRET_ONE_MAX);
	free(text);
	buf_free(&why);

	put(p->file, TEXT("token-3\n"), 0604);
	assert_int_equal(secret_read_one(p->file, false, &out, &why), -1);
	assert_string_equal(why.data, "may be read by others (mode 0604): chmod o-r");
	buf_free(&why);
	secret_wipe(&out);
	assert_null(out.data);
	secret_wipe(&out);
}

static void
expect_resolved(const char *path, const char *expected)
{
	char *real = secret_resolve(path);

	assert_string_equal(real, expected);
	free(real);
}

static void
test_credentials_directory(void **state)
{
	const struct place *p = *state;
	struct secret_list list;
	struct buf why = { 0 };

	expect_resolved("/etc/leadrelay/secret", "/etc/leadrelay/secret");
	setenv("CREDENTIALS_DIRECTORY", p->folder, 1);
	expect_resolved("/etc/leadrelay/secret", "/etc/leadrelay/secret");
	put(p->file, TEXT("from the folder\n"), 0444);
	expect_resolved("/etc/leadrelay/secret", p->file);
	expect_resolved("secret", p->file);
	expect_resolved("/etc/leadrelay/other", "/etc/leadrelay/other");
	expect_resolved("/etc/leadrelay/", "/etc/leadrelay/");

	/* There it may be readable: the folder itself is closed. */
	assert_int_equal(secret_read_list("/etc/leadrelay/secret", false, &list, &why), 0);
	assert_string_equal(list.items[0].bytes, "from the folder");
	secret_list_free(&list);

	setenv("CREDENTIALS_DIRECTORY", "", 1);
	expect_resolved("/secret", "/secret");
	assert_int_equal(chdir("/tmp"), 0);
	setenv("CREDENTIALS_DIRECTORY", p->folder + strlen("/tmp/"), 1);
	expect_resolved("/secret", "/secret");
	expect_list_fault(p->file, false, "may be read by others");
}

/* A path that only begins like the credentials folder, or climbs out of it, is outside. */
static void
test_not_in_credentials_directory(void **state)
{
	const struct place *p = *state;
	char inner[128], path[160];

	put(p->file, TEXT("secret"), 0644);
	snprintf(inner, sizeof(inner), "%s/sec", p->folder);
	assert_int_equal(mkdir(inner, 0700), 0);
	setenv("CREDENTIALS_DIRECTORY", inner, 1);
	expect_list_fault(p->file, false, "may be read by others");
	snprintf(path, sizeof(path), "%s/../secret", inner);
	expect_list_fault(path, false, "may be read by others");
	assert_int_equal(rmdir(inner), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_refused_contents, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused_sizes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mode, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(test_largest, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one, setup, teardown),
		cmocka_unit_test_setup_teardown(test_credentials_directory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_in_credentials_directory, setup,
		    teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
