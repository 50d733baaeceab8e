/* send: leads by the batch, an answer a line, and how long they took. */
#include "client/cmd.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include <json-c/json.h>

#include "base/clock.h"
#include "base/exits.h"
#include "base/signals.h"
#include "cli/input.h"
#include "cli/print.h"
#include "cli/reply.h"
#include "cli/setup.h"
#include "client/post.h"
#include "client/scenario.h"
#include "client/target.h"
#include "lead/lead.h"
#include "outbox/owner.h"
#include "token/token.h"

#define ID_MAX INT64_C(9007199254740991)	/* 2^53 - 1: ids are JSON numbers */
#define COUNT_MAX INT64_C(1000000)
#define ANSWER_SHOWN 200			/* bytes of an answer that is no JSON */

/* What is sent, and what came of it. */
struct send {
	const struct config_source *source;
	struct buf payload;		/* --file's; empty: the sample */
	int64_t id;			/* of the first sample */
	const struct scenario *scenario; /* NULL: none, only leads */
	struct post_batch batch;
	int64_t answered;
	int64_t refused;		/* answered, but with no 2xx */
	int64_t unanswered;
	int64_t *took_us;		/* of the answered ones */
};

/* --- making ---- */

static int
send_make(void *arg, int64_t index, struct post_request *request)
{
	struct send *send = arg;

	if (send->payload.len > 0)
		buf_add(&request->body, send->payload.data, send->payload.len);
	else
		lead_sample(send->id + index, &request->body);
	if (send->source->verify == CONFIG_VERIFY_NONE ||
	    !buf_ok(&request->body))
		return 0;
	request->token = token_sign(request->body.data, request->body.len,
	    &send->source->secrets.items[0]);
	return request->token != NULL ? 0 : -1;
}

/* --- showing --- */

static void
add_word(struct buf *out, const char *word)
{
	buf_putc(out, ' ');
	print_string(out, word != NULL ? word : "-");
}

/* "202 accepted ID 3.1 ms", and what else the answer tells. */
static void
show_answer(const struct post_answer *answer)
{
	size_t shown = answer->body.len;
	struct json_object *errors;
	struct buf out = { 0 };

	buf_printf(&out, "%d", answer->status);
	add_word(&out, reply_word(answer->object));
	add_word(&out, reply_string(answer->object, "id"));
	buf_printf(&out, " %.1f ms\n", (double)answer->took_us / 1000);
	if (json_object_object_get_ex(answer->object, "errors", &errors))
		reply_errors(&out, errors, "    ", " ");
	if (answer->object == NULL && shown > 0) {
		buf_puts(&out, "    ");
		print_text(&out, answer->body.data,
		    shown > ANSWER_SHOWN ? ANSWER_SHOWN : shown);
		buf_putc(&out, '\n');
	}
	(void)print_flush(&out);
	buf_free(&out);
}

static void
send_answered(void *arg, int64_t index, struct post_answer *answer)
{
	struct send *send = arg;

	(void)index;
	if (answer->status == 0) {
		send->unanswered++;
		print_fail(EXIT_UNAVAILABLE, "send: no answer: %s", answer->error);
		return;
	}
	send->took_us[send->answered++] = answer->took_us;
	if (answer->status < 200 || answer->status > 299)
		send->refused++;
	show_answer(answer);
}

static int
compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static double
percentile_ms(const struct send *send, int percent)
{
	int64_t rank = (send->answered * percent + 99) / 100;

	return (double)send->took_us[rank > 0 ? rank - 1 : 0] / 1000;
}

static void
summarise(struct send *send, int64_t took_ms)
{
	fprintf(stderr, "%" PRId64 " sent in %.1f s (%.0f/s): %" PRId64
	    " taken, %" PRId64 " refused, %" PRId64 " unanswered\n",
	    send->batch.count, (double)took_ms / 1000,
	    (double)send->batch.count * 1000 /
	    (double)(took_ms > 0 ? took_ms : 1),
	    send->answered - send->refused, send->refused, send->unanswered);
	if (send->answered == 0)
		return;
	qsort(send->took_us, (size_t)send->answered, sizeof(*send->took_us),
	    compare);
	fprintf(stderr, "answered in: p50 %.1f ms, p90 %.1f ms, p99 %.1f ms, "
	    "at most %.1f ms\n", percentile_ms(send, 50),
	    percentile_ms(send, 90), percentile_ms(send, 99),
	    percentile_ms(send, 100));
}

/* --- options --- */

/* A fresh id, with room for ${count} more above it. */
static int
random_id(int64_t count, int64_t *id)
{
	uint64_t bits;

	if (getrandom(&bits, sizeof(bits), 0) != (ssize_t)sizeof(bits))
		return -1;
	*id = 1 + (int64_t)(bits % (uint64_t)(ID_MAX - count));
	return 0;
}

