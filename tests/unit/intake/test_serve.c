/*
 * The worker's loop over a real socket, with a stand-in for the pipeline: what
 * a request's path says is what happens to it.
 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/counters.h"
#include "base/log.h"
#include "intake/records.h"
#include "intake/receive.h"
#include "intake/serve.h"

#define BIG_BODY (4 * 1024 * 1024)
#define WAIT_MS 10000			/* for what must come; a failure otherwise */

/* --- the stand-in -------------------------------------------------------- */

/* Requests "/later" wait here until another thread, as the outbox's, answers. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct request *later[256];
	size_t count;
	bool held;			/* do not answer for now */
	bool ended;
	atomic_int received;
} bench = { .lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER };

static void
answer(struct request *rq)
{
	const char *path = request_param(rq, "REQUEST_URI");
	size_t i;

	rq->answer.status = 202;
	rq->answer.content_type = "text/plain";
	if (strcmp(path, "/big") == 0)
		for (i = 0; i < BIG_BODY; i++)
			buf_putc(&rq->answer.body, (char)('a' + i % 26));
	else
		buf_printf(&rq->answer.body, "%s %zu", path,
		    (size_t)rq->body_total);
	rq->respond(rq);
}

void
receive_start(struct receiver *rx, struct request *rq)
{
	(void)rx;
	atomic_fetch_add(&bench.received, 1);
	if (strncmp(request_param(rq, "REQUEST_URI"), "/later", 6) != 0) {
		answer(rq);
		return;
	}
	(void)pthread_mutex_lock(&bench.lock);
	bench.later[bench.count++] = rq;
	(void)pthread_cond_signal(&bench.more);
	(void)pthread_mutex_unlock(&bench.lock);
}

static void *
answer_later(void *arg)
{
	struct request *rq;

	(void)pthread_mutex_lock(&bench.lock);
	while (!bench.ended) {
		if (bench.count == 0 || bench.held) {
			(void)pthread_cond_wait(&bench.more, &bench.lock);
			continue;
		}
		rq = bench.later[--bench.count];
		(void)pthread_mutex_unlock(&bench.lock);
		answer(rq);
		(void)pthread_mutex_lock(&bench.lock);
	}
	(void)pthread_mutex_unlock(&bench.lock);
	return arg;
}

static void
hold_answers(bool held)
{
	(void)pthread_mutex_lock(&bench.lock);
	bench.held = held;
	(void)pthread_cond_broadcast(&bench.more);
	(void)pthread_mutex_unlock(&bench.lock);
}

/* --- the worker ---------------------------------------------------------- */

static struct {
	struct counters counters;
	struct receiver rx;
	char folder[32];
	char path[64];
	char address[80];
	int fd;
	int threads;
	const struct serve_pulse *pulse;
	pthread_t run, later;
	int rc;
	bool running;
} w;

static void *
run_serve(void *arg)
{
	w.rc = serve_run(&w.rx, w.fd, w.threads, w.pulse);
	return arg;
}

static void
start(int threads)
{
	struct buf why = { 0 };

	strcpy(w.folder, "/tmp/test_serve.XXXXXX");
	assert_non_null(mkdtemp(w.folder));
	(void)snprintf(w.path, sizeof(w.path), "%s/socket", w.folder);
	(void)snprintf(w.address, sizeof(w.address), "unix:%s", w.path);
	w.fd = serve_listen(w.address, NULL, &why);
	assert_int_not_equal(w.fd, -1);
	w.rx = (struct receiver){ .counters = &w.counters };
	w.threads = threads;
	bench.ended = bench.held = false;
	bench.count = 0;
	atomic_store(&bench.received, 0);
	assert_int_equal(pthread_create(&w.later, NULL, answer_later, NULL), 0);
	assert_int_equal(pthread_create(&w.run, NULL, run_serve, NULL), 0);
	w.running = true;
}

