/*
 * The body first, since the digest, the key's number and the signature need it; then the
 * URL; then the header lines, ours and the credentials' in one buffer.
 */
#include "config.h"

#include "http/request.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/digest.h"
#include "base/json.h"
#include "base/secret.h"
#include "base/sign.h"
#include "base/uuid5.h"
#include "config/config.h"
#include "http/credentials.h"
#include "http/form.h"
#include "outbox/event.h"

/* Does the configuration set the header ${name} ("User-Agent:") itself? */
static bool
configured(const struct config_destination *config, const char *name)
{
	size_t i, len = strlen(name);

	for (i = 0; i < config->header_count; i++)
		if (strncasecmp(config->headers[i], name, len) == 0)
			return true;
	return false;
}

/* A value that can stand in a header line. */
static bool
plain(const char *value)
{
	for (; *value != '\0'; value++)
		if (*value < 0x20 || *value == 0x7f)
			return false;
	return true;
}

/* The body before it is put into its format: JSON text. */
static int
choose_body(struct http_request *rq, const struct http_request_source *from,
    struct buf *why)
{
	const struct delivery_claim *claim = from->claim;
	struct json_member data = { .name = "data" };
	const char *fault;
	size_t at;

	rq->body = claim->payload;
	rq->body_len = claim->payload_len;
	if (from->config->body == CONFIG_BODY_TRANSFORM) {
		rq->body = from->transformed;
		rq->body_len = from->transformed_len;
		return 0;
	}
	if (from->config->body == CONFIG_BODY_PAYLOAD &&
	    from->config->format == CONFIG_FORMAT_JSON)
		return 0;
	fault = json_scan(claim->payload, claim->payload_len, &data, 1, &at);
	if (fault == NULL && from->config->body == CONFIG_BODY_PAYLOAD)
		return 0;
	if (fault != NULL || data.value == NULL) {
		buf_printf(why, "body: %s",
		    fault != NULL ? fault : "the payload has no member \"data\"");
		return -1;
	}
	rq->body = data.value;
	rq->body_len = data.len;
	return 0;
}

static int
make_body(struct http_request *rq, const struct http_request_source *from, struct buf *why)
{
	const struct delivery_claim *claim = from->claim;
	uint8_t digest[DIGEST_SIZE];
	const char *fault;

	if (choose_body(rq, from, why) == -1)
		return -1;
	if (from->config->format == CONFIG_FORMAT_FORM) {
		buf_reset(&rq->form);
		buf_puts(&rq->form, "");
		fault = form_encode(rq->body, rq->body_len, &rq->form);
		if (fault != NULL || !buf_ok(&rq->form)) {
			buf_printf(why, "format = form: %s",
			    fault != NULL ? fault : "out of memory");
			return -1;
		}
		rq->body = rq->form.data;
		rq->body_len = rq->form.len;
	}
	if (digest_sha256(rq->body, rq->body_len, digest) == -1) {
		buf_puts(why, "no digest of the body can be made");
		return -1;
	}
	/* Eight bytes tell one body of a delivery from another. */
	memcpy(&rq->digest, digest, sizeof(rq->digest));
	if (rq->digest == 0)
		rq->digest = 1;
	rq->key_number = claim->key_number;
	if (claim->retried && claim->body != 0 && claim->body != rq->digest)
		rq->key_number++;
	return 0;
}

/* Append ${str} with everything but RFC 3986's unreserved characters encoded. */
static void
add_encoded(struct buf *out, const char *str)
{
	buf_percent(out, str, strlen(str), "-._~");
}

static void
add_lead_uuid(struct buf *out, const struct delivery_claim *claim)
{
	struct buf name = { 0 };
	char uuid[UUID5_SIZE];

	/* No source has a slash in its name. */
	buf_printf(&name, "%s/%s", claim->source, claim->lead);
	if (buf_ok(&name) &&
	    uuid5_make(uuid5_leadrelay, name.data, name.len, uuid) == 0)
		buf_puts(out, uuid);
	else
		out->oom = true;
	buf_free(&name);
}

/* Fill the placeholders in; the configuration has seen that there are no other braces. */
static int
make_url(struct http_request *rq, const struct http_request_source *from, struct buf *why)
{
	static const char *const names[] = { "{id}", "{lead_id}", "{lead_uuid}" };
	const char *at = credentials_url(from->credentials);
	const struct delivery_claim *claim = from->claim;
	size_t i;

	rq->url = at;
	if (strchr(at, '{') == NULL)
		return 0;
	buf_reset(&rq->place);
	for (; *at != '\0'; at += i < 3 ? strlen(names[i]) : 1) {
		for (i = 0; i < 3; i++)
			if (strncmp(at, names[i], strlen(names[i])) == 0)
				break;
		if (i == 0)
			add_encoded(&rq->place, claim->id);
		else if (i == 1)
			add_encoded(&rq->place, claim->lead);
		else if (i == 2)
			add_lead_uuid(&rq->place, claim);
		else
			buf_putc(&rq->place, *at);
	}
	if (!buf_ok(&rq->place)) {
		buf_puts(why, "out of memory");
		return -1;
	}
	rq->url = rq->place.data;
	return 0;
}

