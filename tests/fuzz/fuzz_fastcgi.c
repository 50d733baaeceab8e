/*
 * fuzz_fastcgi: the FastCGI reader under arbitrary bytes in arbitrary pieces.
 *
 * Built and run by tests/run fuzz.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "intake/fastcgi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A whole request must have a list of sound strings. */
static void
look_at(const struct fastcgi *f)
{
	size_t i;

	for (i = 0; f->params[i] != NULL; i++)
		if (strchr(f->params[i], '=') == NULL || f->params[i][0] == '=')
			abort();
	if (f->body.len > f->body_keep || f->body.len > f->body_total)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum fastcgi_step step = FASTCGI_MORE;
	struct fastcgi f;
	struct buf out = { 0 };
	size_t at, n, used, piece;

	if (size == 0)
		return 0;
	piece = (size_t)data[0] + 1;
	fastcgi_init(&f, 64);
	for (at = 1; at < size && step != FASTCGI_CLOSE; at += used) {
		n = size - at < piece ? size - at : piece;
		step = fastcgi_feed(&f, data + at, n, &used);
		if (step == FASTCGI_MORE && used != n)
			abort();
		if (step == FASTCGI_REQUEST) {
			look_at(&f);
			fastcgi_answer(&f, "x", 1, &out);
			fastcgi_next(&f, piece);
		}
		buf_reset(&out);
	}
	fastcgi_free(&f);
	buf_free(&out);
	return 0;
}
