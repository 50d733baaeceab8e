/* A lead is a source and an id, and an event goes by the beginning of its own. */
#include "box.h"

#include <stdio.h>
#include <string.h>

static const char *const sources[] = { "oxford", "bath", "york" };

/* Lead 1 of oxford and bath, 2 of oxford, 3 of bath; all held; ids in this order. */
static void
put_four(struct box *box, char (*ids)[UUID7_SIZE])
{
	static const struct {
		const char *source;
		const char *lead;
	} put[] = {
		{ "oxford", "1" }, { "bath", "1" }, { "oxford", "2" },
		{ "bath", "3" }
	};
	struct event_in in;

	for (size_t i = 0; i < COUNT(put); i++) {
		in = box_in(put[i].lead, "A", BOX_NOW);
		in.source = put[i].source;
		in.hold = EVENT_HOLD_RULES;
		assert_int_equal(box_accept(box, &in), EVENT_STORED);
		strcpy(ids[i], box->out.id);
	}
}

static void
add_name(void *arg, const char *name)
{
	strcat(strcat(arg, name), " ");
}

static void
check_names(struct box *box, enum store_names which, const char *lead,
    const char *want)
{
	char got[256] = "";

	assert_int_equal(box->store->ops->begin(box->store, false), 0);
	assert_int_equal(store_names(box->store, which, lead,
	    add_name, got), 0);
	box_commit(box);
	assert_string_equal(got, want);
}

static void
test_names(void **state)
{
	struct box *box = *state;
	char ids[4][UUID7_SIZE];
	enum store_act_result result;

	check_names(box, STORE_SOURCES, NULL, "");
	check_names(box, STORE_DESTINATIONS, NULL, "crm ");
	put_four(box, ids);
	check_names(box, STORE_SOURCES, NULL, "bath oxford ");
	check_names(box, STORE_SOURCES, "1", "bath oxford ");
	check_names(box, STORE_SOURCES, "2", "oxford ");
	check_names(box, STORE_SOURCES, "4", "");

	/* A lead that is gone is nobody's; its source is known as ever. */
	for (size_t i = 1; i < COUNT(ids); i += 2) {
		box_begin(box);
		assert_int_equal(store_erase(box->store, ids[i],
		    &result), 0);
		box_commit(box);
	}
	check_names(box, STORE_SOURCES, "1", "oxford ");
	check_names(box, STORE_SOURCES, NULL, "bath oxford ");

	/* One that left the configuration is known too. */
	box_close(box);
	box->destinations[0].name = "mail";
	assert_true(box_open(box));
	check_names(box, STORE_DESTINATIONS, NULL, "crm mail ");
}

/* What a transaction that came to nothing had noted of a source is not believed. */
static void
test_source_of_a_transaction_undone(void **state)
{
	static const char *const known[] = {
		"", "oxford ", "bath oxford ", "bath oxford york "
	};
	struct box *box = *state;
	struct event_in in = box_in("1", "A", BOX_NOW);

	for (size_t i = 0; i < COUNT(sources); i++) {
		in.source = sources[i];
		box_begin(box);
		assert_int_equal(store_accept(box->store, &in,
		    &box->out, 1), 0);
		box->store->ops->rollback(box->store);
		check_names(box, STORE_SOURCES, NULL, known[i]);
		assert_int_equal(box_accept(box, &in), EVENT_STORED);
		check_names(box, STORE_SOURCES, NULL, known[i + 1]);
	}
}

static void
add_row(void *arg, const struct store_row *row)
{
	char text[32];

	snprintf(text, sizeof(text), "%s/%s ", row->source, row->lead);
	strcat(arg, text);
}

static const struct {
	struct store_filter filter;
	const char *listed;
	size_t found;
} asked[] = {
	{ { .lead = "1" }, "bath/1 oxford/1 ", 2 },
	{ { .lead = "1", .source = "bath" }, "bath/1 ", 1 },
	{ { .lead = "3", .source = "oxford" }, "", 0 },
	{ { .lead = "1", .source = "york" }, "", 0 },
	{ { .source = "oxford" }, "oxford/2 oxford/1 ", 2 },
	{ { .source = "bath", .limit = 1 }, "bath/3 ", 2 },
	{ { .source = "bath", .since_ms = BOX_NOW + 1 }, "", 0 },
	{ { .source = "york" }, "", 0 },
	{ { .source = "bath", .destination = "crm" }, "", 0 }
};

static void
test_filter(void **state)
{
	struct box *box = *state;
	char ids[4][UUID7_SIZE], got[256];
	struct store_filter filter;
	struct store_walk walk;
	size_t count;

	put_four(box, ids);
	for (size_t i = 0; i < COUNT(asked); i++) {
		filter = asked[i].filter;
		filter.state = -1;
		got[0] = '\0';
		memset(&walk, 0, sizeof(walk));
		assert_int_equal(box->store->ops->begin(box->store, false), 0);
		assert_int_equal(store_list(box->store, &filter,
		    add_row, got), 0);
		assert_int_equal(store_find(box->store,
		    STORE_RELEASE, &filter, BOX_NOW, &walk, ids, 4, &count), 0);
		box_commit(box);
		if (strcmp(got, asked[i].listed) != 0 ||
		    count != asked[i].found || !walk.ended)
			fail_msg("case %zu: %s, %zu found", i, got, count);
	}
}

static void
test_match(void **state)
{
	static const struct {
		const char *beginning;
		size_t count;
	} asked_for[] = {
		{ "", 3 }, { "0", 3 }, { "018bcfe5", 3 }, { "018bcfe5-6800", 3 },
		{ "018bcfe5-6801", 1 }, { "018bcfe5-67", 0 }, { "018BCFE5", 0 },
		{ "018bcfe5-6800-", 3 }, { "%", 0 }, { "018bcfe5_", 0 },
		{ "~", 0 }, { "\xc3\xa9", 0 }, { "'", 0 }
	};
	struct box *box = *state;
	char ids[4][UUID7_SIZE], got[3][UUID7_SIZE], longer[200];
	size_t count;

	put_four(box, ids);
	box_put(box, "5", "A", BOX_NOW + 1);
	assert_int_equal(box->store->ops->begin(box->store, false), 0);
	for (size_t i = 0; i < COUNT(asked_for); i++) {
		assert_int_equal(store_match(box->store,
		    asked_for[i].beginning, got, COUNT(got), &count), 0);
		if (count != asked_for[i].count)
			fail_msg("%s: %zu", asked_for[i].beginning, count);
	}
	for (size_t i = 0; i < COUNT(ids); i++) {
		assert_int_equal(store_match(box->store, ids[i],
		    got, COUNT(got), &count), 0);
		assert_int_equal(count, 1);
		assert_string_equal(got[0], ids[i]);
		snprintf(longer, sizeof(longer), "%s0", ids[i]);
		assert_int_equal(store_match(box->store, longer,
		    got, COUNT(got), &count), 0);
		assert_int_equal(count, 0);
	}
	box_commit(box);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, box_setup, box_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_names),
		TEST(test_source_of_a_transaction_undone),
		TEST(test_filter),
		TEST(test_match)
	};

	return box_run(tests, COUNT(tests));
}
