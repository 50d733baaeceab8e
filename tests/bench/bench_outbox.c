/*
 * bench_outbox: what the outbox costs, at an empty store and at a full one.
 *
 *	bench_outbox FOLDER [BACKLOG] [SUBMITTERS] [SECONDS]
 *
 * Prints durable accepts a second with many submitters, the committer's CPU
 * time for each, claim and settle, this disk's fdatasync, and resident memory;
 * then fills the store up to BACKLOG waiting leads and measures again.
 */
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "config/config.h"
#include "outbox/outbox.h"

#define PAYLOAD 1600
#define CLAIM 32

struct bench {
	struct outbox *ob;
	char payload[PAYLOAD];
	long base;			/* the first lead's id: new in each run */
	atomic_long lead;		/* how many were tried */
	atomic_long stop_at;
	atomic_int stop;
};

struct submitter {
	struct bench *bench;
	pthread_t thread;
	long done;
	double waited;			/* seconds, over all */
};

struct accept_job {
	struct outbox_job job;
	struct bench *bench;
	char lead[32];
	long number;
	struct event_out out;
	sem_t done;
};

static double
now_s(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static double
cpu_s(void)
{
	return now_s(CLOCK_PROCESS_CPUTIME_ID);
}

/* Memory that is ours alone, in MB. */
static double
resident_mb(void)
{
	char line[256];
	long kb = 0;
	FILE *f;

	if ((f = fopen("/proc/self/status", "r")) == NULL)
		return 0;
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "RssAnon: %ld", &kb) == 1)
			break;
	fclose(f);
	return (double)kb / 1024;
}

static int
run_accept(struct store *store, struct outbox_job *job)
{
	struct accept_job *a = (struct accept_job *)job;
	struct event_in in = {
		.source = "default",
		.lead = a->lead,
		.name = "lead.created",
		.payload = a->bench->payload,
		.payload_len = PAYLOAD,
		.received_ms = clock_wall_ms(),
		.duplicate_window_ms = 86400000
	};

	memcpy(in.data_digest, &a->number, sizeof(a->number));
	free(a->out.violations);
	return store_accept(store, &in, &a->out, 1);
}

static void
done_accept(struct outbox_job *job, const struct store_fault *fault)
{
	if (fault != NULL) {
		fprintf(stderr, "accept: %s\n", fault->text);
		exit(1);
	}
	sem_post(&((struct accept_job *)job)->done);
}

static void *
submit(void *arg)
{
	struct submitter *s = arg;
	struct bench *b = s->bench;
	struct accept_job a = { .job = { run_accept, done_accept, NULL },
	    .bench = b };
	double began;

	sem_init(&a.done, 0, 0);
	while (!atomic_load(&b->stop)) {
		a.number = atomic_fetch_add(&b->lead, 1);
		if (a.number >= atomic_load(&b->stop_at))
			break;
		a.number += b->base;
		snprintf(a.lead, sizeof(a.lead), "%ld", a.number);
		began = now_s(CLOCK_MONOTONIC);
		outbox_submit(b->ob, &a.job);
		sem_wait(&a.done);
		s->waited += now_s(CLOCK_MONOTONIC) - began;
		s->done++;
	}
	sem_destroy(&a.done);
	return NULL;
}

/* Accept with ${count} submitters, for ${seconds} or until ${leads} are in. */
static void
accept_for(struct bench *b, int count, double seconds, long leads,
    const char *title)
{
	struct submitter *subs = calloc((size_t)count, sizeof(*subs));
	double wall = now_s(CLOCK_MONOTONIC), cpu = cpu_s(), waited = 0;
	long done = 0;

	atomic_store(&b->stop, 0);
	atomic_store(&b->stop_at, leads);
	for (int i = 0; i < count; i++) {
		subs[i].bench = b;
		pthread_create(&subs[i].thread, NULL, submit, &subs[i]);
	}
	if (seconds > 0) {
		usleep((useconds_t)(seconds * 1e6));
		atomic_store(&b->stop, 1);
	}
	for (int i = 0; i < count; i++) {
		pthread_join(subs[i].thread, NULL);
		done += subs[i].done;
		waited += subs[i].waited;
	}
	wall = now_s(CLOCK_MONOTONIC) - wall;
	cpu = cpu_s() - cpu;
	printf("%-22s %8.0f/s  %5.1f us CPU each  %6.2f ms latency  "
	    "RSS %.1f MB\n", title, (double)done / wall,
	    cpu / (double)done * 1e6, waited / (double)done * 1e3,
	    resident_mb());
	free(subs);
}

struct take {
	struct bench *bench;
	struct delivery_claim claims[CLAIM];
	size_t count;
};

