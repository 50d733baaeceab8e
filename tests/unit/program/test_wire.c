/* What comes over the wire may be anything: its other end ran somebody's program. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "program/wire.h"

struct ends {
	struct wire ours;
	int theirs;
};

static int
set_up(void **state)
{
	struct ends *e = calloc(1, sizeof(*e));
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	wire_open(&e->ours, pair[0], MSG_DONTWAIT);
	e->theirs = pair[1];
	*state = e;
	return 0;
}

static int
tear_down(void **state)
{
	struct ends *e = *state;

	wire_close(&e->ours);
	(void)close(e->theirs);
	free(e);
	return 0;
}

static void
write_head(int fd, uint32_t kind, uint32_t len)
{
	const struct wire_head head = { .kind = kind, .len = len };

	assert_int_equal(write(fd, &head, sizeof(head)), sizeof(head));
}

/* A length that its kind may not have is refused before a byte of it is taken. */
static void
test_lengths(void **state)
{
	static const struct { uint32_t kind, len; enum wire_news news; } cases[] = {
		{ WIRE_OUTPUT, 1u << 20, WIRE_NOTHING },
		{ WIRE_OUTPUT, (1u << 20) + 1, WIRE_NONSENSE },
		{ WIRE_OUTPUT, 5u << 20, WIRE_NONSENSE },
		{ WIRE_OUTPUT, UINT32_MAX, WIRE_NONSENSE },
		{ WIRE_ERROR, 4096, WIRE_NOTHING }, { WIRE_ERROR, 4097, WIRE_NONSENSE },
		{ WIRE_ERROR, 5u << 20, WIRE_NONSENSE },
		{ WIRE_TROUBLE, 4097, WIRE_NONSENSE },
		{ WIRE_EMPTY, 0, WIRE_MESSAGE }, { WIRE_EMPTY, 1, WIRE_NONSENSE },
		{ WIRE_HELLO, 0, WIRE_MESSAGE }, { WIRE_HELLO, 1, WIRE_NONSENSE },
		{ 0, 0, WIRE_NONSENSE }, { WIRE_KINDS, 0, WIRE_NONSENSE },
		{ UINT32_MAX, 0, WIRE_NONSENSE }, { 0x80000001u, 1, WIRE_NONSENSE },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct ends *e = *state;

		write_head(e->theirs, cases[i].kind, cases[i].len);
		if (wire_receive(&e->ours) != cases[i].news)
			fail_msg("%zu", i);
		assert_true(e->ours.in.cap <= 2 * (WIRE_OUTPUT_MAX + 1));
		tear_down(state);
		assert_int_equal(set_up(state), 0);
	}
}

/* However it is cut, it is put together; what follows it is not touched. */
static void
test_pieces(void **state)
{
	struct ends *e = *state;
	const struct wire_head head = { .kind = WIRE_ERROR, .index = 7, .len = 5 };
	char bytes[sizeof(head) + 5 + 1];
	size_t i;

	memcpy(bytes, &head, sizeof(head));
	memcpy(bytes + sizeof(head), "hello!", 6);
	for (i = 0; i < sizeof(bytes) - 1; i++) {
		assert_int_equal(wire_receive(&e->ours), WIRE_NOTHING);
		assert_int_equal(write(e->theirs, bytes + i, 1), 1);
	}
	assert_int_equal(write(e->theirs, "!", 1), 1);
	assert_int_equal(wire_receive(&e->ours), WIRE_MESSAGE);
	assert_int_equal(wire_receive(&e->ours), WIRE_MESSAGE);
	assert_int_equal(e->ours.head.index, 7);
	assert_string_equal(e->ours.in.data, "hello");
	wire_next(&e->ours);
	assert_int_equal(wire_receive(&e->ours), WIRE_NOTHING);
	(void)shutdown(e->theirs, SHUT_WR);
	assert_int_equal(wire_receive(&e->ours), WIRE_END);
}

/* What was large does not stay in memory, and what is too large is cut. */
static void
test_memory(void **state)
{
	struct ends *e = *state;
	struct wire theirs;
	char *bytes = calloc(1, 5u << 20);
	enum wire_news news;

	assert_non_null(bytes);
	wire_open(&theirs, e->theirs, MSG_DONTWAIT);
	assert_int_equal(wire_send(&theirs, WIRE_OUTPUT, 0, bytes, 5u << 20), 0);
	while ((news = wire_receive(&e->ours)) == WIRE_NOTHING)
		assert_int_equal(wire_flush(&theirs), 0);
	assert_int_equal(news, WIRE_MESSAGE);
	assert_int_equal(e->ours.in.len, WIRE_OUTPUT_MAX);
	assert_int_equal(wire_flush(&theirs), 0);
	assert_true(theirs.out.cap <= 65536);
	wire_next(&e->ours);
	assert_true(e->ours.in.cap <= 65536);
	free(bytes);
	buf_free(&theirs.out);
	buf_free(&theirs.in);
}

/* Garbage of any kind ends, and takes no more memory than a message may. */
static void
test_garbage(void **state)
{
	uint32_t random = 1;
	unsigned char bytes[256];
	enum wire_news news;
	int round;
	size_t i;

	for (round = 0; round < 2000; round++) {
		struct ends *e = *state;

		for (i = 0; i < sizeof(bytes); i++) {
			random = random * 1664525u + 1013904223u;
			bytes[i] = (unsigned char)(random >> 24);
			/* Mostly a head that could be one. */
			if (i < sizeof(struct wire_head) && i % 4 != 0 && round % 4 != 0)
				bytes[i] = 0;
		}
		if (round % 2 == 0)
			bytes[0] %= WIRE_KINDS + 1;
		assert_int_equal(write(e->theirs, bytes, sizeof(bytes)), sizeof(bytes));
		(void)shutdown(e->theirs, SHUT_WR);
		while ((news = wire_receive(&e->ours)) == WIRE_MESSAGE)
			wire_next(&e->ours);
		assert_true(news == WIRE_NONSENSE || news == WIRE_END);
		assert_true(e->ours.in.cap <= 4 * WIRE_JOB_MAX);
		tear_down(state);
		assert_int_equal(set_up(state), 0);
	}
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_pieces), T(test_memory), T(test_garbage), T(test_lengths)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
