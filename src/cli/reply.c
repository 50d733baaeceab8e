#include "cli/reply.h"

#include <string.h>

#include <json-c/json.h>

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
