#include "cli/reply.h"

#include <string.h>

#include <json-c/json.h>

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
	const char *word = reply_string(object, "status"), *tail;

	if (word != NULL || (word = reply_string(object, "type")) == NULL)
		return word;
	tail = strpbrk(word, "/:#") != NULL ? word + strlen(word) : word;
	while (tail > word && strchr("/:#", tail[-1]) == NULL)
		tail--;
	return tail;
}
