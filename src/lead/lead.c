/*
 * Strict scan first, json-c's tree after it: so that the tree holds nothing but what the
 * scanner let pass.
 */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "base/json.h"
#include "lead/check.h"
#include "lead/lead.h"
#include "lead/rules.h"

/*
 * The tree, for a text that json_scan let pass.  Not json-c's strict mode: there
 * is nothing left for it to refuse but large integers and blanks at the end.
 */
static struct json_object *
parse(const char *payload, size_t len)
{
	struct json_tokener *tok;
	struct json_object *root = NULL;

	/* json-c counts a scalar in the innermost container as a level. */
	tok = json_tokener_new_ex(JSON_MAX_DEPTH + 1);
	if (tok != NULL)
		root = json_tokener_parse_ex(tok, payload, (int)len);
	json_tokener_free(tok);
	return root;
}

static void
read_claim(struct json_object *root, const char *name, struct lead_claim *claim)
{
	struct json_object *value;

	if (!json_object_object_get_ex(root, name, &value))
		return;				/* zeroed: LEAD_CLAIM_ABSENT */
	claim->kind = LEAD_CLAIM_OTHER;
	if (json_object_is_type(value, json_type_int) ||
	    json_object_is_type(value, json_type_double)) {
		claim->kind = LEAD_CLAIM_NUMBER;
		claim->seconds = json_object_get_double(value);
	}
}

static void
read_event(struct lead *lead)
{
	struct json_object *event = json_object_object_get(lead->root, "event");

	if (json_object_is_type(event, json_type_string) &&
	    check_word(event, rules_events))
		snprintf(lead->event, sizeof(lead->event), "%s",
		    json_object_get_string(event));
}

static void
read_id(struct lead *lead)
{
	struct json_object *id = json_object_object_get(lead->data, "id");
	int64_t n;

	if ((!json_object_is_type(id, json_type_int) &&
	    !json_object_is_type(id, json_type_double)) || !check_integer(id, &n))
		return;
	lead->has_id = true;
	snprintf(lead->key, sizeof(lead->key), "%" PRId64, n);
}

/* The digest of data's bytes, and where data or its id is missing, of them all. */
static int
take_digests(const char *payload, size_t len, struct lead *lead)
{
	uint8_t whole[DIGEST_SIZE];
	char hex[DIGEST_HEX_SIZE];

	if (lead->data != NULL &&
	    digest_sha256(lead->data_text, lead->data_len, lead->data_digest) == -1)
		return -1;
	if (lead->has_id)
		return 0;
	if (digest_sha256(payload, len, whole) == -1)
		return -1;
	if (lead->data == NULL)
		memcpy(lead->data_digest, whole, sizeof(whole));
	snprintf(lead->key, sizeof(lead->key), "sha256:%s", digest_hex(whole, hex));
	return 0;
}

const char *
lead_read(const char *payload, size_t len, struct lead *lead)
{
	struct json_member data = { "data", NULL, 0 };
	struct json_object *value;
	const char *fault;
	size_t at;

	memset(lead, 0, sizeof(*lead));
	fault = len > INT_MAX ? "too large" : json_scan(payload, len, &data, 1, &at);
	if (fault == NULL && (lead->root = parse(payload, len)) == NULL)
		fault = "out of memory";
	if (fault == NULL) {
		value = json_object_object_get(lead->root, "data");
		if (json_object_is_type(value, json_type_object)) {
			lead->data = value;
			lead->data_text = data.value;
			lead->data_len = data.len;
		}
		read_event(lead);
		read_id(lead);
		read_claim(lead->root, "exp", &lead->exp);
		read_claim(lead->root, "nbf", &lead->nbf);
		read_claim(lead->root, "iat", &lead->iat);
		lead->has_jti = json_object_object_get(lead->root, "jti") != NULL;
	}
	if (take_digests(payload, len, lead) == -1 && fault == NULL)
		fault = "no digest can be made of it";
	return fault;
}

void
lead_free(struct lead *lead)
{
	json_object_put(lead->root);
	lead->root = lead->data = NULL;
}

enum lead_time
lead_check_time(const struct lead *lead, int64_t now_ms, int64_t leeway_ms,
    int64_t max_age_ms, const char **why)
{
	double now = (double)now_ms / 1000, leeway = (double)leeway_ms / 1000;

	if (lead->exp.kind == LEAD_CLAIM_OTHER || lead->nbf.kind == LEAD_CLAIM_OTHER) {
		*why = "exp or nbf is no number";
		return LEAD_TIME_MALFORMED;
	}
	if (lead->exp.kind == LEAD_CLAIM_NUMBER && now >= lead->exp.seconds + leeway)
		*why = "expired";
	else if (lead->nbf.kind == LEAD_CLAIM_NUMBER && now < lead->nbf.seconds - leeway)
		*why = "not yet valid";
	else if (max_age_ms < 0 || lead->iat.kind == LEAD_CLAIM_ABSENT)
		return LEAD_TIME_OK;
	else if (lead->iat.kind == LEAD_CLAIM_OTHER)
		*why = "iat is no number, so its age is unknown";
	else if (now - lead->iat.seconds > (double)max_age_ms / 1000 + leeway)
		*why = "too old";
	else
		return LEAD_TIME_OK;
	return LEAD_TIME_STALE;
}
