#include "config.h"

#include "relay/outgoing.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/config.h"
#include "config/secret.h"
#include "lead/json.h"
#include "outbox/event.h"
#include "relay/credentials.h"

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

static int
make_body(struct outgoing *og, const struct config_destination *config,
    const struct delivery_claim *claim, struct buf *why)
{
	struct json_member data = { .name = "data" };
	const char *fault;
	size_t at;

	og->body = claim->payload;
	og->body_len = claim->payload_len;
	if (config->body == CONFIG_BODY_PAYLOAD)
		return 0;
	fault = json_scan(claim->payload, claim->payload_len, &data, 1, &at);
	if (fault != NULL || data.value == NULL) {
		buf_printf(why, "body = data: %s",
		    fault != NULL ? fault : "the payload has no member \"data\"");
		return -1;
	}
	og->body = data.value;
	og->body_len = data.len;
	return 0;
}

/* The end of a line, and its NUL. */
static void
end_line(struct buf *text, const char *str)
{
	buf_add(text, str, strlen(str) + 1);
}

/*
 * Write the lines of our own and of the credentials behind each other, each with
 * its NUL, and return how many there are.  Credentials are copied because their
 * files may be read again while the request is under way.
 */
static size_t
write_lines(struct buf *text, const struct config_destination *config,
    const struct credentials *credentials, const struct delivery_claim *claim)
{
	size_t i, n = 3, secret = credentials_header_count(credentials);

	buf_puts(text, "Idempotency-Key: \"");
	buf_puts(text, claim->id);
	buf_putc(text, '.');
	buf_puts(text, config->name);
	buf_putc(text, '.');
	buf_int(text, claim->key_number);
	end_line(text, "\"");
	buf_puts(text, "X-Leadrelay-Id: ");
	end_line(text, claim->id);
	buf_puts(text, "X-Leadrelay-Sequence: ");
	buf_int(text, claim->sequence);
	end_line(text, "");
	if (claim->name[0] != '\0' && plain(claim->name)) {
		buf_puts(text, "X-Leadrelay-Event: ");
		end_line(text, claim->name);
		n++;
	}
	if (!configured(config, "Content-Type:")) {
		buf_puts(text, "Content-Type: ");
		end_line(text, config->content_type != NULL ?
		    config->content_type : "application/json");
		n++;
	}
	if (!configured(config, "User-Agent:")) {
		end_line(text, "User-Agent: leadrelay/" PACKAGE_VERSION);
		n++;
	}
	for (i = 0; i < secret; i++)
		end_line(text, credentials_header(credentials, i));
	return n + secret;
}

static bool
reserve_headers(struct outgoing *og, size_t count)
{
	const char **headers;

	if (count <= og->header_cap)
		return true;
	if ((headers = realloc(og->headers, count * sizeof(*headers))) == NULL)
		return false;
	og->headers = headers;
	og->header_cap = count;
	return true;
}

int
outgoing_build(struct outgoing *og, const struct config_destination *config,
    const struct credentials *credentials, const struct delivery_claim *claim,
    struct buf *why)
{
	size_t i, count;
	const char *line;

	og->method = config->method != NULL ? config->method : "POST";
	og->url = credentials_url(credentials);
	og->header_count = 0;
	if (make_body(og, config, claim, why) == -1)
		return -1;

	buf_reset(&og->text);
	count = write_lines(&og->text, config, credentials, claim);
	if (!buf_ok(&og->text) || !reserve_headers(og, count + config->header_count)) {
		buf_puts(why, "out of memory");
		return -1;
	}
	for (line = og->text.data; count != 0; count--, line += strlen(line) + 1)
		og->headers[og->header_count++] = line;
	for (i = 0; i < config->header_count; i++)
		og->headers[og->header_count++] = config->headers[i];
	return 0;
}

void
outgoing_free(struct outgoing *og)
{
	free(og->headers);
	og->headers = NULL;
	og->header_count = og->header_cap = 0;
	secret_wipe(&og->text);
}
