#include "intake/problem.h"

#include <stddef.h>
#include <string.h>

#include "base/buf.h"

/* RFC 6750 section 3.1: no error code where no token was sent. */
#define CHALLENGE "Bearer realm=\"leadrelay\""
#define CHALLENGE_INVALID CHALLENGE ", error=\"invalid_token\""

static const struct problem_row {
	int status;
	int retry_after_s;
	const char *name;
	const char *title;
	const char *detail;
	const char *challenge;
	const char *allow;
} problem_table[PROBLEMS] = {
	[PROBLEM_NONE] = { 200, 0, "none", "", "", NULL, NULL },
	[PROBLEM_TOKEN_MISSING] = { 401, 0, "token-missing", "Token missing",
	    "The request carries no token in its Authorization header.",
	    CHALLENGE, NULL },
	[PROBLEM_TOKEN_MALFORMED] = { 401, 0, "token-malformed",
	    "Token malformed", "The token is not a JSON Web Token that can be used.",
	    CHALLENGE_INVALID, NULL },
	[PROBLEM_TOKEN_SIGNATURE] = { 401, 0, "token-signature",
	    "Signature wrong", "The token was not signed with the webhook signing secret.",
	    CHALLENGE_INVALID, NULL },
	[PROBLEM_TOKEN_ALGORITHM] = { 401, 0, "token-algorithm",
	    "Algorithm refused", "Only tokens signed with HS256 are accepted.",
	    CHALLENGE_INVALID, NULL },
	[PROBLEM_TOKEN_STALE] = { 401, 0, "token-stale", "Token not valid now",
	    "The signature is right, but the token has expired, is not yet valid or is too old.",
	    CHALLENGE_INVALID, NULL },
	[PROBLEM_TOKEN_TOO_LARGE] = { 431, 0, "token-too-large",
	    "Header too large", "The Authorization header or the request's headers are too large.",
	    NULL, NULL },
	[PROBLEM_BODY_TOO_LARGE] = { 413, 0, "body-too-large",
	    "Body too large", "The request's body is too large.", NULL, NULL },
	[PROBLEM_PAYLOAD_UNREADABLE] = { 400, 0, "payload-unreadable",
	    "Payload unreadable",
	    "The signature is right, but the payload cannot be read as an object in strict JSON; it is kept for a person to look at.",
	    NULL, NULL },
	[PROBLEM_BODY_UNREADABLE] = { 400, 0, "body-unreadable",
	    "Body unreadable", "The body is not an object in strict JSON.",
	    NULL, NULL },
	[PROBLEM_CONTENT_TYPE] = { 415, 0, "content-type",
	    "Content type not supported", "The body must be application/json.",
	    NULL, NULL },
	[PROBLEM_RULES] = { 422, 0, "rules", "Lead breaks rules",
	    "The lead is authentic but breaks the rules listed; it is kept for a person to look at.",
	    NULL, NULL },
	[PROBLEM_METHOD] = { 405, 0, "method", "Method not allowed",
	    "Webhooks are sent by POST.", NULL, "POST" },
	[PROBLEM_ADMIN_METHOD] = { 405, 0, "method", "Method not allowed",
	    "This page can only be read.", NULL, "GET, HEAD" },
	[PROBLEM_NOT_FOUND] = { 404, 0, "not-found", "Not found",
	    "There is nothing at this path.", NULL, NULL },
	[PROBLEM_UNAVAILABLE] = { 503, 10, "unavailable",
	    "Temporarily unavailable",
	    "The lead cannot be stored now; nothing was accepted. Send it again later.",
	    NULL, NULL },
	[PROBLEM_FULL] = { 503, 60, "full", "Limit reached",
	    "A limit has been reached; nothing was accepted. Send it again later.",
	    NULL, NULL },
	[PROBLEM_CONFIGURATION] = { 503, 60, "configuration",
	    "Not configured",
	    "The receiver is not set up correctly; nothing was accepted. Its log says why.",
	    NULL, NULL },
	[PROBLEM_FAULT] = { 500, 0, "fault", "Internal fault",
	    "The receiver failed; nothing was accepted.", NULL, NULL },
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

	answer->status = row->status;
	answer->content_type = "application/problem+json";
	answer->allow = row->allow;
	answer->retry_after_s = row->retry_after_s;
	answer->challenge = row->challenge;
	buf_reset(body);
	buf_puts(body, "{\"type\":\"urn:leadrelay:problem:");
	buf_puts(body, row->name);
	buf_puts(body, "\",\"title\":");
	buf_json(body, row->title, strlen(row->title));
	buf_printf(body, ",\"status\":%d,\"detail\":", row->status);
	buf_json(body, row->detail, strlen(row->detail));
	if (id != NULL) {
		buf_puts(body, ",\"id\":");
		buf_json(body, id, strlen(id));
	}
	if (errors != NULL) {
		buf_puts(body, ",\"errors\":");
		buf_puts(body, errors);
	}
	buf_puts(body, "}");
}

void
problem_success(struct answer *answer, bool duplicate, const char *id)
{
	answer->status = duplicate ? 200 : 202;
	answer->content_type = "application/json";
	answer->allow = NULL;
	answer->retry_after_s = 0;
	answer->challenge = NULL;
	buf_reset(&answer->body);
	buf_puts(&answer->body, duplicate ? "{\"status\":\"duplicate\",\"id\":\"" :
	    "{\"status\":\"accepted\",\"id\":\"");
	buf_puts(&answer->body, id);
	buf_puts(&answer->body, "\"}");
}
