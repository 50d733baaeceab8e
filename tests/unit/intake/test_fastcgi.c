#include "unit.h"

#include <fcgiapp.h>
#include <stdlib.h>
#include <string.h>

#include "intake/fastcgi.h"
#include "intake/records.h"

/* Feed all of ${in} in pieces of ${piece} bytes; the last step. */
static enum fastcgi_step
feed(struct fastcgi *f, const struct buf *in, size_t piece)
{
	enum fastcgi_step step = FASTCGI_MORE;
	size_t at, n, used;

	for (at = 0; at < in->len && step == FASTCGI_MORE; at += used) {
		n = in->len - at < piece ? in->len - at : piece;
		step = fastcgi_feed(f, (const uint8_t *)in->data + at, n, &used);
		if (step == FASTCGI_MORE)
			assert_int_equal(used, n);
	}
	return step;
}

static enum fastcgi_step
feed_at_once(struct fastcgi *f, const struct buf *in)
{
	return feed(f, in, SIZE_MAX);
}

/* The type of the record at ${at} in what is to be sent. */
static int
reply_type(const struct fastcgi *f, size_t at)
{
	assert_true(f->reply.len >= at + 8);
	return (uint8_t)f->reply.data[at + 1];
}

static void
test_every_cut(void **state)
{
	struct buf in = { 0 };
	struct fastcgi f;
	size_t piece;

	(void)state;
	whole_request(&in, 1, FCGI_KEEP_CONN, "/hook?x=1", "{\"a\":1}");
	for (piece = 1; piece <= in.len; piece++) {
		fastcgi_init(&f, 4);
		assert_int_equal(feed(&f, &in, piece), FASTCGI_REQUEST);
		assert_string_equal(FCGX_GetParam("REQUEST_METHOD", f.params), "POST");
		assert_string_equal(FCGX_GetParam("REQUEST_URI", f.params),
		    "/hook?x=1");
		assert_null(f.params[2]);
		assert_true(f.keep);
		assert_int_equal(f.body_total, 7);
		assert_int_equal(f.body.len, 4);
		assert_memory_equal(f.body.data, "{\"a\"", 4);
		fastcgi_next(&f, 8192);
		assert_int_equal(feed(&f, &in, piece), FASTCGI_REQUEST);
		fastcgi_free(&f);
	}
	buf_free(&in);
}

/* Whole only with both ends: nothing shorter is a request. */
static void
test_unfinished(void **state)
{
	struct buf in = { 0 };
	struct fastcgi f;

	(void)state;
	whole_request(&in, 1, 0, "/hook", NULL);
	while (--in.len > 0) {
		fastcgi_init(&f, 0);
		assert_int_equal(feed_at_once(&f, &in), FASTCGI_MORE);
		assert_true(fastcgi_begun(&f));
		fastcgi_free(&f);
	}
	buf_free(&in);
}

static void
test_pipelined(void **state)
{
	struct buf in = { 0 };
	struct fastcgi f;
	size_t used, first;

	(void)state;
	whole_request(&in, 1, FCGI_KEEP_CONN, "/one", "x");
	first = in.len;
	whole_request(&in, 1, FCGI_KEEP_CONN, "/two", NULL);
	fastcgi_init(&f, 0);
	assert_int_equal(fastcgi_feed(&f, (const uint8_t *)in.data, in.len, &used),
	    FASTCGI_REQUEST);
	assert_int_equal(used, first);
	fastcgi_next(&f, 0);
	assert_false(fastcgi_begun(&f));
	assert_int_equal(fastcgi_feed(&f, (const uint8_t *)in.data + used,
	    in.len - used, &used), FASTCGI_REQUEST);
	assert_string_equal(FCGX_GetParam("REQUEST_URI", f.params), "/two");
	fastcgi_free(&f);
	buf_free(&in);
}

