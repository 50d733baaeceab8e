/* One step after the other: one may have to be answered with the id of an earlier one. */
#include "client/scenario.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/exits.h"
#include "base/uuid7.h"
#include "cli/print.h"
#include "cli/reply.h"
#include "cli/setup.h"
#include "client/forged.h"
#include "client/post.h"
#include "lead/lead.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define STEPS_MAX 4
#define LARGE_TOKEN 60000		/* characters: about the largest lead LeadPro can send */

/* What answers are measured by. */
struct expected {
	int status;
	const char *word;		/* "accepted", "duplicate", or the problem's name */
};

struct scenario {
	const char *name;
	struct step {
		const char *what;
		const char *claim;	/* "iat" or "exp", or NULL */
		int64_t claim_s;	/* its moment, seconds from now */
		const char *fields;	/* added to the sample's */
		size_t token_len;	/* lengthen the lead until its token is this long; 0: no */
		forged_token *token;	/* NULL: an honest one */
		struct expected expected;
		int same_as;		/* the step whose id comes back, counted from 1; 0: none */
	} steps[STEPS_MAX];
};

#define ACCEPTED .expected = { 202, "accepted" }
#define REFUSED(name) .expected = { 401, name }

static const struct scenario scenarios[] = {
	{ "duplicate", {
		{ "a lead", ACCEPTED },
		{ "the same again", .expected = { 200, "duplicate" }, .same_as = 1 },
	} },
	{ "reorder", {
		{ "a lead", "iat", 0, ACCEPTED },
		{ "a newer state of it", "iat", 1,
		    ",\"host\":\"www.agency.example\"", ACCEPTED },
		{ "the first token again, late", "iat", 0,
		    .expected = { 200, "duplicate" }, .same_as = 1 },
		{ "the first state in a new token", "iat", 2, ACCEPTED },
	} },
	{ "forged", { { "signed with another secret", .token = forged_secret,
	    REFUSED("token-signature") } } },
	{ "expired", { { "exp an hour ago", "exp", -3600, REFUSED("token-stale") } } },
	{ "wrong-alg", { { "rightly signed with HS512", .token = forged_algorithm,
	    REFUSED("token-algorithm") } } },
	{ "none-alg", { { "alg none, not signed", .token = forged_none,
	    REFUSED("token-algorithm") } } },
	{ "large", { { "a lead with a token of 60 KB", .token_len = LARGE_TOKEN,
	    ACCEPTED } } },
	{ "invalid", { { "a lead that breaks two rules",
	    .fields = ",\"status\":\"active\",\"average_sale_estimation\":10.005",
	    .expected = { 422, "rules" } } } },
	{ "cut", {
		{ "a token cut in its payload", .token = forged_cut_payload,
		    REFUSED("token-malformed") },
		{ "a token cut in its signature", .token = forged_cut_signature,
		    REFUSED("token-signature") },
	} },
};

/* A scenario being played. */
struct play {
	const struct scenario *scenario;
	const struct config_source *source;
	int64_t id;
	int64_t now_s;
	char ids[STEPS_MAX][UUID7_SIZE];	/* answered so far */
	int status;
};

const struct scenario *
scenario_named(const char *name)
{
	for (size_t i = 0; i < COUNT(scenarios); i++)
		if (strcmp(scenarios[i].name, name) == 0)
			return &scenarios[i];
	return NULL;
}

void
scenario_names(struct buf *out)
{
	for (size_t i = 0; i < COUNT(scenarios); i++)
		buf_printf(out, "%s%s", i > 0 ? ", " : "", scenarios[i].name);
}

/* --- what is sent --- */

/* Houses to compare with, until the payload so far makes a token of ${token_len}. */
static void
add_houses(struct buf *out, size_t token_len)
{
	size_t wanted = token_len / 4 * 3, start = out->len;

	buf_puts(out, ",\"comparable_props\":[");
	while (buf_ok(out) && out->len < wanted)
		buf_printf(out, "%s{\"address\":\"%zu High Street\","
		    "\"beds\":4,\"months_ago\":7,\"price\":1782500}",
		    out->data[out->len - 1] == '[' ? "" : ",", out->len - start);
	buf_putc(out, ']');
}

