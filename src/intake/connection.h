/*
 * connection: the front server's connections, many to one epoll set.
 *
 * A connection is always in one of three hands.  It is *waiting*: armed once
 * in the epoll set and in the pool's list, oldest first; only from there it
 * may be dropped.  It is *claimed* by the thread that its event woke, which
 * reads and parses.  Or its request is *in flight*: nobody reads it until
 * respond has been called, on whatever thread, which writes the answer and
 * closes the connection or lets it wait again.  No send or receive ever blocks.
 */
#ifndef LEADRELAY_INTAKE_CONNECTION_H
#define LEADRELAY_INTAKE_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONNECTION_READ_SIZE 65536	/* bytes of a thread's read buffer */

struct receiver;
struct connection_pool;

/*
 * A pool of at most ${max} connections that wait in ${epoll}, their requests
 * going to ${rx}; both outlive it.  NULL: out of memory.
 */
struct connection_pool *connection_pool_new(struct receiver *rx, int epoll,
    bool tcp, size_t max);

/* Close what is open.  Not while a request is in flight. */
void connection_pool_free(struct connection_pool *pool);

/*
 * Take over ${fd}, just accepted, and read it at once with the caller's buffer
 * of CONNECTION_READ_SIZE bytes.  When there are too many the connection that has
 * waited longest makes room; where none waits, ${fd} is closed.
 */
void connection_accepted(struct connection_pool *pool, int fd, uint8_t *scratch);

/* Are there as many as may be, none of which could make room? */
bool connection_pool_full(struct connection_pool *pool);

/* The epoll set gave back ${key}.  One that is out of date is ignored. */
void connection_ready(struct connection_pool *pool, uint64_t key,
    uint8_t *scratch);

/* Keys from here on are never given to a connection. */
#define CONNECTION_KEYS_END UINT64_C(0xffffffff00000000)

/* Drop those that stalled within a request or an answer, or were idle too long. */
void connection_sweep(struct connection_pool *pool, int64_t now_ms);

/*
 * From now on connections are not kept after an answer; those that have had
 * one and wait for another request are closed.
 */
void connection_pool_stop(struct connection_pool *pool);

/* Drop whatever waits. */
void connection_drop_waiting(struct connection_pool *pool);

/*
 * Answer 503 to what is in flight.  What the stages still say of it is dropped,
 * but they may use the requests' memory until the process ends.
 */
void connection_give_up(struct connection_pool *pool);

/* Open connections, and requests handed over and not yet answered. */
size_t connection_open_count(struct connection_pool *pool);
size_t connection_in_flight(const struct connection_pool *pool);

#endif
