#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

/* A log file in a folder of its own. */
struct place {
	char folder[32];
	char path[64];
	char target[80];
};

static int
setup(void **state)
{
	struct place *pl = calloc(1, sizeof(*pl));

	strcpy(pl->folder, "/tmp/test_log.XXXXXX");
	if (mkdtemp(pl->folder) == NULL)
		return -1;
	snprintf(pl->path, sizeof(pl->path), "%s/log", pl->folder);
	snprintf(pl->target, sizeof(pl->target), "file:%s", pl->path);
	*state = pl;
	return 0;
}

static int
teardown(void **state)
{
	struct place *pl = *state;

	log_open("stderr", LOG_FMT_LOGFMT, LOG_LV_INFO);
	unlink(pl->path);
	rmdir(pl->folder);
	free(pl);
	return 0;
}

/* The log's contents behind each line's time. */
static void
read_log(const struct place *pl, char *out, size_t size)
{
	FILE *f = fopen(pl->path, "r");
	size_t n = f != NULL ? fread(out, 1, size - 1, f) : 0;

	out[n] = '\0';
	if (f != NULL)
		fclose(f);
}

static void
test_logfmt(void **state)
{
	struct place *pl = *state;
	char text[1024];

	assert_int_equal(log_open(pl->target, LOG_FMT_LOGFMT, LOG_LV_INFO), 0);
	log_kv(LOG_LV_INFO, "accepted", "s:id", "x-1", "s:none", (char *)NULL,
	    "d:n", -7LL, "s:odd", "a b\n\"=\\", "s:empty", "", NULL);
	log_debug("not shown");
	log_warn("%d things", 3);
	read_log(pl, text, sizeof(text));
	assert_memory_equal(text, "time=20", 7);
	assert_non_null(strstr(text, "Z level=info what=accepted id=x-1 n=-7 "
	    "odd=\"a b\\n\\\"=\\\\\" empty=\"\"\n"));
	assert_non_null(strstr(text, "level=warn msg=\"3 things\"\n"));
	assert_null(strstr(text, "not shown"));
}

static void
test_json(void **state)
{
	struct place *pl = *state;
	char text[1024];

	assert_int_equal(log_open(pl->target, LOG_FMT_JSON, LOG_LV_DEBUG), 0);
	log_kv(LOG_LV_ERROR, "failed", "d:status", 503LL, "s:error", "a\"b", NULL);
	read_log(pl, text, sizeof(text));
	assert_memory_equal(text, "{\"time\":\"20", 11);
	assert_non_null(strstr(text, "\"level\":\"error\",\"what\":\"failed\","
	    "\"status\":503,\"error\":\"a\\\"b\"}\n"));
}

static void
test_reopen(void **state)
{
	struct place *pl = *state;
	char text[256], moved[96];

	snprintf(moved, sizeof(moved), "%s.1", pl->path);
	assert_int_equal(log_open(pl->target, LOG_FMT_LOGFMT, LOG_LV_INFO), 0);
	log_info("before");
	assert_int_equal(rename(pl->path, moved), 0);
	log_info("between");
	assert_int_equal(log_reopen(), 0);
	log_info("after");
	read_log(pl, text, sizeof(text));
	assert_null(strstr(text, "between"));
	assert_non_null(strstr(text, "after"));
	unlink(moved);
}

static void
test_bad_target(void **state)
{
	struct place *pl = *state;
	char text[256];

	assert_int_equal(log_open(pl->target, LOG_FMT_LOGFMT, LOG_LV_INFO), 0);
	assert_int_equal(log_open("file:/nonexistent/x", LOG_FMT_JSON, LOG_LV_INFO), -1);
	assert_int_equal(log_open("printer", LOG_FMT_JSON, LOG_LV_INFO), -1);
	log_info("kept");
	read_log(pl, text, sizeof(text));
	assert_non_null(strstr(text, "level=info msg=kept\n"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_logfmt, setup, teardown),
		cmocka_unit_test_setup_teardown(test_json, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reopen, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_target, setup, teardown)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
