/*
 * fuzz_lead: any payload is read and judged, and the answer is strict JSON of
 * bounded size with as many entries as were counted.
 *
 * Built and run by tests/run fuzz.
 *
 * With -DREPLAY and any compiler: judges the files named as arguments.
 */
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "base/json.h"
#include "lead/lead.h"
#include "replay.h"

#define MAX_ANSWER (4 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void
judge(const struct lead *lead)
{
	static const int64_t offices[] = { 1, 5, 9007199254740991 };
	struct buf answer = { 0 };
	struct json_object *list;
	const char *why;
	size_t count, at;

	(void)lead_check_time(lead, 1700000000000, 60000, 300000, &why);
	buf_puts(&answer, "{\"errors\":");
	count = lead_check(lead, offices, 3, &answer);
	buf_putc(&answer, '}');
	if (!buf_ok(&answer) || answer.len > MAX_ANSWER ||
	    json_scan(answer.data, answer.len, NULL, 0, &at) != NULL)
		abort();
	list = json_tokener_parse(answer.data);
	if (json_object_array_length(json_object_object_get(list, "errors")) != count)
		abort();
	json_object_put(list);
	buf_free(&answer);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct lead lead;
	char *payload;

	if ((payload = malloc(len + (len == 0))) == NULL)
		return 0;
	memcpy(payload, bytes, len);
	if (lead_read(payload, len, &lead) == NULL)
		judge(&lead);
	if (lead.key[0] == '\0' || (lead.has_id && strlen(lead.key) > 17))
		abort();
	lead_free(&lead);
	free(payload);
	return 0;
}