static int
check_target(const struct args *args, struct buf *path)
{
	const char *url = args->operands[0];
	struct target target = { 0 };
	const char *fault = target_read(url, &target);

	*path = target.path;
	if (fault != NULL)
		return print_fail(EXIT_USAGE, "send: %s", fault);
	if (target.loopback || args_flag(args, "yes"))
		return EXIT_DONE;
	return print_fail(EXIT_USAGE, "send: %s is not on this machine, and this "
	    "makes a real lead there: add --yes if you mean it", url);
}

static int
read_scenario(const struct args *args, struct send *send)
{
	const char *name = args_value(args, "scenario");
	struct buf names = { 0 };

	if (name == NULL)
		return EXIT_DONE;
	if (args_value(args, "file") != NULL ||
	    args_value(args, "count") != NULL ||
	    args_value(args, "concurrency") != NULL)
		return print_fail(EXIT_USAGE, "send: a scenario has its own leads: "
		    "no --file, --count or --concurrency");
	if ((send->scenario = scenario_named(name)) != NULL)
		return EXIT_DONE;
	scenario_names(&names);
	print_fail(EXIT_USAGE, "send: --scenario %s: not one of %s", name,
	    names.data != NULL ? names.data : "");
	buf_free(&names);
	return EXIT_USAGE;
}

static int
read_options(const struct args *args, struct send *send)
{
	const char *file = args_value(args, "file");
	int64_t last;

	if (read_scenario(args, send) != EXIT_DONE)
		return EXIT_USAGE;
	if (file != NULL && args_value(args, "id") != NULL)
		return print_fail(EXIT_USAGE,
		    "send: --id is for the sample; a file has its own");
	if (setup_number(args, "count", 1, COUNT_MAX, 1,
	    &send->batch.count) == -1 ||
	    setup_number(args, "concurrency", 1, POST_CONCURRENCY_MAX, 1,
	    &send->batch.concurrency) == -1)
		return EXIT_USAGE;
	if (random_id(send->batch.count, &send->id) == -1)
		return print_fail(EXIT_SOFTWARE, "send: no random numbers");
	last = ID_MAX - (send->batch.count - 1);
	if (setup_number(args, "id", -ID_MAX, last, send->id, &send->id) == -1)
		return EXIT_USAGE;
	return file != NULL ? input_read(file, &send->payload) : EXIT_DONE;
}

/* What the source must be for this. */
static int
check_source(const struct send *send)
{
	if (send->source == NULL)
		return EXIT_USAGE;
	if (send->source->verify != CONFIG_VERIFY_NONE)
		return EXIT_DONE;
	if (send->scenario != NULL)
		return print_fail(EXIT_USAGE, "send: source %s verifies nothing, "
		    "and the scenarios are about what it would verify",
		    send->source->name);
	return print_fail(EXIT_DONE, "send: source %s verifies nothing: sent "
	    "without a token", send->source->name);
}

static int
send_all(struct send *send)
{
	int64_t start_ms = clock_mono_ms();
	int status;

	send->took_us = calloc((size_t)send->batch.count,
	    sizeof(*send->took_us));
	if (send->took_us == NULL)
		return print_fail(EXIT_SOFTWARE, "send: out of memory");
	status = post_run(&send->batch);
	if (status != EXIT_DONE)
		return status;
	if (send->batch.count > 1)
		summarise(send, clock_mono_ms() - start_ms);
	if (send->unanswered > 0)
		return EXIT_UNAVAILABLE;
	return send->refused > 0 ? EXIT_NO : EXIT_DONE;
}

int
cmd_send(const struct args *args, struct setup *setup)
{
	struct send send = { 0 };
	struct store_fault fault = { 0 };
	struct buf path = { 0 };
	int status;

	/* A peer that hangs up is no reason to die in the middle of a batch. */
	signals_expect_hangups();
	send.batch.command = "send";
	send.batch.url = args->operands[0];
	send.batch.make = send_make;
	send.batch.answered = send_answered;
	send.batch.arg = &send;
	if ((status = check_target(args, &path)) != EXIT_DONE ||
	    (status = read_options(args, &send)) != EXIT_DONE ||
	    (status = setup_config(setup, args)) != EXIT_DONE)
		goto out;
	send.source = setup_source(args, setup->config, path.data);
	if ((status = check_source(&send)) != EXIT_DONE)
		goto out;
	if (owner_become(setup->config, false, &fault) == -1)
		status = setup_store_failed(setup->config, &fault);
	else if (send.scenario != NULL)
		status = scenario_play(send.scenario, send.batch.url,
		    send.source, send.id);
	else
		status = send_all(&send);
out:
	free(send.took_us);
	buf_free(&send.payload);
	buf_free(&path);
	return status;
}
