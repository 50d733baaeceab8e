/* One post_run for each request: a connection of its own, so that nothing lingers. */
#include "client/ask.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/exits.h"
#include "client/post.h"
#include "token/token.h"

/* What is round a payload in a token: header, dots, signature. */
#define TOKEN_ROUND 81

static int
make_probe(const struct ask *q, struct post_request *request)
{
	size_t payload_len = (q->token_len - TOKEN_ROUND) * 3 / 4;
	struct buf *body = &request->body;

	buf_printf(body, "{\"leadrelay_probe\":%s,\"iat\":%" PRId64
	    ",\"pad\":\"", q->asks, clock_wall_ms() / 1000);
	while (buf_ok(body) && body->len + 2 < payload_len)
		buf_putc(body, 'x');
	buf_puts(body, "\"}");
	if (buf_ok(body))
		request->token = token_sign(body->data, body->len, q->secret);
	return request->token != NULL ? 0 : -1;
}

static int
make_request(void *arg, int64_t index, struct post_request *request)
{
	const struct ask *q = arg;
	size_t len = strcspn(q->url, "?#");

	(void)index;
	request->from = q->from;
	if (q->page == NULL)
		return make_probe(q, request);
	while (len > 0 && q->url[len - 1] == '/')
		len--;
	request->get = true;
	buf_add(&request->url, q->url, len);
	buf_printf(&request->url, "/%s", q->page);
	return 0;
}

static void
keep_answer(void *arg, int64_t index, struct post_answer *answer)
{
	struct ask *q = arg;

	(void)index;
	q->answered_ms = clock_wall_ms();
	q->answer = *answer;
	*answer = (struct post_answer){ 0 };
}

int
ask(struct ask *q)
{
	const struct post_batch batch = {
		.command = "doctor",
		.url = q->url,
		.count = 1,
		.concurrency = 1,
		.make = make_request,
		.answered = keep_answer,
		.arg = q,
	};

	post_answer_free(&q->answer);
	return post_run(&batch) == EXIT_DONE ? 0 : -1;
}
