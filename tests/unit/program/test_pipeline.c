/* A delivery's way through its destination's programs, in their real process. */
#include "unit.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "config/config.h"
#include "outbox/event.h"
#include "program/pipeline.h"
#include "program/runner.h"

static struct program_pool *pool;

static char transform_file[] = "/tmp/leadrelay-test-XXXXXX";

struct world {
	struct config_destination config;
	struct delivery_claim claim;
	struct programs *programs;
	struct pipeline pipeline;
	bool done;
	enum pipeline_end end;
};

static void
write_program(const char *text)
{
	FILE *fp = fopen(transform_file, "w");

	assert_non_null(fp);
	assert_true(fputs(text, fp) >= 0);
	assert_int_equal(fclose(fp), 0);
}

static int
set_up(void **state)
{
	static char name[] = "crm", source[] = "default", lead[] = "7";
	static char event[] = "lead.created";
	static char payload[] = "{\"event\":\"lead.created\",\"data\":{\"id\":7}}";
	struct world *w = calloc(1, sizeof(*w));

	w->config.name = name;
	w->claim = (struct delivery_claim){
		.id = "01890a5d-ac96-774b-bcce-b302099a8057",
		.source = source, .lead = lead, .name = event,
		.payload = payload, .payload_len = strlen(payload),
	};
	w->pipeline.owner = w;
	*state = w;
	return 0;
}

static int
tear_down(void **state)
{
	struct world *w = *state;

	pipeline_destroy(&w->pipeline);
	programs_free(w->programs);
	free(w);
	return 0;
}

static void
done(struct pipeline *p, enum pipeline_end end)
{
	struct world *w = p->owner;

	assert_false(w->done);
	assert_false(p->busy);
	w->done = true;
	w->end = end;
}

/* Step until it is over; how it ended. */
static enum pipeline_end
finish(struct world *w)
{
	while (!w->done)
		program_pool_wait(pool, 1000);
	w->done = false;
	return w->end;
}

static void
load(struct world *w)
{
	struct buf why = { 0 };

	programs_free(w->programs);
	w->programs = programs_new(pool, &w->config, &why);
	if (w->programs == NULL)
		fail_msg("%s", why.data);
	buf_free(&why);
}

static enum pipeline_end
go_out(struct world *w)
{
	pipeline_out(&w->pipeline, w->programs, &w->claim, done);
	return finish(w);
}

static enum pipeline_end
come_back(struct world *w, const char *answer)
{
	pipeline_back(&w->pipeline, answer, strlen(answer), done);
	return finish(w);
}

static void
test_when(void **state)
{
	static const struct { const char *text; enum pipeline_end end; } cases[] = {
		{ "true", PIPELINE_ON }, { ".data.id", PIPELINE_ON }, { "0", PIPELINE_ON },
		{ "\"false\"", PIPELINE_ON }, { "false", PIPELINE_SKIP },
		{ "null", PIPELINE_SKIP }, { "empty", PIPELINE_SKIP },
		{ ".data.other", PIPELINE_SKIP }, { ".data.id == 8", PIPELINE_SKIP },
		{ ".data.id.x", PIPELINE_HOLD }, { "true, true", PIPELINE_HOLD },
		{ "error(null)", PIPELINE_HOLD }, { "try error(null)", PIPELINE_SKIP },
		{ "\"no\" | halt_error", PIPELINE_HOLD }, { "halt", PIPELINE_HOLD },
		{ "$destination == \"crm\" and $source == \"default\"", PIPELINE_ON },
	};
	struct world *w = *state;
	char text[64];

	for (size_t i = 0; i < COUNT(cases); i++) {
		(void)snprintf(text, sizeof(text), "%s", cases[i].text);
		w->config.when = text;
		load(w);
		if (go_out(w) != cases[i].end)
			fail_msg("%s: %d", text, (int)w->end);
		if (w->end != PIPELINE_ON)
			assert_int_equal(w->pipeline.which, PROGRAMS_WHEN);
	}
}

