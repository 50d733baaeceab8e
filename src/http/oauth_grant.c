/*
 * Text only: the form that asks, and the JSON that answers.
 */
#include "http/oauth_grant.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <string.h>

#include "base/secret.h"
#include "config/config.h"
#include "http/form.h"

#define LIFETIME_MAX_S (INT64_C(366) * 86400)
#define MARGIN_MAX_MS 60000		/* a token is let go so long before it runs out */
#define ERROR_CODE_MAX 40

void
oauth_grant_form(const struct config_destination *config, const char *secret,
    const char *refresh, struct buf *out)
{
	form_add(out, "grant_type",
	    refresh != NULL ? "refresh_token" : "client_credentials");
	form_add(out, "refresh_token", refresh);
	form_add(out, "client_id", config->oauth_client_id);
	form_add(out, "client_secret", secret);
	form_add(out, "scope", config->oauth_scope);
}

/* A credential as RFC 6749 appendix A has it: visible ASCII, of sane length. */
static bool
is_credential(const char *str, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (str[i] < 0x20 || str[i] > 0x7e)
			return false;
	return len != 0 && len <= SECRET_ONE_MAX;
}

/* Copy the member ${name}.  1 done, 0 not there, -1 no credential. */
static int
take_credential(struct json_object *object, const char *name, struct buf *out)
{
	struct json_object *member;
	const char *str;
	size_t len;

	if (!json_object_object_get_ex(object, name, &member) || member == NULL)
		return 0;
	if (!json_object_is_type(member, json_type_string))
		return -1;
	str = json_object_get_string(member);
	len = (size_t)json_object_get_string_len(member);
	if (!is_credential(str, len))
		return -1;
	buf_add(out, str, len);
	return 1;
}

/* In seconds; some providers write the number as a string. */
static int64_t
take_lifetime(struct json_object *object)
{
	struct json_object *member;
	int64_t s, ms, margin;

	if (!json_object_object_get_ex(object, "expires_in", &member))
		return 0;
	s = json_object_get_int64(member);
	if (s <= 0)
		return 0;
	ms = (s < LIFETIME_MAX_S ? s : LIFETIME_MAX_S) * 1000;
	margin = ms / 10;
	return ms - (margin < MARGIN_MAX_MS ? margin : MARGIN_MAX_MS);
}

/* The error code of section 5.2, if it looks like one. */
static void
add_error_code(struct json_object *object, struct buf *why)
{
	struct json_object *member;
	const char *code;
	size_t len;

	if (!json_object_object_get_ex(object, "error", &member) ||
	    !json_object_is_type(member, json_type_string))
		return;
	code = json_object_get_string(member);
	len = strspn(code, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_");
	if (len != 0 && len <= ERROR_CODE_MAX && code[len] == '\0')
		buf_printf(why, " (%s)", code);
}

/* The answer as an object, or NULL; the caller releases it. */
static struct json_object *
parse(const char *answer, size_t len)
{
	struct json_tokener *tokener;
	struct json_object *object = NULL;

	if (len == 0 || len > OAUTH_GRANT_ANSWER_MAX || (tokener = json_tokener_new()) == NULL)
		return NULL;
	object = json_tokener_parse_ex(tokener, answer, (int)len);
	json_tokener_free(tokener);
	if (object == NULL || json_object_is_type(object, json_type_object))
		return object;
	json_object_put(object);
	return NULL;
}

int
oauth_grant_read(int status, const char *answer, size_t len, struct oauth_grant *grant,
    struct buf *why)
{
	struct json_object *object = parse(answer, len);
	int rc = -1;

	*grant = (struct oauth_grant){ 0 };
	if (status < 200 || status > 299) {
		buf_printf(why, "status %d", status);
		if (object != NULL)
			add_error_code(object, why);
	} else if (object == NULL) {
		buf_puts(why, "its answer is no JSON object");
	} else if (take_credential(object, "access_token", &grant->access) != 1) {
		/* Some say no with status 200. */
		buf_puts(why, "its answer has no usable access_token");
		add_error_code(object, why);
	} else if (take_credential(object, "refresh_token", &grant->refresh) == -1) {
		buf_puts(why, "its answer has an unusable refresh_token");
	} else {
		grant->lifetime_ms = take_lifetime(object);
		rc = 0;
	}
	if (!buf_ok(&grant->access) || !buf_ok(&grant->refresh)) {
		buf_puts(why, "out of memory");
		rc = -1;
	}
	json_object_put(object);
	return rc;
}

void
oauth_grant_free(struct oauth_grant *grant)
{
	secret_wipe(&grant->access);
	secret_wipe(&grant->refresh);
}
