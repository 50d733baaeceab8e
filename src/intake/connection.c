/*
 * A connection's flags go with the hand that holds it (connection.h): ${waiting} is
 * the one that the pool's lock guards, and while it is set nobody touches the rest.
 * ${registered}, ${closing} and ${served} are its claimer's own, for the life of
 * one descriptor; ${unanswered} is true from the handing over of a request until
 * somebody answers it, so that one that was given up is not answered twice.
 */
#include "intake/connection.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/counters.h"
#include "base/log.h"
#include "intake/fastcgi.h"
#include "intake/problem.h"
#include "intake/receive.h"

#define STALL_MS 30000			/* silence within a request or an answer */
#define IDLE_MS 600000			/* between requests: longer than any front server keeps one */
#define IN_FLIGHT_MAX 2048		/* requests; beyond it 503 */
#define SPARE_BYTES 8192		/* a buffer's memory that is kept for the next request */
#define SPARE_CONNECTIONS 64		/* closed connections that keep their buffers */

struct connection {
	struct connection_pool *pool;
	TAILQ_ENTRY(connection) place;	/* in the list of those waiting, or of those closed */
	uint32_t index;
	uint32_t generation;		/* of its use: tells an event that comes late */
	int fd;
	bool waiting;			/* armed, and in the list */
	bool registered;		/* ${fd} is known to the epoll set */
	bool closing;			/* when ${out} has been sent */
	bool served;			/* has had an answer */
	int64_t since_ms;		/* waiting since */
	struct fastcgi in;
	struct buf pending;		/* came behind a whole request */
	struct buf out;
	size_t sent;			/* bytes of ${out} */
	struct request rq;
	atomic_bool unanswered;		/* ${rq} is in flight: whoever unsets this answers */
};

TAILQ_HEAD(connections, connection);

struct connection_pool {
	struct receiver *rx;
	int epoll;
	bool tcp;
	size_t max;
	atomic_bool stopping;
	atomic_size_t in_flight;
	pthread_mutex_t lock;		/* guards what follows, and each ${waiting} */
	struct connections waiting;	/* oldest first */
	struct connections spare;	/* those closed, latest first */
	size_t spare_count;
	atomic_size_t open;		/* changed under the lock */
	size_t made;			/* entries used at ${all} */
	struct connection *all[];
};

/* --- the pool ------------------------------------------------------------ */

struct connection_pool *
connection_pool_new(struct receiver *rx, int epoll, bool tcp, size_t max)
{
	struct connection_pool *pool;

	pool = calloc(1, sizeof(*pool) + max * sizeof(pool->all[0]));
	if (pool == NULL)
		return NULL;
	pool->rx = rx;
	pool->epoll = epoll;
	pool->tcp = tcp;
	pool->max = max;
	TAILQ_INIT(&pool->waiting);
	TAILQ_INIT(&pool->spare);
	(void)pthread_mutex_init(&pool->lock, NULL);
	return pool;
}

static void
connection_free_buffers(struct connection *c)
{
	fastcgi_free(&c->in);
	buf_free(&c->pending);
	buf_free(&c->out);
	buf_free(&c->rq.answer.body);
}

void
connection_pool_free(struct connection_pool *pool)
{
	if (pool == NULL)
		return;
	connection_drop_waiting(pool);
	for (size_t i = 0; i < pool->made; i++) {
		connection_free_buffers(pool->all[i]);
		free(pool->all[i]);
	}
	(void)pthread_mutex_destroy(&pool->lock);
	free(pool);
}

/* Claim a connection that waits; under the lock. */
static void
claim(struct connection *c)
{
	TAILQ_REMOVE(&c->pool->waiting, c, place);
	c->waiting = false;
}

