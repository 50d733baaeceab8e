/* An answer may be anything: what is not of the type expected is not there. */
#include "cli/reply.h"

#include <string.h>

#include <json-c/json.h>

#include "cli/print.h"

#define PROBLEM "urn:leadrelay:problem:"	/* what our problems' types begin with */

const char *
reply_string(struct json_object *object, const char *name)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, name, &value) ||
	    !json_object_is_type(value, json_type_string))
		return NULL;
	return json_object_get_string(value);
}

const char *
reply_word(struct json_object *object)
{
	static const char *const yes[] = { "accepted", "duplicate", "probe" };
	const char *word = reply_string(object, "status");

	for (size_t i = 0; word != NULL && i < sizeof(yes) / sizeof(yes[0]); i++)
		if (strcmp(word, yes[i]) == 0)
			return word;
	word = reply_string(object, "type");
	return word != NULL &&
	    strncmp(word, PROBLEM, sizeof(PROBLEM) - 1) == 0 ?
	    word + sizeof(PROBLEM) - 1 : NULL;
}

void
reply_errors(struct buf *out, struct json_object *errors, const char *indent,
    const char *gap)
{
	static const char *const names[] = { "pointer", "detail" };
	size_t count = json_object_is_type(errors, json_type_array) ?
	    json_object_array_length(errors) : 0;

	for (size_t i = 0; i < count; i++) {
		struct json_object *one = json_object_array_get_idx(errors, i);

		for (int j = 0; j < 2; j++) {
			const char *text = reply_string(one, names[j]);

			buf_puts(out, j == 0 ? indent : gap);
			print_string(out, text != NULL ? text : "-");
		}
		buf_putc(out, '\n');
	}
}
