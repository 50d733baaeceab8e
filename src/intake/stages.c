/*
 * A stage answers, stores, or leaves the webhook to the next.  What comes before the
 * token costs little and trusts nobody; only what is signed, or comes from a source
 * that needs no signature, is read as a lead.
 */
#include "intake/stages.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "config/config.h"
#include "intake/admin.h"

static enum next
refuse(struct flight *fl, enum problem problem, const char *reason)
{
	fl->problem = problem;
	fl->reason = reason;
	return NEXT_ANSWER;
}

static enum next
hold(struct flight *fl, enum event_hold why, const char *reason)
{
	fl->in.hold = why;
	fl->reason = reason;
	return NEXT_STORE;
}

/* The front server refused the request itself and asks us to answer for it. */
static enum next
stage_front_error(struct flight *fl)
{
	const char *status;

	if (fl->rq->params_too_large)
		return refuse(fl, PROBLEM_TOKEN_TOO_LARGE,
		    "more parameters than are read");
	status = request_param(fl->rq, "LEADRELAY_STATUS");
	if (status == NULL || *status == '\0')
		return NEXT_STAGE;
	return refuse(fl, strcmp(status, "413") == 0 ? PROBLEM_BODY_TOO_LARGE :
	    PROBLEM_TOKEN_TOO_LARGE, "refused by the front server");
}

static enum next
stage_route(struct flight *fl)
{
	size_t len;
	const char *path = request_path(fl->rq, &len);
	char *copy;

	if (admin_names_page(path, len))
		return refuse(fl, PROBLEM_NOT_FOUND, "not for this front door");
	if ((copy = strndup(path, len)) == NULL)
		return refuse(fl, PROBLEM_UNAVAILABLE, "out of memory");
	fl->source = config_source_for(fl->snapshot->config, copy);
	free(copy);
	if (fl->source == NULL)
		return refuse(fl, PROBLEM_NOT_FOUND, NULL);
	return NEXT_STAGE;
}

static enum next
stage_method(struct flight *fl)
{
	const char *method = request_param(fl->rq, "REQUEST_METHOD");

	if (method == NULL || strcmp(method, "POST") != 0)
		return refuse(fl, PROBLEM_METHOD, NULL);
	return NEXT_STAGE;
}

/* A secret that the front server would hand out is none. */
static enum next
stage_served(struct flight *fl)
{
	const char *root = request_param(fl->rq, "DOCUMENT_ROOT");
	const char *setting;

	if (root == NULL || *root == '\0')
		return NEXT_STAGE;
	setting = served_setting(&fl->snapshot->served, fl->snapshot->config, root);
	if (setting == NULL)
		return NEXT_STAGE;
	fl->hint = "lies inside the request's DOCUMENT_ROOT: move it out";
	return refuse(fl, PROBLEM_CONFIGURATION, setting);
}

/* The length the client announced, if it is one. */
static bool
announced_length(const struct request *rq, uint64_t *len)
{
	const char *text = request_param(rq, "CONTENT_LENGTH");
	int64_t value;

	if (text == NULL || text_parse_int(text, 0, INT64_MAX, &value) == -1)
		return false;
	*len = (uint64_t)value;
	return true;
}

static enum next
stage_body_size(struct flight *fl)
{
	uint64_t announced = 0;

	(void)announced_length(fl->rq, &announced);
	if (announced < fl->rq->body_total)
		announced = fl->rq->body_total;
	fl->bytes = (size_t)announced;
	if (announced > fl->source->max_body)
		return refuse(fl, PROBLEM_BODY_TOO_LARGE, NULL);
	return NEXT_STAGE;
}

/*
 * Does a token look cut on its way?  Two front servers shorten or split what is
 * too long for them without a word, at these lengths of the header.
 */
static const char *
hint_for(const char *token, size_t token_len, size_t header_len)
{
	int dots = 0;

	for (size_t i = 0; i < token_len; i++)
		dots += token[i] == '.';
	if (dots < 2 || (header_len > 65474 - 16 && header_len < 65474 + 16))
		return "looks cut: is a header limit of the front server too low?";
	return NULL;
}

/* Read the payload; remember whose lead it is. */
static const char *
read_lead(struct flight *fl)
{
	const char *why = lead_read(fl->payload, fl->payload_len, &fl->lead);

	memcpy(fl->key, fl->lead.key, sizeof(fl->key));
	memcpy(fl->event, fl->lead.event, sizeof(fl->event));
	return why;
}

/* What a verdict means for the request. */
static enum next
judge(struct flight *fl, enum token_verdict verdict)
{
	static const enum problem problems[] = {
		[TOKEN_MISSING] = PROBLEM_TOKEN_MISSING,
		[TOKEN_MALFORMED] = PROBLEM_TOKEN_MALFORMED,
		[TOKEN_ALGORITHM] = PROBLEM_TOKEN_ALGORITHM,
		[TOKEN_SIGNATURE] = PROBLEM_TOKEN_SIGNATURE,
		[TOKEN_FAULT] = PROBLEM_UNAVAILABLE,
	};

	if (verdict == TOKEN_OK)
		return NEXT_STAGE;
	if (verdict != TOKEN_UNREADABLE)
		return refuse(fl, problems[verdict], fl->token.why);
	/* Signed so, but no object to our reader or libjwt's: kept as bytes. */
	(void)read_lead(fl);
	return hold(fl, EVENT_HOLD_UNREADABLE, fl->token.why);
}