/* A connection for ${fd}, claimed by the caller; NULL when there can be no more. */
static struct connection *
open_connection(struct connection_pool *pool, int fd)
{
	struct connection *c;

	(void)pthread_mutex_lock(&pool->lock);
	if ((c = TAILQ_FIRST(&pool->spare)) != NULL) {
		TAILQ_REMOVE(&pool->spare, c, place);
		pool->spare_count--;
	} else if (pool->made < pool->max &&
	    (c = calloc(1, sizeof(*c))) != NULL) {
		c->pool = pool;
		c->index = (uint32_t)pool->made;
		pool->all[pool->made++] = c;
	}
	if (c != NULL) {
		pool->open++;
		c->fd = fd;
		c->registered = c->closing = c->served = false;
	}
	(void)pthread_mutex_unlock(&pool->lock);
	return c;
}

/* Close a connection that the caller has claimed. */
static void
close_connection(struct connection *c)
{
	struct connection_pool *pool = c->pool;
	int fd = c->fd;

	fastcgi_reset(&c->in, SPARE_BYTES);
	buf_reset(&c->pending);
	buf_reset(&c->out);
	c->sent = 0;
	(void)pthread_mutex_lock(&pool->lock);
	if (pool->spare_count >= SPARE_CONNECTIONS)
		connection_free_buffers(c);
	c->generation++;
	TAILQ_INSERT_HEAD(&pool->spare, c, place);
	pool->spare_count++;
	pool->open--;
	(void)pthread_mutex_unlock(&pool->lock);
	(void)close(fd);
}

/*
 * Let a claimed connection wait for ${events}.  Arming is done under the lock:
 * the event may come, and the connection be claimed or dropped, at once.
 */
static void
wait_for(struct connection *c, uint32_t events)
{
	struct connection_pool *pool = c->pool;
	struct epoll_event ev = { .events = events | EPOLLONESHOT };
	int op = c->registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, rc;

	ev.data.u64 = (uint64_t)c->index << 32 | c->generation;
	c->since_ms = clock_mono_ms();
	c->registered = true;
	(void)pthread_mutex_lock(&pool->lock);
	rc = epoll_ctl(pool->epoll, op, c->fd, &ev);
	if (rc == 0) {
		c->waiting = true;
		TAILQ_INSERT_TAIL(&pool->waiting, c, place);
	}
	(void)pthread_mutex_unlock(&pool->lock);
	if (rc == -1) {
		log_err("intake: epoll_ctl: %s", strerror(errno));
		close_connection(c);
	}
}

/* Between two requests, with nothing of the next? */
static bool
is_idle(const struct connection *c)
{
	return c->served && c->out.len == 0 && c->pending.len == 0 &&
	    !fastcgi_begun(&c->in);
}