/* Records that end a connection, wherever they are cut. */
static void
test_refused(void **state)
{
	static const uint8_t begin[] = { 1, 1, 0, 1, 0, 8, 0, 0,
	    0, 1, 0, 0, 0, 0, 0, 0 };
	static const struct {
		const char *name;
		bool begun;
		size_t len;
		uint8_t bytes[32];
	} cases[] = {
		{ "HTTP", false, 16, "GET / HTTP/1.0\r\n" },
		{ "version 2", false, 8, { 2, 1, 0, 1, 0, 8, 0, 0 } },
		{ "version 0", false, 8, { 0, 1, 0, 1, 0, 8, 0, 0 } },
		{ "params first", false, 8, { 1, 4, 0, 1, 0, 0, 0, 0 } },
		{ "stdin first", false, 8, { 1, 5, 0, 1, 0, 0, 0, 0 } },
		{ "begin with id 0", false, 8, { 1, 1, 0, 0, 0, 8, 0, 0 } },
		{ "short begin", false, 8, { 1, 1, 0, 1, 0, 7, 0, 0 } },
		{ "unknown type", true, 8, { 1, 77, 0, 1, 0, 0, 0, 0 } },
		{ "data", true, 8, { 1, 8, 0, 1, 0, 0, 0, 0 } },
		{ "begin twice", true, 16, { 1, 1, 0, 1, 0, 8, 0, 0, 0, 1 } },
		{ "stdin before the end of params", true, 8, { 1, 5, 0, 1, 0, 1, 0, 0 } },
		{ "params after their end", true, 16,
		    { 1, 4, 0, 1, 0, 0, 0, 0, 1, 4, 0, 1, 0, 1, 0, 0 } },
		{ "lengths of 2^31-1", true, 24, { 1, 4, 0, 1, 0, 8, 0, 0,
		    255, 255, 255, 255, 255, 255, 255, 255, 1, 4, 0, 1, 0, 0, 0, 0 } },
		{ "lengths of 2^31-2", true, 24, { 1, 4, 0, 1, 0, 8, 0, 0,
		    255, 255, 255, 254, 255, 255, 255, 254, 1, 4, 0, 1, 0, 0, 0, 0 } },
		{ "lengths of 2^30", true, 24, { 1, 4, 0, 1, 0, 8, 0, 0,
		    192, 0, 0, 0, 192, 0, 0, 0, 1, 4, 0, 1, 0, 0, 0, 0 } },
		{ "a length of 1 GB", true, 22, { 1, 4, 0, 1, 0, 6, 0, 0,
		    1, 191, 255, 255, 255, 'a', 1, 4, 0, 1, 0, 0, 0, 0 } },
		{ "half a length", true, 18, { 1, 4, 0, 1, 0, 2, 0, 0,
		    128, 0, 1, 4, 0, 1, 0, 0, 0, 0 } },
		{ "a name without value", true, 17, { 1, 4, 0, 1, 0, 1, 0, 0,
		    5, 1, 4, 0, 1, 0, 0, 0, 0 } },
	};
	struct buf in = { 0 };
	struct fastcgi f;
	size_t i, piece;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		buf_reset(&in);
		if (cases[i].begun)
			buf_add(&in, begin, sizeof(begin));
		buf_add(&in, cases[i].bytes, cases[i].len);
		for (piece = 1; piece <= in.len; piece++) {
			fastcgi_init(&f, 100);
			if (feed(&f, &in, piece) != FASTCGI_CLOSE)
				fail_msg("%s was taken", cases[i].name);
			fastcgi_free(&f);
		}
	}
	buf_free(&in);
}

static void
test_role(void **state)
{
	struct buf in = { 0 };
	struct fastcgi f;

	(void)state;
	record_begin(&in, 7, FCGI_AUTHORIZER, FCGI_KEEP_CONN);
	fastcgi_init(&f, 0);
	assert_int_equal(feed_at_once(&f, &in), FASTCGI_CLOSE);
	assert_int_equal(reply_type(&f, 0), FCGI_END_REQUEST);
	assert_int_equal(f.reply.data[12], FCGI_UNKNOWN_ROLE);
	fastcgi_free(&f);
	buf_free(&in);
}