/* The end of a line, and its NUL. */
static void
end_line(struct buf *text, const char *str)
{
	buf_add(text, str, strlen(str) + 1);
}

/* Standard Webhooks.  Another idempotency key is another message. */
static size_t
write_signature(struct http_request *rq, const struct http_request_source *from)
{
	struct buf *text = &rq->text;
	char id[UUID7_SIZE + 16];
	int64_t now_s = from->now_ms / 1000;

	if (from->signing == NULL || from->signing->count == 0)
		return 0;
	if (rq->key_number <= 1)
		(void)snprintf(id, sizeof(id), "%s", from->claim->id);
	else
		(void)snprintf(id, sizeof(id), "%s-%d", from->claim->id,
		    rq->key_number);
	buf_puts(text, "webhook-id: ");
	end_line(text, id);
	buf_puts(text, "webhook-timestamp: ");
	buf_int(text, now_s);
	end_line(text, "");
	buf_puts(text, "webhook-signature: ");
	if (sign_message(from->signing, id, now_s, rq->body, rq->body_len,
	    text) == -1)
		text->oom = true;
	end_line(text, "");
	return 3;
}

static const char *
content_type(const struct config_destination *config)
{
	if (config->content_type != NULL)
		return config->content_type;
	return config->format == CONFIG_FORMAT_FORM ?
	    "application/x-www-form-urlencoded" : "application/json";
}

/*
 * Write the lines of our own and of the credentials behind each other, each with
 * its NUL, and return how many there are.  Credentials are copied because their
 * files may be read again while the request is under way.
 */
static size_t
write_lines(struct http_request *rq, const struct http_request_source *from)
{
	const struct config_destination *config = from->config;
	const struct delivery_claim *claim = from->claim;
	struct buf *text = &rq->text;
	size_t i, n = 4, secret = credentials_header_count(from->credentials);

	buf_puts(text, "Idempotency-Key: \"");
	buf_puts(text, claim->id);
	buf_putc(text, '.');
	buf_puts(text, config->name);
	buf_putc(text, '.');
	buf_int(text, rq->key_number);
	end_line(text, "\"");
	buf_puts(text, "X-Leadrelay-Id: ");
	end_line(text, claim->id);
	buf_puts(text, "X-Leadrelay-Sequence: ");
	buf_int(text, claim->sequence);
	end_line(text, "");
	/* One held for its event's name, or unreadable, and released has none. */
	buf_puts(text, "X-Leadrelay-Event: ");
	end_line(text, claim->name[0] != '\0' && plain(claim->name) ?
	    claim->name : "unknown");
	if (!configured(config, "Content-Type:")) {
		buf_puts(text, "Content-Type: ");
		end_line(text, content_type(config));
		n++;
	}
	if (!configured(config, "User-Agent:")) {
		end_line(text, "User-Agent: leadrelay/" PACKAGE_VERSION);
		n++;
	}
	n += write_signature(rq, from);
	rq->secret_first = n;
	rq->secret_count = secret;
	for (i = 0; i < secret; i++)
		end_line(text, credentials_header(from->credentials, i));
	return n + secret;
}

static bool
reserve_headers(struct http_request *rq, size_t count)
{
	const char **headers;

	if (count <= rq->header_cap)
		return true;
	if ((headers = realloc(rq->headers, count * sizeof(*headers))) == NULL)
		return false;
	rq->headers = headers;
	rq->header_cap = count;
	return true;
}

int
http_request_build(struct http_request *rq, const struct http_request_source *from,
    struct buf *why)
{
	const struct config_destination *config = from->config;
	size_t i, count;
	const char *line;

	rq->method = config->method != NULL ? config->method : "POST";
	rq->header_count = 0;
	if (make_body(rq, from, why) == -1 || make_url(rq, from, why) == -1)
		return -1;

	buf_reset(&rq->text);
	count = write_lines(rq, from);
	if (!buf_ok(&rq->text) || !reserve_headers(rq, count + config->header_count)) {
		buf_puts(why, "out of memory");
		return -1;
	}
	for (line = rq->text.data; count != 0; count--, line += strlen(line) + 1)
		rq->headers[rq->header_count++] = line;
	for (i = 0; i < config->header_count; i++)
		rq->headers[rq->header_count++] = config->headers[i];
	return 0;
}

void
http_request_free(struct http_request *rq)
{
	free(rq->headers);
	rq->headers = NULL;
	rq->header_count = rq->header_cap = 0;
	secret_wipe(&rq->text);
	secret_wipe(&rq->place);
	buf_free(&rq->form);
}
