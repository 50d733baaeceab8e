/*
 * lead: reads a payload and judges it by LeadPro's field rules.
 *
 * lead_read and lead_check are separate because a stale token is answered
 * before the rules are asked.  Pure functions of their arguments: any thread.
 */
#ifndef LEADRELAY_LEAD_LEAD_H
#define LEADRELAY_LEAD_LEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/digest.h"

struct json_object;

/* A registered time claim (RFC 7519 section 4.1) as the payload carries it. */
enum lead_claim_kind { LEAD_CLAIM_ABSENT, LEAD_CLAIM_NUMBER, LEAD_CLAIM_OTHER };
struct lead_claim {
	enum lead_claim_kind kind;
	double seconds;			/* since 1970; LEAD_CLAIM_NUMBER only */
};

#define LEAD_KEY_SIZE 80		/* "12345", or "sha256:" and 64 digits */
#define LEAD_EVENT_SIZE 32

struct lead {
	struct json_object *root;	/* owned */
	struct json_object *data;	/* borrowed from root; NULL when absent or no object */
	const char *data_text;		/* data's bytes inside the payload, or NULL */
	size_t data_len;
	uint8_t data_digest[DIGEST_SIZE]; /* of data's bytes; of the whole payload without data */
	char event[LEAD_EVENT_SIZE];	/* "lead.created", "lead.updated"; else "" */
	char key[LEAD_KEY_SIZE];	/* id in canonical decimal, or digest of the payload */
	bool has_id;			/* key is data's id; else a digest */
	bool has_jti;			/* on its own */
	struct lead_claim exp, nbf, iat;
};

/*
 * Read ${len} bytes of payload, which must outlive ${lead}.  Returns NULL, or a
 * constant phrase saying why it cannot be read as an object in strict JSON
 * (lead->key and data_digest are then the payload's digest, the rest is empty).
 * lead_free in either case.
 */
const char *lead_read(const char *payload, size_t len, struct lead *lead);
void lead_free(struct lead *lead);

/* How the payload's claims stand at ${now_ms}. */
enum lead_time { LEAD_TIME_OK, LEAD_TIME_STALE, LEAD_TIME_MALFORMED };
enum lead_time lead_check_time(const struct lead *lead, int64_t now_ms,
    int64_t leeway_ms, int64_t max_age_ms /* -1: none */, const char **why);

/*
 * Judge the lead by every rule.  Appends to ${errors} a JSON array of objects
 * {"pointer":"#/data/email","rule":"email","detail":"…"} (pointers: RFC 6901
 * section 6, percent-encoded), in table order, and returns how many; 0 leaves
 * "[]".  A detail never quotes the lead's own values.  ${offices} is the
 * list of valid office ids, or NULL for any.
 */
size_t lead_check(const struct lead *lead, const int64_t *offices,
    size_t office_count, struct buf *errors);

/* The rule table as JSON Schema 2020-12, ending in a newline. */
void lead_schema(struct buf *out);

/* LeadPro's documented sample with ${id} for its id: a payload, compact JSON. */
void lead_sample(int64_t id, struct buf *out);

#endif