/* Without programs it is over at once, and nothing is started. */
static void
test_none(void **state)
{
	struct world *w = *state;
	struct pollfd fds[PROGRAM_FDS_MAX];

	load(w);
	pipeline_out(&w->pipeline, w->programs, &w->claim, done);
	assert_true(w->done);
	assert_int_equal(w->end, PIPELINE_ON);
	assert_int_equal(program_pool_fds(pool, fds), 0);
}

/* A file that is edited takes over when it compiles, and not before. */
static void
test_transform(void **state)
{
	struct world *w = *state;

	w->config.body = CONFIG_BODY_TRANSFORM;
	w->config.transform = transform_file;
	write_program("{a: .data.id}");
	load(w);
	assert_int_equal(go_out(w), PIPELINE_ON);
	assert_string_equal(w->pipeline.body.data, "{\"a\":7}");
	write_program("{a: ");
	assert_int_equal(go_out(w), PIPELINE_ON);
	assert_string_equal(w->pipeline.body.data, "{\"a\":7}");
	write_program("{bb: .data.id}");
	assert_int_equal(go_out(w), PIPELINE_ON);
	assert_string_equal(w->pipeline.body.data, "{\"bb\":7}");
	write_program("error(\"x\" * 5000)");
	assert_int_equal(go_out(w), PIPELINE_HOLD);
	assert_true(w->pipeline.reason.len < 600);
	write_program("error(\"\u00e9\" * 5000)");
	assert_int_equal(go_out(w), PIPELINE_HOLD);
	assert_true(w->pipeline.reason.len < 600);
	assert_int_equal(w->pipeline.which, PROGRAMS_TRANSFORM);
	write_program("empty");
	assert_int_equal(go_out(w), PIPELINE_SKIP);
	assert_string_equal(w->pipeline.reason.data, "transform");
}

/* Of two that are under way with a broken edit, neither is lost. */
static void
test_two_with_a_broken_edit(void **state)
{
	struct world *w = *state, other = { .pipeline = { .owner = &other } };

	w->config.body = CONFIG_BODY_TRANSFORM;
	w->config.transform = transform_file;
	write_program("{a: .data.id}");
	load(w);
	assert_int_equal(go_out(w), PIPELINE_ON);
	write_program("frobnicate");
	pipeline_out(&w->pipeline, w->programs, &w->claim, done);
	pipeline_out(&other.pipeline, w->programs, &w->claim, done);
	assert_int_equal(finish(w), PIPELINE_ON);
	assert_int_equal(finish(&other), PIPELINE_ON);
	assert_string_equal(w->pipeline.body.data, "{\"a\":7}");
	assert_string_equal(other.pipeline.body.data, "{\"a\":7}");
	pipeline_destroy(&other.pipeline);
}

static void
test_cancel(void **state)
{
	static char forever[] = "def f: f; f", yes[] = "true";
	struct world *w = *state;

	w->config.when = forever;
	load(w);
	pipeline_out(&w->pipeline, w->programs, &w->claim, done);
	(void)program_pool_step(pool);
	assert_true(w->pipeline.busy);
	pipeline_cancel(&w->pipeline);
	assert_false(w->done);
	w->config.when = yes;
	load(w);
	assert_int_equal(go_out(w), PIPELINE_ON);
}

/*
 * A program that does not compile is no lead's fault; and whether an answer can
 * be judged is known before anything is sent.
 */
static void
test_programs_that_are_none(void **state)
{
	static char bad[] = ".ok ==", id[] = ".id", when[] = "true", none[] = "frob";
	struct world *w = *state;

	w->config.success_when = bad;
	w->config.capture = id;
	load(w);
	assert_int_equal(go_out(w), PIPELINE_TROUBLE);
	assert_ptr_equal(strstr(w->pipeline.reason.data, "success_when: "),
	    w->pipeline.reason.data);
	w->config.when = when;
	load(w);
	assert_int_equal(go_out(w), PIPELINE_TROUBLE);
	w->config.when = none;
	load(w);
	assert_int_equal(go_out(w), PIPELINE_TROUBLE);
	assert_ptr_equal(strstr(w->pipeline.reason.data, "when: "),
	    w->pipeline.reason.data);
	assert_non_null(strstr(w->pipeline.reason.data, "frob"));
}