static int
run_claim(struct store *store, void *arg)
{
	struct take *t = arg;

	return store_claim(store, outbox_destination(t->bench->ob, 0),
	    clock_wall_ms(), CLAIM, t->claims, &t->count);
}

static int
run_recover(struct store *store, void *arg)
{
	struct store_recovery found;

	(void)arg;
	return store_recover(store, clock_wall_ms(), &found);
}

static int
run_settle(struct store *store, void *arg)
{
	struct take *t = arg;
	struct delivery_outcome o[CLAIM];

	memset(o, 0, sizeof(o));
	for (size_t i = 0; i < t->count; i++) {
		o[i].ticket = t->claims[i].ticket;
		o[i].state = DELIVERY_DELIVERED;
		o[i].attempted = true;
		o[i].started_ms = clock_wall_ms();
		o[i].status = 200;
		o[i].answer = "{\"ok\":true}";
		o[i].answer_len = 11;
	}
	return store_settle(store, o, t->count, clock_wall_ms());
}

/* Deliver ${count}: claim and settle, CLAIM at a time. */
static void
deliver(struct bench *b, int count)
{
	struct take t = { .bench = b };
	double claim = 0, settle = 0, wall = now_s(CLOCK_MONOTONIC), at;
	int done = 0;

	if (outbox_lock_relay(b->ob) != 1 ||
	    outbox_run(b->ob, run_recover, NULL, NULL) == -1)
		return;
	while (done < count) {
		at = cpu_s();
		if (outbox_run(b->ob, run_claim, &t, NULL) == -1 || t.count == 0)
			break;
		claim += cpu_s() - at;
		at = cpu_s();
		outbox_run(b->ob, run_settle, &t, NULL);
		settle += cpu_s() - at;
		for (size_t i = 0; i < t.count; i++) {
			outbox_let_go(b->ob, &t.claims[i].ticket);
			delivery_claim_free(&t.claims[i]);
		}
		done += (int)t.count;
	}
	wall = now_s(CLOCK_MONOTONIC) - wall;
	printf("%-22s %8.0f/s  claim %.1f us, settle %.1f us CPU each\n",
	    "claim and settle", (double)done / wall,
	    claim / (double)done * 1e6, settle / (double)done * 1e6);
}

static void
time_fdatasync(const char *folder)
{
	char path[512], block[4096] = { 1 };
	double at;
	int fd;

	snprintf(path, sizeof(path), "%s/sync-probe", folder);
	if ((fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600)) == -1)
		return;
	for (int i = 0; i < 1024; i++)
		if (write(fd, block, sizeof(block)) == -1)
			return;
	fsync(fd);
	at = now_s(CLOCK_MONOTONIC);
	for (int i = 0; i < 1000; i++)
		if (pwrite(fd, block, sizeof(block), i * 4096) == -1 ||
		    fdatasync(fd) == -1)
			return;
	printf("fdatasync              %8.0f us\n",
	    (now_s(CLOCK_MONOTONIC) - at) * 1e3);
	close(fd);
	unlink(path);
}

int
main(int argc, char **argv)
{
	static struct bench b;
	char url[512], crm[] = "crm";
	struct config_destination destination = { .name = crm };
	struct config config = { .destinations = &destination,
	    .destination_count = 1 };
	struct store_fault fault;
	long backlog = argc > 2 ? atol(argv[2]) : 1000000;
	int submitters = argc > 3 ? atoi(argv[3]) : 32;
	double seconds = argc > 4 ? atof(argv[4]) : 5;

	if (argc < 2) {
		fprintf(stderr, "usage: bench_outbox FOLDER [BACKLOG] "
		    "[SUBMITTERS] [SECONDS]\n");
		return 64;
	}
	snprintf(url, sizeof(url), "sqlite:%s/bench.db", argv[1]);
	config.store.url = url;
	config.store.max_waiting = backlog * 2 + 10000000;
	b.base = (long)(clock_wall_ms() / 1000 * 1000000);
	memset(b.payload, 'x', sizeof(b.payload));
	time_fdatasync(argv[1]);
	if ((b.ob = outbox_open(&config, OUTBOX_SERVE, &fault)) == NULL) {
		fprintf(stderr, "%s\n", fault.text);
		return 1;
	}
	accept_for(&b, submitters, seconds, INT32_MAX, "accept, empty");
	accept_for(&b, 1, 1, INT32_MAX, "accept, one at a time");
	deliver(&b, 20000);
	accept_for(&b, 256, 0, backlog, "filling");
	accept_for(&b, submitters, seconds, INT32_MAX, "accept, full");
	accept_for(&b, 1, 1, INT32_MAX, "accept, one at a time");
	deliver(&b, 20000);
	outbox_close(b.ob);
	return 0;
}
