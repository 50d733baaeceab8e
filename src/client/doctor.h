/*
 * doctor: what the answer to a probe means, as one table.  Nothing here sends.
 */
#ifndef LEADRELAY_CLIENT_DOCTOR_H
#define LEADRELAY_CLIENT_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Who answered, or stands before who did. */
enum doctor_front {
	DOCTOR_NGINX,
	DOCTOR_APACHE,
	DOCTOR_LIGHTTPD,
	DOCTOR_OTHER
};

/* By the Server header; "": there was none. */
enum doctor_front doctor_front_of(const char *server);

/* "nginx", "Apache", "lighttpd" or "the web server". */
const char *doctor_front_name(enum doctor_front front);

/* An answer to a probe. */
struct doctor_answer {
	int status;			/* 0: there was none */
	const char *word;		/* what leadrelay says (reply_word); NULL: not its answer */
	enum doctor_front front;
	/* Of the probe: */
	bool passed;			/* a smaller one was answered as it should be */
	bool over_max_token;		/* larger than the source's max_token */
};

/* What is wrong, and its cure: constants. */
struct doctor_finding {
	const char *name;		/* "header-limit"; never changes */
	const char *what;
	const char *cure;
};

/* NULL: the probe was answered by a worker, as it should be. */
const struct doctor_finding *doctor_judge(const struct doctor_answer *answer);

/* Two clocks, the worker's and the web server's, against ours.  NULL: near enough. */
const struct doctor_finding *doctor_judge_clock(
    int64_t worker_ahead_ms, int64_t front_ahead_ms);

/* The worker's word for its store; NULL: it is well. */
const struct doctor_finding *doctor_judge_store(const char *word);

#endif