/* Stop; it may not take more than two seconds. */
static void
stop(void)
{
	int64_t start_ms = clock_mono_ms();

	if (!w.running)
		return;
	serve_stop();
	assert_int_equal(pthread_join(w.run, NULL), 0);
	assert_true(clock_mono_ms() - start_ms < 2000);
	w.running = false;
}

static int
teardown(void **state)
{
	(void)state;
	hold_answers(false);
	stop();
	if (w.folder[0] == '\0')
		return 0;
	(void)pthread_mutex_lock(&bench.lock);
	bench.ended = true;
	(void)pthread_cond_broadcast(&bench.more);
	(void)pthread_mutex_unlock(&bench.lock);
	(void)pthread_join(w.later, NULL);
	(void)close(w.fd);
	(void)unlink(w.path);
	(void)rmdir(w.folder);
	w.folder[0] = '\0';
	return 0;
}

/* --- a front server ------------------------------------------------------ */

static int
connect_worker(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	memcpy(address.sun_path, w.path, strlen(w.path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_not_equal(fd, -1);
	assert_int_equal(connect(fd, (struct sockaddr *)&address,
	    sizeof(address)), 0);
	return fd;
}

static void
send_bytes(int fd, const char *bytes, size_t len)
{
	ssize_t n;

	for (; len > 0; bytes += n, len -= (size_t)n) {
		n = send(fd, bytes, len, MSG_NOSIGNAL);
		assert_true(n > 0);
	}
}

static int
send_request(int flags, const char *path, const char *body)
{
	struct buf out = { 0 };
	int fd = connect_worker();

	whole_request(&out, 1, flags, path, body);
	send_bytes(fd, out.data, out.len);
	buf_free(&out);
	return fd;
}

/* Read exactly ${len} bytes; false at the end of the connection. */
static bool
read_exactly(int fd, char *bytes, size_t len)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	ssize_t n;

	for (; len > 0; bytes += n, len -= (size_t)n) {
		if (poll(&pfd, 1, WAIT_MS) != 1)
			fail_msg("no answer");
		if ((n = recv(fd, bytes, len, 0)) <= 0)
			return false;
	}
	return true;
}

/*
 * Read records up to an END_REQUEST; what the response's body said goes to
 * ${body}, the end's protocol status is returned; -1 when the connection ended.
 */
static int
read_answer(int fd, struct buf *body)
{
	struct buf text = { 0 };
	char head[8], content[FCGI_MAX_LENGTH + 255];
	size_t len;

	while (read_exactly(fd, head, sizeof(head))) {
		len = (size_t)((uint8_t)head[4] << 8 | (uint8_t)head[5]);
		assert_true(read_exactly(fd, content, len + (uint8_t)head[6]));
		if (head[1] == FCGI_STDOUT)
			buf_add(&text, content, len);
		if (head[1] != FCGI_END_REQUEST)
			continue;
		if (text.len > 0)
			buf_puts(body, strstr(text.data, "\r\n\r\n") + 4);
		buf_free(&text);
		return content[4];
	}
	buf_free(&text);
	return -1;
}

static void
expect_answer(int fd, const char *expected)
{
	struct buf body = { 0 };

	assert_int_equal(read_answer(fd, &body), FCGI_REQUEST_COMPLETE);
	assert_string_equal(body.data, expected);
	buf_free(&body);
}

static void
expect_end(int fd)
{
	char byte;

	assert_false(read_exactly(fd, &byte, 1));
	(void)close(fd);
}

static void
wait_received(int count)
{
	const struct timespec step = { .tv_nsec = 1000000 };
	int64_t start_ms = clock_mono_ms();

	while (atomic_load(&bench.received) < count) {
		assert_true(clock_mono_ms() - start_ms < WAIT_MS);
		(void)nanosleep(&step, NULL);
	}
}

/* --- tests --------------------------------------------------------------- */

static void
test_simple(void **state)
{
	int fd;

	(void)state;
	start(1);
	fd = send_request(0, "/now", "12345");
	expect_answer(fd, "/now 5");
	expect_end(fd);
	fd = send_request(0, "/later", NULL);
	expect_answer(fd, "/later 0");
	expect_end(fd);
	stop();
	assert_int_equal(w.rc, 0);
}

/* Fifty peers stop at fifty places within a request; one thread serves others. */
static void
test_stalled_peers(void **state)
{
	struct buf out = { 0 };
	int stalled[50], fd, i;

	(void)state;
	start(1);
	whole_request(&out, 1, 0, "/now", "12345");
	for (i = 0; i < 50; i++) {
		stalled[i] = connect_worker();
		send_bytes(stalled[i], out.data, out.len * (size_t)i / 50);
	}
	for (i = 0; i < 20; i++) {
		fd = send_request(0, i % 2 != 0 ? "/now" : "/later", NULL);
		expect_answer(fd, i % 2 != 0 ? "/now 0" : "/later 0");
		(void)close(fd);
	}
	/* They were not forgotten: let them go on. */
	for (i = 0; i < 50; i++) {
		send_bytes(stalled[i], out.data + out.len * (size_t)i / 50,
		    out.len - out.len * (size_t)i / 50);
		expect_answer(stalled[i], "/now 5");
		expect_end(stalled[i]);
	}
	buf_free(&out);
}

/* A kept connection serves one request after the other, pipelined ones too. */
static void
test_kept(void **state)
{
	struct buf out = { 0 };
	int fds[8], i, round;

	(void)state;
	start(2);
	for (i = 0; i < 8; i++)
		fds[i] = connect_worker();
	for (round = 0; round < 20; round++) {
		for (i = 0; i < 8; i++) {
			buf_reset(&out);
			whole_request(&out, i + 1, FCGI_KEEP_CONN, "/later", "x");
			whole_request(&out, i + 1, FCGI_KEEP_CONN, "/now", NULL);
			send_bytes(fds[i], out.data, out.len);
		}
		for (i = 0; i < 8; i++) {
			expect_answer(fds[i], "/later 1");
			expect_answer(fds[i], "/now 0");
		}
	}
	stop();
	for (i = 0; i < 8; i++)
		expect_end(fds[i]);
	buf_free(&out);
}

/* Parameters cut by the end of the connection are no request. */
static void
test_cut(void **state)
{
	struct buf out = { 0 };
	size_t len;
	int fd;

	(void)state;
	start(1);
	whole_request(&out, 1, 0, "/now", "12345");
	for (len = 0; len < out.len; len++) {
		fd = connect_worker();
		send_bytes(fd, out.data, len);
		assert_int_equal(shutdown(fd, SHUT_WR), 0);
		expect_end(fd);
	}
	assert_int_equal(atomic_load(&bench.received), 0);
	fd = send_request(0, "/now", NULL);
	expect_answer(fd, "/now 0");
	(void)close(fd);
	buf_free(&out);
}

static void
test_refused_records(void **state)
{
	struct buf out = { 0 }, pairs = { 0 };
	int fd;

	(void)state;
	start(1);
	fd = connect_worker();
	send_bytes(fd, "GET / HTTP/1.1\r\n\r\n", 18);
	expect_end(fd);
	fd = connect_worker();
	record_begin(&out, 1, FCGI_AUTHORIZER, 0);
	send_bytes(fd, out.data, out.len);
	assert_int_equal(read_answer(fd, NULL), FCGI_UNKNOWN_ROLE);
	expect_end(fd);

	/* A second request beside the first: refused, the first goes on. */
	fd = connect_worker();
	buf_reset(&out);
	record_begin(&out, 1, FCGI_RESPONDER, FCGI_KEEP_CONN);
	record_begin(&out, 2, FCGI_RESPONDER, FCGI_KEEP_CONN);
	send_bytes(fd, out.data, out.len);
	assert_int_equal(read_answer(fd, NULL), FCGI_CANT_MPX_CONN);
	buf_reset(&out);
	pair(&pairs, "REQUEST_URI", "/now");
	record(&out, FCGI_PARAMS, 1, pairs.data, pairs.len, 0);
	record(&out, FCGI_PARAMS, 1, NULL, 0, 0);
	record(&out, FCGI_STDIN, 1, NULL, 0, 0);
	send_bytes(fd, out.data, out.len);
	expect_answer(fd, "/now 0");
	(void)close(fd);
	buf_free(&out);
	buf_free(&pairs);
}

/* Who reads slowly holds no thread, and gets every byte. */
static void
test_slow_reader(void **state)
{
	struct buf body = { 0 };
	int slow, fd, i;

	(void)state;
	start(1);
	slow = send_request(FCGI_KEEP_CONN, "/big", NULL);
	wait_received(1);
	for (i = 0; i < 5; i++) {
		fd = send_request(0, "/later", NULL);
		expect_answer(fd, "/later 0");
		(void)close(fd);
	}
	assert_int_equal(read_answer(slow, &body), FCGI_REQUEST_COMPLETE);
	assert_int_equal(body.len, BIG_BODY);
	assert_int_equal(body.data[BIG_BODY - 1], 'a' + (BIG_BODY - 1) % 26);
	(void)close(slow);
	buf_free(&body);
}

/* A peer that goes away before its answer harms nobody. */
static void
test_gone_before_answer(void **state)
{
	int fd, i;

	(void)state;
	start(1);
	hold_answers(true);
	for (i = 0; i < 20; i++)
		(void)close(send_request(FCGI_KEEP_CONN, "/later", NULL));
	wait_received(20);
	hold_answers(false);
	fd = send_request(0, "/later", NULL);
	expect_answer(fd, "/later 0");
	(void)close(fd);
}

/* A stop answers what is in flight, even when the answer comes after it. */
static void
test_stop_answers(void **state)
{
	const struct timespec pause = { .tv_nsec = 100000000 };
	int fds[10], half, idle, i;
	struct buf out = { 0 };

	(void)state;
	start(2);
	hold_answers(true);
	idle = send_request(FCGI_KEEP_CONN, "/now", NULL);
	expect_answer(idle, "/now 0");
	half = connect_worker();
	whole_request(&out, 1, 0, "/now", NULL);
	send_bytes(half, out.data, out.len - 1);
	for (i = 0; i < 10; i++)
		fds[i] = send_request(FCGI_KEEP_CONN, "/later", NULL);
	wait_received(11);
	serve_stop();
	expect_end(idle);
	(void)nanosleep(&pause, NULL);	/* the point: answers come after the stop */
	hold_answers(false);
	send_bytes(half, out.data + out.len - 1, 1);
	expect_answer(half, "/now 0");
	expect_end(half);
	for (i = 0; i < 10; i++) {
		expect_answer(fds[i], "/later 0");
		expect_end(fds[i]);
	}
	stop();
	assert_int_equal(w.rc, 0);
	buf_free(&out);
}

/*
 * Neither stalled peers nor an answer that does not come delay a stop; 503 comes
 * instead.  In a process of its own, since what a late one needs is never freed.
 */
static void
stop_unanswered(void)
{
	struct buf body = { 0 };
	int stalled, fd;

	start(1);
	hold_answers(true);
	stalled = connect_worker();
	send_bytes(stalled, "\1\1", 2);
	fd = send_request(0, "/later", NULL);
	wait_received(1);
	stop();
	assert_int_equal(w.rc, 1);
	assert_int_equal(read_answer(fd, &body), FCGI_REQUEST_COMPLETE);
	assert_non_null(strstr(body.data, "\"status\":503"));
	buf_free(&body);
	hold_answers(false);		/* too late, and no harm */
	expect_end(stalled);
	(void)close(fd);
	(void)teardown(NULL);
	_exit(0);
}

static void
test_stop_in_time(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	log_flush();			/* the child makes threads */
	if ((pid = fork()) == 0)
		stop_unanswered();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void
test_stop_before_start(void **state)
{
	(void)state;
	serve_stop();
	start(1);
	assert_int_equal(pthread_join(w.run, NULL), 0);
	w.running = false;
	assert_int_equal(w.rc, 0);
}

/* Many at once, from several peers, over few threads. */
static void *
press(void *arg)
{
	int fd, i;

	for (i = 0; i < 200; i++) {
		fd = send_request(i % 3 == 0 ? FCGI_KEEP_CONN : 0,
		    i % 2 != 0 ? "/now" : "/later", "xy");
		expect_answer(fd, i % 2 != 0 ? "/now 2" : "/later 2");
		(void)close(fd);
	}
	return arg;
}

static void
test_crowd(void **state)
{
	pthread_t peers[8];
	int i;

	(void)state;
	start(4);
	for (i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&peers[i], NULL, press, NULL), 0);
	for (i = 0; i < 8; i++)
		assert_int_equal(pthread_join(peers[i], NULL), 0);
	stop();
	assert_int_equal(w.rc, 0);
}

/*
 * Somebody else has the socket, too: takes connections from under us, and makes
 * it blocking, over and over.
 */
static atomic_bool meddling;

static void *
meddle(void *arg)
{
	struct pollfd pfd = { .fd = w.fd, .events = POLLIN };
	int fd, flags;

	while (atomic_load(&meddling)) {
		flags = fcntl(w.fd, F_GETFL);
		(void)fcntl(w.fd, F_SETFL, flags & ~O_NONBLOCK);
		if (poll(&pfd, 1, 1) == 1 && (fd = accept(w.fd, NULL, NULL)) != -1)
			(void)close(fd);
	}
	return arg;
}

/* Each is answered, or was taken by the other: but something becomes of it. */
static void *
press_on(void *arg)
{
	struct pollfd pfd = { .events = POLLIN };
	struct buf out = { 0 };
	atomic_int *hung = arg;
	char bytes[4096];
	int i;

	whole_request(&out, 1, 0, "/later", NULL);
	for (i = 0; i < 300; i++) {
		pfd.fd = connect_worker();
		(void)send(pfd.fd, out.data, out.len, MSG_NOSIGNAL);
		do
			if (poll(&pfd, 1, WAIT_MS) != 1)
				atomic_fetch_add(hung, 1);
		while (recv(pfd.fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0);
		(void)close(pfd.fd);
	}
	buf_free(&out);
	return NULL;
}

static void
shared_socket(int threads)
{
	pthread_t peers[4], other;
	struct buf out = { 0 };
	atomic_int hung = 0;
	int kept, fd, i;

	start(threads);
	atomic_store(&meddling, true);
	assert_int_equal(pthread_create(&other, NULL, meddle, NULL), 0);
	for (i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&peers[i], NULL, press_on, &hung), 0);
	for (i = 0; i < 4; i++)
		assert_int_equal(pthread_join(peers[i], NULL), 0);
	assert_int_equal(atomic_load(&hung), 0);
	atomic_store(&meddling, false);
	/* It may wait in accept itself. */
	while (pthread_tryjoin_np(other, NULL) != 0)
		(void)close(connect_worker());

	/* Blocking, and nobody connects any more: what is there is served. */
	whole_request(&out, 1, FCGI_KEEP_CONN, "/now", NULL);
	kept = connect_worker();
	for (i = 0; i < 20; i++) {
		send_bytes(kept, out.data, out.len);
		expect_answer(kept, "/now 0");
	}
	fd = send_request(0, "/later", NULL);
	expect_answer(fd, "/later 0");
	stop();
	assert_int_equal(w.rc, 0);
	(void)close(kept);
	(void)close(fd);
	buf_free(&out);
}

static void
test_shared_socket(void **state)
{
	(void)state;
	shared_socket(1);
	(void)teardown(NULL);
	shared_socket(4);
}

/* As spawn-fcgi hands it over: a thread that waits in accept is in nobody's way. */
static void
test_blocking_from_the_start(void **state)
{
	int fds[20], i;

	(void)state;
	start(1);
	assert_int_equal(fcntl(w.fd, F_SETFL,
	    fcntl(w.fd, F_GETFL) & ~O_NONBLOCK), 0);
	for (i = 0; i < 20; i++) {
		fds[i] = send_request(FCGI_KEEP_CONN, "/now", NULL);
		expect_answer(fds[i], "/now 0");
	}
	stop();
	assert_int_equal(w.rc, 0);
	for (i = 0; i < 20; i++)
		expect_end(fds[i]);
}

/* Whoever watches over us hears of it while request threads answer. */
static void
count_beat(void *owner)
{
	atomic_fetch_add((atomic_int *)owner, 1);
}

static void
test_pulse(void **state)
{
	const struct timespec step = { .tv_nsec = 1000000 };
	int64_t start_ms = clock_mono_ms();
	atomic_int beats = 0;
	struct serve_pulse pulse = { count_beat, &beats, 20 };

	(void)state;
	w.pulse = &pulse;
	start(1);
	while (atomic_load(&beats) < 3) {
		assert_true(clock_mono_ms() - start_ms < WAIT_MS);
		(void)nanosleep(&step, NULL);
	}
	stop();
	w.pulse = NULL;
}

static void
test_listen(void **state)
{
	struct buf why = { 0 };
	struct stat st;
	char name[100];
	int fd;

	(void)state;
	start(1);
	assert_true(serve_is_listening(w.fd));
	assert_false(serve_is_listening(-1));
	assert_int_equal(stat(w.path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	assert_int_equal(serve_listen(w.address, NULL, &why), -1);
	assert_non_null(strstr(why.data, "another process"));
	stop();
	(void)close(w.fd);
	assert_int_not_equal(w.fd = serve_listen(w.address, NULL, &why), -1);
	(void)snprintf(name, sizeof(name), "unix:%s", w.folder);
	buf_reset(&why);
	assert_int_equal(serve_listen(name, NULL, &why), -1);
	assert_non_null(strstr(why.data, "no socket"));
	assert_int_equal(serve_listen("unix:", NULL, &why), -1);
	assert_int_equal(serve_listen("9000", NULL, &why), -1);
	assert_int_equal(serve_listen("127.0.0.1:", NULL, &why), -1);
	assert_int_equal(serve_listen("127.0.0.1:65537", NULL, &why), -1);
	assert_int_equal(serve_listen("127.0.0.1:http", NULL, &why), -1);
	assert_false(serve_is_address("9000"));
	assert_false(serve_is_address("127.0.0.1:65537"));
	assert_true(serve_is_address("[::1]:65535"));
	assert_true(serve_is_address("unix:x"));
	assert_int_not_equal(fd = serve_listen("127.0.0.1:0", NULL, &why), -1);
	assert_true(serve_is_listening(fd));
	(void)close(fd);
	fd = serve_listen("[::1]:0", NULL, &why);
	if (fd != -1)			/* where there is IPv6 */
		(void)close(fd);
	buf_free(&why);
}

int
main(void)
{
#define CASE(name) cmocka_unit_test_teardown(name, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_simple),
		CASE(test_stalled_peers),
		CASE(test_kept),
		CASE(test_cut),
		CASE(test_refused_records),
		CASE(test_slow_reader),
		CASE(test_gone_before_answer),
		CASE(test_stop_answers),
		CASE(test_stop_in_time),
		CASE(test_stop_before_start),
		CASE(test_crowd),
		CASE(test_shared_socket),
		CASE(test_blocking_from_the_start),
		CASE(test_pulse),
		CASE(test_listen),
	};

	if (log_open("file:/dev/null", false) == -1)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
