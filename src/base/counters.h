/*
 * counters: what this process has done since it started.
 *
 * One table gives each counter its field, its metric name and its help text.
 * Any thread may add and read.
 */
#ifndef LEADRELAY_BASE_COUNTERS_H
#define LEADRELAY_BASE_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

#define COUNTERS_TABLE(X) \
	X(accepted, "events accepted") \
	X(duplicate, "events recognised as duplicates") \
	X(held, "authentic events held for a person") \
	X(refused_token, "requests refused for their token") \
	X(refused_request, "requests refused for their form") \
	X(unavailable, "requests answered 503") \
	X(delivered, "deliveries made") \
	X(attempts, "attempts to deliver") \
	X(failed, "attempts that failed") \
	X(dead, "deliveries given up")

struct counters {
#define X(name, help) _Atomic uint64_t name;
	COUNTERS_TABLE(X)
#undef X
};

#define counters_add(c, name) \
	atomic_fetch_add_explicit(&(c)->name, 1, memory_order_relaxed)
#define counters_get(c, name) \
	atomic_load_explicit(&(c)->name, memory_order_relaxed)

#endif
