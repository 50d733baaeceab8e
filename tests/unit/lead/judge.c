/*
 * judge: what the lead rules say, for tests in other languages.
 *
 * "judge" reads payloads from stdin, one a line, and prints for each its errors
 * as a JSON array, or {"unreadable":"why"}.  "judge --schema" prints the schema,
 * "judge --sample ID" the sample; "judge --bench" times the sample.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lead/lead.h"

static void
judge(const char *payload, size_t len, struct buf *out)
{
	struct lead lead;
	const char *why;

	buf_reset(out);
	why = lead_read(payload, len, &lead);
	if (why == NULL)
		(void)lead_check(&lead, NULL, 0, out);
	else
		buf_printf(out, "{\"unreadable\":\"%s\"}", why);
	lead_free(&lead);
}

static void
bench(struct buf *out)
{
	struct buf payload = { 0 };
	struct timespec from, to;
	const int rounds = 100000;
	int i;

	lead_sample(1, &payload);
	/* As large as the leads of tests/bench. */
	payload.len -= 2;
	buf_puts(&payload, ",\"host\":\"");
	for (i = 0; i < 800; i++)
		buf_putc(&payload, 'x');
	buf_puts(&payload, "\"}}");
	clock_gettime(CLOCK_MONOTONIC, &from);
	for (i = 0; i < rounds; i++)
		judge(payload.data, payload.len, out);
	clock_gettime(CLOCK_MONOTONIC, &to);
	fprintf(stderr, "%zu bytes: %.2f us to read and check\n", payload.len,
	    ((double)(to.tv_sec - from.tv_sec) * 1e9 +
	    (double)(to.tv_nsec - from.tv_nsec)) / 1e3 / rounds);
	buf_free(&payload);
}

int
main(int argc, char **argv)
{
	struct buf out = { 0 };
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;

	if (argc == 2 && strcmp(argv[1], "--schema") == 0) {
		lead_schema(&out);
		printf("%s", out.data);
	} else if (argc == 3 && strcmp(argv[1], "--sample") == 0) {
		lead_sample(strtoll(argv[2], NULL, 10), &out);
		printf("%s\n", out.data);
	} else if (argc == 2 && strcmp(argv[1], "--bench") == 0) {
		bench(&out);
	} else while ((len = getline(&line, &cap, stdin)) > 0) {
		if (line[len - 1] == '\n')
			len--;
		judge(line, (size_t)len, &out);
		printf("%s\n", out.data);
	}
	free(line);
	buf_free(&out);
	return 0;
}
