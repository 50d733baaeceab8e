/*
 * Every answer that is no success is a row: status, type, title, detail, headers.
 */
#include "intake/problem.h"

#include <stddef.h>

#include "base/buf.h"

/* RFC 6750 section 3.1: no error code where no token was sent. */
#define CHALLENGE "Bearer realm=\"leadrelay\""
#define CHALLENGE_INVALID CHALLENGE ", error=\"invalid_token\""

static const struct problem_row {
	int status;
	const char *name, *title, *detail;
	const char *challenge, *allow;
	int retry_after_s;
} problem_table[PROBLEMS] = {
	[PROBLEM_NONE] = { .status = 200, .name = "none" },
	[PROBLEM_TOKEN_MISSING] = { 401, "token-missing", "Token missing",
	    "The request carries no token in its Authorization header.",
	    .challenge = CHALLENGE },
	[PROBLEM_TOKEN_MALFORMED] = { 401, "token-malformed", "Token malformed",
	    "The token is not a JSON Web Token that can be used.",
	    .challenge = CHALLENGE_INVALID },
	[PROBLEM_TOKEN_SIGNATURE] = { 401, "token-signature", "Signature wrong",
	    "The token was not signed with the webhook signing secret.",
	    .challenge = CHALLENGE_INVALID },
	[PROBLEM_TOKEN_ALGORITHM] = { 401, "token-algorithm", "Algorithm refused",
	    "Only tokens signed with HS256 are accepted.",
	    .challenge = CHALLENGE_INVALID },
	[PROBLEM_TOKEN_STALE] = { 401, "token-stale", "Token not valid now",
	    "The signature is right, but the token has expired, is not yet valid or is too old.",
	    .challenge = CHALLENGE_INVALID },
	[PROBLEM_TOKEN_TOO_LARGE] = { 431, "token-too-large", "Header too large",
	    .detail = "The Authorization header or the request's headers are too large." },
	[PROBLEM_BODY_TOO_LARGE] = { 413, "body-too-large", "Body too large",
	    .detail = "The request's body is too large." },
	[PROBLEM_PAYLOAD_UNREADABLE] = { 400, "payload-unreadable", "Payload unreadable",
	    .detail = "The signature is right, but the payload cannot be read as an object in strict JSON; it is kept for a person to look at." },
	[PROBLEM_BODY_UNREADABLE] = { 400, "body-unreadable", "Body unreadable",
	    .detail = "The body is not an object in strict JSON." },
	[PROBLEM_CONTENT_TYPE] = { 415, "content-type", "Content type not supported",
	    .detail = "The body must be application/json." },
	[PROBLEM_RULES] = { 422, "rules", "Lead breaks rules",
	    .detail = "The lead is authentic but breaks the rules listed; it is kept for a person to look at." },
	[PROBLEM_METHOD] = { 405, "method", "Method not allowed",
	    "Webhooks are sent by POST.", .allow = "POST" },
	[PROBLEM_ADMIN_METHOD] = { 405, "method", "Method not allowed",
	    "This page can only be read.", .allow = "GET, HEAD" },
	[PROBLEM_NOT_FOUND] = { 404, "not-found", "Not found",
	    .detail = "There is nothing at this path." },
	[PROBLEM_UNAVAILABLE] = { 503, "unavailable", "Temporarily unavailable",
	    "The lead cannot be stored now; nothing was accepted. Send it again later.",
	    .retry_after_s = 10 },
	[PROBLEM_FULL] = { 503, "full", "Limit reached",
	    "A limit has been reached; nothing was accepted. Send it again later.",
	    .retry_after_s = 60 },
	[PROBLEM_CONFIGURATION] = { 503, "configuration", "Not configured",
	    "The receiver is not set up correctly; nothing was accepted. Its log says why.",
	    .retry_after_s = 60 },
};

int
problem_status(enum problem problem)
{
	return problem_table[problem].status;
}

const char *
problem_name(enum problem problem)
{
	return problem_table[problem].name;
}

void
problem_answer(struct answer *answer, enum problem problem, const char *id,
    const char *errors)
{
	const struct problem_row *row = &problem_table[problem];
	struct buf *body = &answer->body;

	answer_begin(answer, row->status, "application/problem+json");
	answer->allow = row->allow;
	answer->retry_after_s = row->retry_after_s;
	answer->challenge = row->challenge;
	/* No title, detail or id holds what JSON would escape. */
	buf_printf(body, "{\"type\":\"urn:leadrelay:problem:%s\",\"title\":\"%s\","
	    "\"status\":%d,\"detail\":\"%s\"", row->name, row->title, row->status,
	    row->detail);
	if (id != NULL)
		buf_printf(body, ",\"id\":\"%s\"", id);
	if (errors != NULL)
		buf_printf(body, ",\"errors\":%s", errors);
	buf_puts(body, "}");
}

void
problem_success(struct answer *answer, bool duplicate, const char *id)
{
	answer_begin(answer, duplicate ? 200 : 202, "application/json");
	buf_printf(&answer->body, "{\"status\":\"%s\",\"id\":\"%s\"}",
	    duplicate ? "duplicate" : "accepted", id);
}

void
problem_respond(struct request *rq, enum problem problem)
{
	problem_answer(&rq->answer, problem, NULL, NULL);
	rq->respond(rq);
}