static void
test_second_request(void **state)
{
	struct buf in = { 0 }, pairs = { 0 };
	struct fastcgi f;

	(void)state;
	pair(&pairs, "REQUEST_URI", "/first");
	record_begin(&in, 1, FCGI_RESPONDER, FCGI_KEEP_CONN);
	record_begin(&in, 2, FCGI_RESPONDER, FCGI_KEEP_CONN);
	record(&in, FCGI_PARAMS, 2, "junk", 4, 0);
	record(&in, FCGI_PARAMS, 2, NULL, 0, 0);
	record(&in, FCGI_STDIN, 2, NULL, 0, 0);
	record(&in, FCGI_ABORT_REQUEST, 2, NULL, 0, 0);
	record(&in, FCGI_PARAMS, 1, pairs.data, pairs.len, 0);
	record(&in, FCGI_PARAMS, 1, NULL, 0, 0);
	record(&in, FCGI_STDIN, 1, NULL, 0, 0);
	fastcgi_init(&f, 0);
	assert_int_equal(feed_at_once(&f, &in), FASTCGI_REQUEST);
	assert_int_equal(f.reply.len, 16);
	assert_int_equal(reply_type(&f, 0), FCGI_END_REQUEST);
	assert_int_equal(f.reply.data[3], 2);
	assert_int_equal(f.reply.data[12], FCGI_CANT_MPX_CONN);
	assert_string_equal(FCGX_GetParam("REQUEST_URI", f.params), "/first");
	fastcgi_free(&f);
	buf_free(&in);
	buf_free(&pairs);
}

static void
test_abort(void **state)
{
	struct buf in = { 0 };
	struct fastcgi f;

	(void)state;
	record_begin(&in, 1, FCGI_RESPONDER, FCGI_KEEP_CONN);
	record(&in, FCGI_ABORT_REQUEST, 1, NULL, 0, 0);
	record(&in, FCGI_STDIN, 1, "late", 4, 0);
	fastcgi_init(&f, 0);
	assert_int_equal(feed_at_once(&f, &in), FASTCGI_MORE);
	assert_int_equal(reply_type(&f, 0), FCGI_END_REQUEST);
	assert_false(fastcgi_begun(&f));
	buf_reset(&in);
	whole_request(&in, 1, 0, "/next", NULL);
	assert_int_equal(feed_at_once(&f, &in), FASTCGI_REQUEST);
	fastcgi_reset(&f, 0);
	buf_reset(&in);
	record_begin(&in, 1, FCGI_RESPONDER, 0);
	record(&in, FCGI_ABORT_REQUEST, 1, NULL, 0, 0);
	assert_int_equal(feed_at_once(&f, &in), FASTCGI_CLOSE);
	fastcgi_free(&f);
	buf_free(&in);
}

static void
test_management(void **state)
{
	struct buf in = { 0 }, pairs = { 0 };
	struct fastcgi f;
	int i;

	(void)state;
	pair(&pairs, "FCGI_MPXS_CONNS", "");
	pair(&pairs, "FCGI_OTHER", "");
	record(&in, FCGI_GET_VALUES, 0, pairs.data, pairs.len, 0);
	record(&in, 200, 0, "xyz", 3, 5);
	fastcgi_init(&f, 0);
	assert_int_equal(feed(&f, &in, 1), FASTCGI_MORE);
	assert_int_equal(reply_type(&f, 0), FCGI_GET_VALUES_RESULT);
	assert_int_equal(f.reply.data[5], 18);
	assert_memory_equal(f.reply.data + 8, "\017\001FCGI_MPXS_CONNS0", 18);
	assert_int_equal(reply_type(&f, 26), FCGI_UNKNOWN_TYPE);
	assert_int_equal((uint8_t)f.reply.data[34], 200);
	fastcgi_reset(&f, 0);

	/* The same name twenty times is answered once; too much is cut. */
	buf_reset(&in);
	buf_reset(&pairs);
	for (i = 0; i < 20; i++)
		pair(&pairs, "FCGI_MPXS_CONNS", "");
	record(&in, FCGI_GET_VALUES, 0, pairs.data, pairs.len, 0);
	assert_int_equal(feed_at_once(&f, &in), FASTCGI_MORE);
	assert_int_equal(f.reply.len, 26);
	fastcgi_free(&f);
	buf_free(&in);
	buf_free(&pairs);
}

