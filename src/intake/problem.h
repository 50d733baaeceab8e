/*
 * problem: every answer leadrelay gives to a webhook, as one table: status,
 * type, title, detail.
 *
 * Problems are RFC 9457 objects; a type is "urn:leadrelay:problem:NAME" and
 * never changes.  No answer names a file, a library or another lead.
 */
#ifndef LEADRELAY_INTAKE_PROBLEM_H
#define LEADRELAY_INTAKE_PROBLEM_H

#include <stdbool.h>

#include "intake/answer.h"
#include "intake/request.h"

enum problem {
	PROBLEM_NONE,			/* no problem: problem_success */
	PROBLEM_TOKEN_MISSING,
	PROBLEM_TOKEN_MALFORMED,
	PROBLEM_TOKEN_SIGNATURE,
	PROBLEM_TOKEN_ALGORITHM,
	PROBLEM_TOKEN_STALE,
	PROBLEM_TOKEN_TOO_LARGE,	/* 431 */
	PROBLEM_BODY_TOO_LARGE,		/* 413 */
	PROBLEM_PAYLOAD_UNREADABLE,	/* 400, held */
	PROBLEM_BODY_UNREADABLE,	/* 400, verify = none */
	PROBLEM_CONTENT_TYPE,		/* 415 */
	PROBLEM_RULES,			/* 422 */
	PROBLEM_METHOD,			/* 405, a webhook's path */
	PROBLEM_ADMIN_METHOD,		/* 405, an admin page */
	PROBLEM_NOT_FOUND,		/* 404 */
	PROBLEM_UNAVAILABLE,		/* 503, store */
	PROBLEM_FULL,			/* 503, limits */
	PROBLEM_CONFIGURATION,		/* 503, configuration */
	PROBLEMS
};

/* The HTTP status, and the last part of the type ("token-stale"): constants. */
int problem_status(enum problem problem);
const char *problem_name(enum problem problem);

/*
 * Fill the answer.  ${id} is the held event's, or NULL.  ${errors} is a JSON
 * array text for PROBLEM_RULES, else NULL.
 */
void problem_answer(struct answer *answer, enum problem problem,
    const char *id, const char *errors);

/* 202 accepted or 200 duplicate. */
void problem_success(struct answer *answer, bool duplicate, const char *id);

/* Answer ${rq} so, without an id, and give it back: it is gone when this returns. */
void problem_respond(struct request *rq, enum problem problem);

#endif