static enum next
stage_token(struct flight *fl)
{
	struct buf joined = { 0 };
	const char *value, *text;
	enum token_verdict verdict;
	enum next next;
	size_t value_len, len;

	fl->bytes = 0;
	fl->probe.variable = request_authorization(fl->rq, &joined, &value,
	    &value_len);
	if (fl->probe.variable == NULL) {
		fl->hint = "no Authorization header arrived: does the front server pass it on?";
		next = refuse(fl, PROBLEM_TOKEN_MISSING, NULL);
		goto out;
	}
	fl->bytes = value_len;
	text = token_from_header(value, value_len, &len);
	fl->probe.token_len = len;
	if (len > fl->source->max_token) {
		next = refuse(fl, PROBLEM_TOKEN_TOO_LARGE, "over max_token");
		goto out;
	}
	verdict = token_verify(text, len, &fl->source->secrets, &fl->token);
	if (verdict == TOKEN_MALFORMED || verdict == TOKEN_SIGNATURE)
		fl->hint = hint_for(text, len, value_len);
	fl->payload = fl->token.payload;
	fl->payload_len = fl->token.payload_len;
	next = judge(fl, verdict);
out:
	buf_free(&joined);
	return next;
}

/* verify = none: the body is the payload, and must be said to be JSON. */
static enum next
stage_body(struct flight *fl)
{
	static const char json[] = "application/json";
	const struct request *rq = fl->rq;
	const char *type;
	uint64_t announced;

	type = request_param(rq, "CONTENT_TYPE");
	if (type == NULL || strncasecmp(type, json, sizeof(json) - 1) != 0)
		return refuse(fl, PROBLEM_CONTENT_TYPE, NULL);
	type += sizeof(json) - 1;
	type += strspn(type, " \t");
	if (*type != '\0' && *type != ';')
		return refuse(fl, PROBLEM_CONTENT_TYPE, NULL);
	if (rq->body_len != rq->body_total ||
	    (announced_length(rq, &announced) && announced != rq->body_total))
		return refuse(fl, PROBLEM_BODY_UNREADABLE,
		    "the body is not as long as announced");
	fl->payload = rq->body != NULL ? rq->body : "";
	fl->payload_len = rq->body_len;
	return NEXT_STAGE;
}

static enum next
stage_read(struct flight *fl)
{
	const char *why;

	fl->bytes = fl->payload_len;
	if ((why = read_lead(fl)) == NULL)
		return NEXT_STAGE;
	if (fl->source->verify == CONFIG_VERIFY_JWT)
		return hold(fl, EVENT_HOLD_UNREADABLE, why);
	return refuse(fl, PROBLEM_BODY_UNREADABLE, why);
}

/* A question by who holds the secret; before the claims, as it is about the clock too. */
static enum next
stage_probe(struct flight *fl)
{
	const struct lead_claim *iat = &fl->lead.iat;
	double age_ms = (double)fl->rq->arrived_ms - iat->seconds * 1000;

	if (!front_probe_read(&fl->lead, &fl->probe))
		return NEXT_STAGE;
	fl->probe.source = fl->source->name;
	fl->probe.fresh = iat->kind == LEAD_CLAIM_NUMBER &&
	    age_ms < TOKEN_LEEWAY_MS && age_ms > -TOKEN_LEEWAY_MS;
	return NEXT_PROBE;
}

/* The claims are part of what was signed. */
static enum next
stage_claims(struct flight *fl)
{
	const char *why = NULL;
	enum lead_time time = lead_check_time(&fl->lead, fl->rq->arrived_ms,
	    TOKEN_LEEWAY_MS, fl->source->max_age_ms, &why);

	if (time == LEAD_TIME_OK)
		return NEXT_STAGE;
	if (time == LEAD_TIME_MALFORMED)
		return refuse(fl, PROBLEM_TOKEN_MALFORMED, why);
	if (fl->source->stale == CONFIG_STALE_REFUSE)
		return refuse(fl, PROBLEM_TOKEN_STALE, why);
	return hold(fl, EVENT_HOLD_STALE, why);
}

static enum next
stage_rules(struct flight *fl)
{
	const struct config_source *source = fl->source;

	if (lead_check(&fl->lead, source->office_count != 0 ?
	    source->office_ids : NULL, source->office_count, &fl->errors) == 0)
		return NEXT_STORE;
	if (!buf_ok(&fl->errors))
		return refuse(fl, PROBLEM_UNAVAILABLE, "out of memory");
	fl->in.violations = fl->errors.data;
	if (source->invalid == CONFIG_INVALID_HOLD)
		return hold(fl, EVENT_HOLD_RULES, "breaks rules");
	fl->reason = "breaks rules, relayed nevertheless";
	return NEXT_STORE;
}

enum next
stages_run(struct flight *fl)
{
	static const struct {
		enum next (*run)(struct flight *fl);
		enum { ALL, SIGNED, UNSIGNED } requests;
	} stages[] = {
		{ stage_front_error, ALL }, { stage_route, ALL },
		{ stage_method, ALL }, { stage_served, ALL },
		{ stage_body_size, ALL }, { stage_token, SIGNED },
		{ stage_body, UNSIGNED }, { stage_read, ALL },
		{ stage_probe, SIGNED }, { stage_claims, SIGNED },
		{ stage_rules, ALL },
	};
	enum next next = NEXT_STAGE;

	if (fl->snapshot == NULL || fl->snapshot->config == NULL)
		return refuse(fl, PROBLEM_CONFIGURATION,
		    "the configuration cannot be loaded");
	for (size_t i = 0; next == NEXT_STAGE; i++)
		if (stages[i].requests == ALL || (stages[i].requests == SIGNED) ==
		    (fl->source->verify == CONFIG_VERIFY_JWT))
			next = stages[i].run(fl);
	return next;
}