/* What could not be an environment variable is left out, the rest stays. */
static void
test_odd_pairs(void **state)
{
	static const char odd[] = "\001\003A" "x\0y" "\003\001A=B" "c"
	    "\000\001v" "\003\001A\0B" "c";
	struct buf in = { 0 }, pairs = { 0 };
	struct fastcgi f;
	char large[1000];

	(void)state;
	memset(large, 'l', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	buf_add(&pairs, odd, sizeof(odd) - 1);
	pair(&pairs, "EMPTY", "");
	pair(&pairs, "LARGE", large);
	pair(&pairs, "LARGE", "second");
	record_begin(&in, 1, FCGI_RESPONDER, 0);
	record(&in, FCGI_PARAMS, 1, pairs.data, pairs.len, 0);
	record(&in, FCGI_PARAMS, 1, NULL, 0, 0);
	record(&in, FCGI_STDIN, 1, NULL, 0, 0);
	fastcgi_init(&f, 0);
	assert_int_equal(feed_at_once(&f, &in), FASTCGI_REQUEST);
	assert_null(FCGX_GetParam("A", f.params));
	assert_string_equal(f.params[0], "EMPTY=");
	assert_string_equal(FCGX_GetParam("LARGE", f.params), large);
	assert_null(f.params[3]);
	fastcgi_free(&f);
	buf_free(&in);
	buf_free(&pairs);
}

/* Too many bytes or pairs: taken to the end, marked, nothing kept. */
static void
test_limits(void **state)
{
	struct buf in = { 0 }, pairs = { 0 };
	struct fastcgi f;
	char chunk[60000];
	int i;

	(void)state;
	memset(chunk, 'x', sizeof(chunk));
	record_begin(&in, 1, FCGI_RESPONDER, 0);
	for (i = 0; i < 10; i++)
		record(&in, FCGI_PARAMS, 1, chunk, sizeof(chunk), 0);
	record(&in, FCGI_PARAMS, 1, NULL, 0, 0);
	record(&in, FCGI_STDIN, 1, NULL, 0, 0);
	fastcgi_init(&f, 0);
	assert_int_equal(feed(&f, &in, 8192), FASTCGI_REQUEST);
	assert_true(f.params_too_large);
	assert_null(f.params[0]);
	assert_true(f.pairs.len <= FASTCGI_PARAMS_MAX);

	fastcgi_reset(&f, 0);
	buf_reset(&in);
	for (i = 0; i <= FASTCGI_PAIRS_MAX; i++)
		pair(&pairs, "N", "v");
	record_begin(&in, 1, FCGI_RESPONDER, 0);
	record(&in, FCGI_PARAMS, 1, pairs.data, pairs.len, 0);
	record(&in, FCGI_PARAMS, 1, NULL, 0, 0);
	record(&in, FCGI_STDIN, 1, NULL, 0, 0);
	assert_int_equal(feed_at_once(&f, &in), FASTCGI_REQUEST);
	assert_true(f.params_too_large);
	assert_null(f.params[0]);
	fastcgi_free(&f);
	buf_free(&in);
	buf_free(&pairs);
}

static void
test_answer(void **state)
{
	static const size_t sizes[] = { 0, 1, 65535, 65536, 200000 };
	struct buf out = { 0 };
	struct fastcgi f;
	size_t i, at, len, sum;
	char *text;

	(void)state;
	text = calloc(1, 200000);
	fastcgi_init(&f, 0);
	f.id = 0x102;
	for (i = 0; i < COUNT(sizes); i++) {
		buf_reset(&out);
		fastcgi_answer(&f, text, sizes[i], &out);
		for (at = sum = 0; out.data[at + 1] == FCGI_STDOUT; at += 8 + len) {
			assert_memory_equal(out.data + at + 2, "\1\2", 2);
			len = (size_t)((uint8_t)out.data[at + 4] << 8 |
			    (uint8_t)out.data[at + 5]);
			sum += len;
			if (len == 0)
				assert_int_equal(sum, sizes[i]);
		}
		assert_int_equal(out.data[at + 1], FCGI_END_REQUEST);
		assert_int_equal(out.len, at + 16);
	}
	free(text);
	buf_free(&out);
	fastcgi_free(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_unfinished),
		cmocka_unit_test(test_every_cut),
		cmocka_unit_test(test_pipelined),
		cmocka_unit_test(test_role),
		cmocka_unit_test(test_second_request),
		cmocka_unit_test(test_abort),
		cmocka_unit_test(test_management),
		cmocka_unit_test(test_odd_pairs),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