/* Wait for the next bytes, or be done at once with those that came already. */
static void
wait_for_input(struct connection *c)
{
	if (is_idle(c) && atomic_load(&c->pool->stopping))
		close_connection(c);
	else
		wait_for(c, c->pending.len > 0 ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

/* --- writing ------------------------------------------------------------- */

/* Send what is due: 0, or errno; EAGAIN where the peer must read first. */
static int
flush_out(struct connection *c)
{
	ssize_t n;

	while (c->sent < c->out.len) {
		n = send(c->fd, c->out.data + c->sent, c->out.len - c->sent,
		    MSG_NOSIGNAL);
		if (n >= 0)
			c->sent += (size_t)n;
		else if (errno != EINTR)
			return errno;
	}
	fastcgi_empty(&c->out, SPARE_BYTES);
	c->sent = 0;
	return 0;
}

/*
 * Send what is due.  True: the caller may go on with the connection; else it
 * has been let go.
 */
static bool
write_out(struct connection *c)
{
	int error = flush_out(c);

	if (error == 0 && !c->closing)
		return true;
	if (error == EAGAIN || error == EWOULDBLOCK)
		wait_for(c, EPOLLOUT);
	else
		close_connection(c);
	return false;
}

/* Put an answer into ${out}.  False: out of memory. */
static bool
put_answer(struct connection *c, const struct answer *answer)
{
	struct buf text = { 0 };
	bool ok;

	answer_print(answer, request_is_head(&c->rq), &text);
	fastcgi_answer(&c->in, text.data, text.len, &c->out);
	ok = buf_ok(&text) && buf_ok(&c->out);
	buf_free(&text);
	return ok;
}

/* The answer is ready: on whatever thread. */
static void
connection_respond(struct request *rq)
{
	struct connection *c = rq->front;
	struct connection_pool *pool = c->pool;

	if (!atomic_exchange(&c->unanswered, false))
		return;			/* it was given up */
	if (!put_answer(c, &rq->answer) || !c->in.keep ||
	    atomic_load(&pool->stopping))
		c->closing = true;
	fastcgi_empty(&rq->answer.body, SPARE_BYTES);
	fastcgi_next(&c->in, SPARE_BYTES);
	c->served = true;
	if (write_out(c))
		wait_for_input(c);
	/* The last touch: whoever stops the server waits for this. */
	atomic_fetch_sub(&pool->in_flight, 1);
}

/* --- reading ------------------------------------------------------------- */

/* Hand the request over; the connection is no longer the caller's. */
static void
start_request(struct connection *c)
{
	struct connection_pool *pool = c->pool;
	struct request *rq = &c->rq;

	*rq = (struct request){
		.params = c->in.params,
		.params_too_large = c->in.params_too_large,
		.body = c->in.body.data,
		.body_len = c->in.body.len,
		.body_total = c->in.body_total,
		.tcp = pool->tcp,
		.arrived_ms = clock_wall_ms(),
		.arrived_mono_ms = clock_mono_ms(),
		.answer = { .body = rq->answer.body },
		.respond = connection_respond,
		.front = c,
	};
	atomic_store(&c->unanswered, true);
	if (atomic_fetch_add(&pool->in_flight, 1) < IN_FLIGHT_MAX) {
		receive_start(pool->rx, rq);
		return;
	}
	counters_add(pool->rx->counters, unavailable);
	log_kv(LOG_LV_ERROR, "unavailable", "s:reason",
	    "too many requests in flight", NULL);
	problem_respond(rq, PROBLEM_FULL);
}

/* Parse ${len} bytes.  True: the caller still has the connection. */
static bool
parse(struct connection *c, const uint8_t *bytes, size_t len)
{
	enum fastcgi_step step;
	size_t used;

	/* A reload may have changed it; not within a request. */
	if (!fastcgi_begun(&c->in))
		c->in.body_keep = atomic_load(&c->pool->rx->snapshot.body_keep);
	step = fastcgi_feed(&c->in, bytes, len, &used);
	if (c->in.reply.len > 0) {
		buf_add(&c->out, c->in.reply.data, c->in.reply.len);
		buf_reset(&c->in.reply);
	}
	if (used < len && step == FASTCGI_REQUEST)
		buf_add(&c->pending, bytes + used, len - used);
	if (step == FASTCGI_CLOSE || !buf_ok(&c->out) || !buf_ok(&c->pending))
		c->closing = true;
	else if (step == FASTCGI_REQUEST) {
		start_request(c);
		return false;
	}
	return write_out(c);
}

/* Go on with a claimed connection until it has to wait or is handed over. */
static void
run(struct connection *c, uint8_t *scratch)
{
	ssize_t n;

	if (!write_out(c))
		return;
	for (;;) {
		if (c->pending.len > 0) {
			/* At most what one read left over: it fits. */
			n = (ssize_t)c->pending.len;
			memcpy(scratch, c->pending.data, c->pending.len);
			buf_free(&c->pending);
		} else {
			n = recv(c->fd, scratch, CONNECTION_READ_SIZE, 0);
		}
		if (n > 0) {
			if (!parse(c, scratch, (size_t)n))
				return;
			if (n == CONNECTION_READ_SIZE)
				continue;
		}
		if (n > 0 || (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK))) {
			wait_for_input(c);
			return;
		}
		if (n == -1 && errno == EINTR)
			continue;
		close_connection(c);
		return;
	}
}

bool
connection_pool_full(struct connection_pool *pool)
{
	bool full;

	(void)pthread_mutex_lock(&pool->lock);
	full = pool->open >= pool->max && TAILQ_EMPTY(&pool->waiting);
	(void)pthread_mutex_unlock(&pool->lock);
	return full;
}

/* Close the one that has waited longest.  False when none waits. */
static bool
drop_oldest(struct connection_pool *pool)
{
	struct connection *c;

	(void)pthread_mutex_lock(&pool->lock);
	if ((c = TAILQ_FIRST(&pool->waiting)) != NULL)
		claim(c);
	(void)pthread_mutex_unlock(&pool->lock);
	if (c != NULL)
		close_connection(c);
	return c != NULL;
}

void
connection_accepted(struct connection_pool *pool, int fd, uint8_t *scratch)
{
	struct connection *c;

	while ((c = open_connection(pool, fd)) == NULL) {
		if (!drop_oldest(pool)) {
			(void)close(fd);
			return;
		}
	}
	run(c, scratch);
}

void
connection_ready(struct connection_pool *pool, uint64_t key, uint8_t *scratch)
{
	struct connection *c = NULL;

	(void)pthread_mutex_lock(&pool->lock);
	if (key >> 32 < pool->made) {
		c = pool->all[key >> 32];
		if (c->waiting && c->generation == (uint32_t)key)
			claim(c);
		else
			c = NULL;
	}
	(void)pthread_mutex_unlock(&pool->lock);
	if (c != NULL)
		run(c, scratch);
}

/* --- dropping ------------------------------------------------------------ */

void
connection_drop_waiting(struct connection_pool *pool)
{
	while (drop_oldest(pool))
		continue;
}

/* Drop those that have waited longer than ${idle_ms} between requests, else ${stall_ms}. */
static void
drop_after(struct connection_pool *pool, int64_t now_ms, int64_t idle_ms,
    int64_t stall_ms)
{
	struct connections dropped = TAILQ_HEAD_INITIALIZER(dropped);
	struct connection *c, *next;

	(void)pthread_mutex_lock(&pool->lock);
	for (c = TAILQ_FIRST(&pool->waiting); c != NULL; c = next) {
		next = TAILQ_NEXT(c, place);
		if (now_ms - c->since_ms <= (is_idle(c) ? idle_ms : stall_ms))
			continue;
		claim(c);
		TAILQ_INSERT_TAIL(&dropped, c, place);
	}
	(void)pthread_mutex_unlock(&pool->lock);
	while ((c = TAILQ_FIRST(&dropped)) != NULL) {
		TAILQ_REMOVE(&dropped, c, place);
		close_connection(c);
	}
}

void
connection_sweep(struct connection_pool *pool, int64_t now_ms)
{
	drop_after(pool, now_ms, IDLE_MS, STALL_MS);
}

void
connection_pool_stop(struct connection_pool *pool)
{
	atomic_store(&pool->stopping, true);
	drop_after(pool, 0, INT64_MIN, INT64_MAX);
}

size_t
connection_open_count(struct connection_pool *pool)
{
	return atomic_load(&pool->open);
}

size_t
connection_in_flight(const struct connection_pool *pool)
{
	return atomic_load(&pool->in_flight);
}

/* Answer 503 in place of those who still work at the request. */
static void
give_up(struct connection *c)
{
	struct answer answer = { 0 };

	counters_add(c->pool->rx->counters, unavailable);
	problem_answer(&answer, PROBLEM_UNAVAILABLE, NULL, NULL);
	if (put_answer(c, &answer))
		(void)flush_out(c);
	buf_free(&answer.body);
}

void
connection_give_up(struct connection_pool *pool)
{
	(void)pthread_mutex_lock(&pool->lock);
	for (size_t i = 0; i < pool->made; i++)
		if (atomic_exchange(&pool->all[i]->unanswered, false))
			give_up(pool->all[i]);
	(void)pthread_mutex_unlock(&pool->lock);
}