/* No process to be had: nobody's fault, out and back; and over when there is one. */
static void
test_trouble(void **state)
{
	static char ok[] = ".ok", when[] = ".data.id == 7";
	struct rlimit usual, none;
	struct world *w = *state;

	w->config.when = when;
	w->config.success_when = ok;
	load(w);
	assert_int_equal(go_out(w), PIPELINE_ON);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &usual), 0);
	none = (struct rlimit){ .rlim_cur = 0, .rlim_max = usual.rlim_max };
	programs_free(w->programs);
	w->programs = NULL;
	program_pool_free(pool);
	pool = program_pool_new();
	load(w);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(go_out(w), PIPELINE_TROUBLE);
	assert_non_null(strstr(w->pipeline.reason.data, strerror(EMFILE)));
	assert_int_equal(come_back(w, "{\"ok\":true}"), PIPELINE_TROUBLE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &usual), 0);
	assert_int_equal(go_out(w), PIPELINE_ON);
	assert_int_equal(come_back(w, "{\"ok\":true}"), PIPELINE_ON);
}

static void
test_answers(void **state)
{
	static const struct {
		const char *answer;
		enum pipeline_end end;
		const char *record;
		const char *uncaptured;		/* in the reason; NULL: it is captured */
	} cases[] = {
		{ "{\"ok\":true,\"id\":\"a\"}", PIPELINE_ON, "a", NULL },
		{ " {\"ok\":1,\"id\":12345678901}\n", PIPELINE_ON, "12345678901", NULL },
		{ "{\"ok\":true,\"id\":\"a\\u00e9\\\"\\/\"}", PIPELINE_ON, "a\xc3\xa9\"/", NULL },
		{ "{\"ok\":true}", PIPELINE_ON, "", NULL },
		{ "{\"ok\":true,\"id\":[1]}", PIPELINE_ON, "", "capture: its output" },
		{ "{\"ok\":true,\"id\":false}", PIPELINE_ON, "", "capture: its output" },
		{ "{\"ok\":false,\"id\":1}", PIPELINE_REFUSED, "", NULL },
		{ "{\"ok\":true,\"id\":{\"of\":7}}", PIPELINE_ON, "", "capture: its output" },
		{ "{}", PIPELINE_REFUSED, "", NULL },
		{ "", PIPELINE_HOLD, "", "is empty" },
		{ "OK", PIPELINE_HOLD, "", "no JSON" },
		{ "{\"ok\":true", PIPELINE_HOLD, "", "no JSON" },
		{ "{\"ok\":true},{\"ok\":false}", PIPELINE_HOLD, "", "no JSON" },
		{ "1,\"b\":{\"ok\":true}", PIPELINE_HOLD, "", "no JSON" },
		{ "[{\"ok\":true}]", PIPELINE_HOLD, "", NULL },
	};
	static char ok[] = ".ok", id[] = ".id";
	struct world *w = *state;

	w->config.success_when = ok;
	w->config.capture = id;
	load(w);
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(go_out(w), PIPELINE_ON);
		if (come_back(w, cases[i].answer) != cases[i].end ||
		    strcmp(w->pipeline.record, cases[i].record) != 0 ||
		    w->pipeline.uncaptured != (cases[i].uncaptured != NULL) ||
		    (cases[i].uncaptured != NULL && strstr(w->pipeline.reason.data,
		    cases[i].uncaptured) == NULL))
			fail_msg("%s: %d \"%s\"", cases[i].answer, (int)w->end,
			    w->pipeline.record);
	}
}

int
main(int argc, char **argv)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_when), T(test_none), T(test_transform),
		T(test_two_with_a_broken_edit), T(test_cancel),
		T(test_programs_that_are_none), T(test_trouble), T(test_answers)
	};
	int fd, rc;

	if (runner_is_this(argc, argv))
		runner_main();
	if ((fd = mkstemp(transform_file)) == -1 ||
	    (pool = program_pool_new()) == NULL)
		return 1;
	(void)close(fd);
	log_form(LOG_FMT_LOGFMT, LOG_LV_WARN);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	program_pool_free(pool);
	(void)unlink(transform_file);
	return rc;
}