/* The sample with the step's claim before, and its fields behind, its own. */
static void
add_payload(const struct play *play, const struct step *step, struct buf *out)
{
	struct buf sample = { 0 };

	buf_putc(out, '{');
	if (step->claim != NULL)
		buf_printf(out, "\"%s\":%" PRId64 ",", step->claim,
		    play->now_s + step->claim_s);
	lead_sample(play->id, &sample);
	if (buf_ok(&sample))
		buf_add(out, sample.data + 1, sample.len - 3);	/* without its "}}" */
	else
		out->oom = true;
	if (step->fields != NULL)
		buf_puts(out, step->fields);
	if (step->token_len > 0)
		add_houses(out, step->token_len);
	buf_puts(out, "}}");
	buf_free(&sample);
}

static int
play_make(void *arg, int64_t index, struct post_request *request)
{
	const struct play *play = arg;
	const struct step *step = &play->scenario->steps[index];

	add_payload(play, step, &request->body);
	if (buf_ok(&request->body))
		request->token = (step->token != NULL ? step->token :
		    forged_honest)(&request->body,
		    &play->source->secrets.items[0]);
	return request->token != NULL ? 0 : -1;
}

/* --- what comes back --- */

/* What the step has to be answered, as this source is set up. */
static struct expected
expect(const struct play *play, const struct step *step)
{
	static const struct expected accepted = { 202, "accepted" };
	const struct config_source *source = play->source;

	if (step->expected.status == 200 && source->duplicate_window_ms == 0)
		return accepted;
	if (step->expected.status == 422 && source->invalid == CONFIG_INVALID_RELAY)
		return accepted;
	if (step->token_len > source->max_token)
		return (struct expected){ 431, "token-too-large" };
	return step->expected;
}

/* Is the answer the expected one, down to the id where it must be a known one? */
static bool
is_expected(const struct play *play, const struct step *step,
    const struct expected *expected, int status, const char *word, const char *id)
{
	if (status != expected->status || word == NULL ||
	    strcmp(word, expected->word) != 0)
		return false;
	if (step->same_as == 0 || expected->status != 200)
		return true;
	return id != NULL && strcmp(id, play->ids[step->same_as - 1]) == 0;
}

static void
play_answered(void *arg, int64_t index, struct post_answer *answer)
{
	struct play *play = arg;
	const struct step *step = &play->scenario->steps[index];
	struct expected expected = expect(play, step);
	const char *word = reply_word(answer->object);
	const char *id = reply_string(answer->object, "id");
	struct buf out = { 0 };
	bool good;

	if (answer->status == 0) {
		play->status = setup_first(play->status,
		    print_fail(EXIT_UNAVAILABLE, "send: no answer: %s",
		    answer->error));
		return;
	}
	snprintf(play->ids[index], sizeof(play->ids[index]), "%s",
	    id != NULL ? id : "");
	good = is_expected(play, step, &expected, answer->status, word, id);
	if (!good)
		play->status = setup_first(play->status, EXIT_NO);
	buf_printf(&out, "%-7s %s: expected %d %s", good ? "ok" : "FAILED",
	    step->what, expected.status, expected.word);
	if (step->same_as != 0 && expected.status == 200)
		buf_printf(&out, " %s", play->ids[step->same_as - 1]);
	buf_printf(&out, ", got %d ", answer->status);
	print_string(&out, word != NULL ? word :
	    "(no answer of leadrelay's: the web server's own)");
	buf_putc(&out, ' ');
	print_string(&out, id != NULL ? id : "");
	(void)print_line(&out);
}

int
scenario_play(const struct scenario *scenario, const char *url,
    const struct config_source *source, int64_t id)
{
	struct play play = {
		.scenario = scenario,
		.source = source,
		.id = id,
		.now_s = clock_wall_ms() / 1000,
		.status = EXIT_DONE,
	};
	struct post_batch batch = {
		.command = "send",
		.url = url,
		.concurrency = 1,
		.make = play_make,
		.answered = play_answered,
		.arg = &play,
	};
	int status;

	while (batch.count < STEPS_MAX &&
	    scenario->steps[batch.count].what != NULL)
		batch.count++;
	if ((status = post_run(&batch)) != EXIT_DONE)
		play.status = status;
	return play.status;
}
