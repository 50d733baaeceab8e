#include "unit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/table.h"

/* Standard output goes to a temporary file while a test runs. */
struct capture {
	FILE *file;
	int saved;
};

static int
setup(void **state)
{
	static struct capture capture;

	fflush(stdout);
	capture.file = tmpfile();
	capture.saved = dup(1);
	if (capture.file == NULL || capture.saved == -1 ||
	    dup2(fileno(capture.file), 1) == -1)
		return -1;
	*state = &capture;
	return 0;
}

static int
teardown(void **state)
{
	struct capture *capture = *state;

	fflush(stdout);
	dup2(capture->saved, 1);
	close(capture->saved);
	fclose(capture->file);
	return 0;
}

static void
printed(const struct capture *capture, char *text, size_t size)
{
	size_t len;

	fflush(stdout);
	rewind(capture->file);
	len = fread(text, 1, size - 1, capture->file);
	text[len] = '\0';
}

static void
aligned(void **state)
{
	static const char *const head[] = { "A", "BB", "C", NULL };
	struct buf last = { 0 };
	struct table table;
	char text[512];

	table_open(&table, head, NULL);
	table_string(&table, "long cell");
	table_string(&table, NULL);
	table_string(&table, "");
	table_string(&table, "caf\xc3\xa9");
	table_string(&table, "x\x1b");
	buf_puts(&last, "last\n");
	table_buf(&table, &last);
	assert_int_equal(last.len, 0);
	buf_free(&last);
	assert_int_equal(table_close(&table), 0);
	printed(*state, text, sizeof(text));
	assert_string_equal(text,
	    "A          BB       C\n"
	    "long cell  -\n"
	    "caf\xc3\xa9       x\\u001b  last\\n\n");
}

/* A hidden column takes cells, and no room. */
static void
hidden(void **state)
{
	static const char *const head[] = { "A", "HIDDEN", "C", NULL };
	struct table table;
	char text[512];

	table_open(&table, head, "HIDDEN");
	table_string(&table, "a");
	table_string(&table, "b");
	table_string(&table, "c");
	table_string(&table, "aa");
	table_string(&table, "b");
	table_string(&table, "");
	assert_int_equal(table_close(&table), 0);
	printed(*state, text, sizeof(text));
	assert_string_equal(text, "A   C\na   c\naa\n");
}

/* More rows than a batch: all are there, and the columns stay in place. */
static void
many(void **state)
{
	static const char *const head[] = { "NUMBER", "X", NULL };
	static char text[64 * 1024];
	struct table table;
	size_t lines = 0;

	table_open(&table, head, NULL);
	for (int i = 0; i < 3 * TABLE_BATCH; i++) {
		table_number(&table, i);
		table_string(&table, "x");
	}
	assert_int_equal(table_close(&table), 0);
	printed(*state, text, sizeof(text));
	for (const char *p = text; *p != '\0'; p += strcspn(p, "\n") + 1) {
		assert_int_equal(strcspn(p, "\n"), 9);
		lines++;
	}
	assert_int_equal(lines, 3 * TABLE_BATCH + 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(aligned, setup, teardown),
		cmocka_unit_test_setup_teardown(hidden, setup, teardown),
		cmocka_unit_test_setup_teardown(many, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
