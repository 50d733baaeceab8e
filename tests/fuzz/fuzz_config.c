/*
 * Fuzzing of what reads a configuration's text before and after libConfuse: the
 * scan, the conversion of each key's values, and URLs.  libConfuse itself reads
 * files that only the operator writes.
 *
 * Built and run by tests/run fuzz.
 *
 * With -DREPLAY and any compiler: judges the files named as arguments.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/keys.h"
#include "config/scan.h"
#include "config/url.h"
#include "config/value.h"
#include "replay.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* Whatever a struct of settings may be. */
union section_struct {
	struct config config;
	struct config_source source;
	struct config_store store;
	struct config_worker worker;
	struct config_destination destination;
};

static void
fail(const char *what, const char *one, const char *two)
{
	fprintf(stderr, "%s\n%s\n%s\n", what, one, two);
	abort();
}

/* A value that is taken is printed so that it is taken again and prints the same. */
static void
fuzz_value(const struct key *key, const char *text)
{
	union section_struct base;
	struct buf why = { 0 }, shown = { 0 };
	const char *texts[] = { text, "1" };

	for (size_t count = 1; count <= 2; count++) {
		memset(&base, 0, sizeof(base));
		if (value_set(key, &base, texts, count, "/folder", &why) == 0) {
			value_print(key, &base, &shown);
			value_free(key, &base);
		} else if (why.len == 0)
			fail("refused without a word", key->name, text);
		buf_reset(&why);
	}
	/* Numbers print as the very text that is read; strings gain quotes. */
	if (key->type == KEY_DURATION || key->type == KEY_SIZE ||
	    key->type == KEY_INT || key->type == KEY_CHOICE) {
		struct buf again = { 0 };
		const char *printed = shown.data;

		memset(&base, 0, sizeof(base));
		if (printed != NULL) {
			if (value_set(key, &base, &printed, 1, "/", &why) == -1)
				fail("does not read back", text, printed);
			value_print(key, &base, &again);
			if (strcmp(printed, again.data) != 0)
				fail("prints otherwise", printed, again.data);
		}
		buf_free(&again);
	}
	buf_free(&why);
	buf_free(&shown);
}

static void
fuzz_scan(const char *text, size_t len)
{
	struct config_fault fault = { 0 };
	struct fault_place at = { .fault = &fault, .file = "x" };
	struct buf out = { 0 };
	char *copy = strdup(text);

	if (copy != NULL)
		scan_text(copy, len, at, &out);
	free(copy);
	buf_free(&out);
	buf_free(&fault.text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	char *text = malloc(len + 1);
	struct buf shown = { 0 };
	struct url url;

	if (text == NULL)
		return 0;
	memcpy(text, bytes, len);
	text[len] = '\0';
	fuzz_scan(text, strlen(text));
	for (size_t i = 0; i < keys_count; i++)
		fuzz_value(&keys_table[i], text);
	if (url_split(text, &url))
		(void)url_is_loopback(&url);
	config_mask_url(text, &shown);
	buf_free(&shown);
	free(text);
	return 0;
}
