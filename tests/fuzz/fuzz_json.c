/*
 * fuzz_json: whatever json_scan takes, json-c takes, and reads the same members.
 *
 * Built and run by tests/run fuzz.
 *
 * With -DREPLAY and any compiler: judges the files named as arguments.
 */
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "lead/compact.h"
#include "base/json.h"
#include "replay.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct json_member data = { "data", NULL, 0 };
	struct json_object *root, *value;
	struct json_tokener *tok;
	const char *fault;
	char *text;
	size_t at = 0;

	/* A copy, so that reading past its end is seen. */
	if ((text = malloc(len + (len == 0))) == NULL)
		return 0;
	memcpy(text, bytes, len);
	fault = json_scan(text, len, &data, 1, &at);
	if (fault != NULL) {
		if (at > len || data.value != NULL)
			abort();
		free(text);
		return 0;
	}
	tok = json_tokener_new_ex(JSON_MAX_DEPTH + 1);
	root = json_tokener_parse_ex(tok, text, (int)len);
	if (root == NULL)
		abort();
	if (json_object_object_get_ex(root, "data", &value) != (data.value != NULL))
		abort();
	/* Printed again and scanned again it is still one; its size is counted in bounds. */
	if (data.value != NULL &&
	    compact_size(data.value, data.len, SIZE_MAX - 64) == 0)
		abort();
	json_object_put(root);
	json_tokener_free(tok);
	free(text);
	return 0;
}
