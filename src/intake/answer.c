/*
 * Status, headers and body, put together once, whoever writes them out.
 */
#include "intake/answer.h"

#include <stddef.h>

/* The words behind the statuses we use (RFC 9110, RFC 6585). */
static const char *
answer_words(int status)
{
	static const struct {
		int status;
		const char *words;
	} table[] = {
		{ 200, "OK" },
		{ 202, "Accepted" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 413, "Content Too Large" },
		{ 415, "Unsupported Media Type" },
		{ 422, "Unprocessable Content" },
		{ 431, "Request Header Fields Too Large" },
		{ 503, "Service Unavailable" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].status == status)
			return table[i].words;
	return "Unknown";
}

void
answer_begin(struct answer *answer, int status, const char *content_type)
{
	*answer = (struct answer){ .status = status, .content_type = content_type,
	    .body = answer->body };
	buf_reset(&answer->body);
}

void
answer_print(const struct answer *answer, bool head, struct buf *out)
{
	buf_printf(out, "Status: %d %s\r\nContent-Type: %s\r\n"
	    "Content-Length: %zu\r\nCache-Control: no-store\r\n",
	    answer->status, answer_words(answer->status), answer->content_type,
	    answer->body.len);
	if (answer->allow != NULL)
		buf_printf(out, "Allow: %s\r\n", answer->allow);
	if (answer->challenge != NULL)
		buf_printf(out, "WWW-Authenticate: %s\r\n", answer->challenge);
	if (answer->retry_after_s > 0)
		buf_printf(out, "Retry-After: %d\r\n", answer->retry_after_s);
	buf_puts(out, "\r\n");
	if (!head)
		buf_add(out, answer->body.data, answer->body.len);
}
