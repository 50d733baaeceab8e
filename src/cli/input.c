/* A byte more than is taken is read, to know that there is more. */
#include "cli/input.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/exits.h"
#include "cli/print.h"

int
input_read(const char *path, struct buf *payload)
{
	FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
	int status = EXIT_DONE, error;

	if (file == NULL)
		return print_fail(EXIT_NOINPUT, "%s: %s", path, strerror(errno));
	if (buf_reserve(payload, INPUT_MAX + 1)) {
		payload->len = fread(payload->data, 1, INPUT_MAX + 1, file);
		payload->data[payload->len] = '\0';
	}
	error = ferror(file) ? errno : buf_ok(payload) ? 0 : ENOMEM;
	if (error != 0 || payload->len == 0 || payload->len > INPUT_MAX)
		status = print_fail(EXIT_NOINPUT, "%s: %s", path, error != 0 ?
		    strerror(error) : payload->len == 0 ? "empty" :
		    "larger than 1 MB");
	if (file != stdin)
		fclose(file);
	return status;
}
