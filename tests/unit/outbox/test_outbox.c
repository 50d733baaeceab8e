/* The committer: groups, faults, modes, and the relay's lock and wake-up. */
#include "unit.h"

#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config/config.h"
#include "outbox/outbox.h"
#include "outbox/store_ops.h"

#define THREADS 16
#define JOBS 100		/* of each thread */

struct room {
	char folder[64];
	char url[128];
	struct config_destination destinations[2];
	struct config config;
	struct outbox *ob;
	struct store_fault fault;
};

static int
setup(void **state)
{
	struct room *room;

	if ((room = calloc(1, sizeof(*room))) == NULL)
		return -1;
	strcpy(room->folder, "/tmp/leadrelay-outbox-XXXXXX");
	if (mkdtemp(room->folder) == NULL)
		return -1;
	snprintf(room->url, sizeof(room->url), "sqlite:%s/outbox.db",
	    room->folder);
	room->destinations[0].name = (char *)(uintptr_t)"crm";
	room->destinations[1].name = (char *)(uintptr_t)"mail";
	room->config.store.url = room->url;
	room->config.store.max_waiting = 1000000;
	room->config.destinations = room->destinations;
	room->config.destination_count = 2;
	*state = room;
	return 0;
}

static int
teardown(void **state)
{
	struct room *room = *state;
	char path[400];
	struct dirent *entry;
	DIR *dir;

	outbox_close(room->ob);
	if ((dir = opendir(room->folder)) != NULL) {
		while ((entry = readdir(dir)) != NULL) {
			snprintf(path, sizeof(path), "%s/%s", room->folder,
			    entry->d_name);
			unlink(path);
		}
		closedir(dir);
	}
	rmdir(room->folder);
	free(room);
	return 0;
}

static void
must_open(struct room *room, enum outbox_mode mode)
{
	room->ob = outbox_open(&room->config, mode, &room->fault);
	if (room->ob == NULL)
		fail_msg("%s", room->fault.text);
}

/* A webhook as a job. */
struct accept_job {
	struct outbox_job job;
	char lead[32];
	struct event_out out;
	bool ok;
	int runs;
	int fail_runs;			/* how many runs fail */
	atomic_int *left;
};

static int
run_accept(struct store *store, struct outbox_job *job)
{
	struct accept_job *a = (struct accept_job *)job;
	struct event_in in = {
		.source = "default",
		.lead = a->lead,
		.name = "lead.created",
		.payload = "{}",
		.payload_len = 2,
		.received_ms = 1700000000000,
		.duplicate_window_ms = 1000
	};

	free(a->out.violations);
	a->runs++;
	if (store_accept(store, &in, &a->out, 1) == -1)
		return -1;
	if (a->fail_runs > 0) {
		a->fail_runs--;
		store->fault.kind = STORE_FAULT_CORRUPT;
		strcpy(store->fault.text, "as asked");
		return -1;
	}
	return 0;
}

static void
done_accept(struct outbox_job *job, const struct store_fault *fault)
{
	struct accept_job *a = (struct accept_job *)job;

	a->ok = fault == NULL;
	if (fault != NULL)
		assert_string_equal(fault->text, "as asked");
	atomic_fetch_sub(a->left, 1);
}

static void
init_accept(struct accept_job *a, const char *lead, atomic_int *left)
{
	memset(a, 0, sizeof(*a));
	a->job.run = run_accept;
	a->job.done = done_accept;
	a->left = left;
	strcpy(a->lead, lead);
}

static void
wait_for(atomic_int *left)
{
	while (atomic_load(left) > 0)
		poll(NULL, 0, 1);
}

struct submitter {
	struct outbox *ob;
	int number;
	struct accept_job jobs[JOBS];
	atomic_int left;
};

static void *
submit_many(void *arg)
{
	struct submitter *s = arg;
	char lead[32];

	for (int i = 0; i < JOBS; i++) {
		snprintf(lead, sizeof(lead), "%d", s->number * JOBS + i);
		init_accept(&s->jobs[i], lead, &s->left);
		outbox_submit(s->ob, &s->jobs[i].job);
	}
	wait_for(&s->left);
	return NULL;
}

static void
ignore_destination(void *arg, const struct store_destination_stats *stats)
{
	(void)arg;
	(void)stats;
}

static int
run_stats(struct store *store, void *arg)
{
	return store_stats(store, arg, ignore_destination, NULL);
}

static struct store_stats
stats_of(struct outbox *ob)
{
	struct store_stats stats;

	assert_int_equal(outbox_run(ob, run_stats, &stats, NULL), 0);
	return stats;
}

static void
test_many_threads(void **state)
{
	static struct submitter submitters[THREADS];
	struct room *room = *state;
	pthread_t threads[THREADS];

	must_open(room, OUTBOX_SERVE);
	for (int i = 0; i < THREADS; i++) {
		memset(&submitters[i], 0, sizeof(submitters[i]));
		submitters[i].ob = room->ob;
		submitters[i].number = i;
		atomic_store(&submitters[i].left, JOBS);
		assert_int_equal(pthread_create(&threads[i], NULL, submit_many,
		    &submitters[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < THREADS; i++)
		for (int k = 0; k < JOBS; k++) {
			assert_true(submitters[i].jobs[k].ok);
			assert_int_equal(submitters[i].jobs[k].out.fate,
			    EVENT_STORED);
			assert_int_equal(submitters[i].jobs[k].runs, 1);
		}
	assert_int_equal(stats_of(room->ob).events_undelivered, THREADS * JOBS);
}

/* A job that holds the committing thread until the others have queued up. */
struct gate {
	struct outbox_job job;
	atomic_int *open;
};

static int
run_gate(struct store *store, struct outbox_job *job)
{
	(void)store;
	while (!atomic_load(((struct gate *)job)->open))
		poll(NULL, 0, 1);
	return 0;
}

static void
done_gate(struct outbox_job *job, const struct store_fault *fault)
{
	(void)job;
	assert_null(fault);
}

/*
 * Of a group, one job fails for good and one only at first: the others and the
 * latter are stored, the former alone is not.
 */
static void
test_failed_group(void **state)
{
	struct room *room = *state;
	struct accept_job jobs[8];
	atomic_int left = COUNT(jobs), open = 0;
	struct gate gate = { .job = { .run = run_gate, .done = done_gate }, .open = &open };
	char lead[32];

	must_open(room, OUTBOX_SERVE);
	outbox_submit(room->ob, &gate.job);
	for (size_t i = 0; i < COUNT(jobs); i++) {
		snprintf(lead, sizeof(lead), "%zu", i);
		init_accept(&jobs[i], lead, &left);
		jobs[i].fail_runs = i == 3 ? 99 : i == 5 ? 1 : 0;
		outbox_submit(room->ob, &jobs[i].job);
	}
	atomic_store(&open, 1);
	wait_for(&left);
	for (size_t i = 0; i < COUNT(jobs); i++)
		assert_int_equal(jobs[i].ok, i != 3 && i != 5);
	/* The group ended at job 3; 5 first ran, and failed, alone. */
	assert_int_equal(jobs[0].runs, 2);
	assert_int_equal(jobs[5].runs, 1);
	assert_int_equal(stats_of(room->ob).events_undelivered,
	    COUNT(jobs) - 2);
}

static void
test_close_finishes(void **state)
{
	struct room *room = *state;
	struct accept_job jobs[50];
	atomic_int left = COUNT(jobs);
	char lead[32];

	must_open(room, OUTBOX_SERVE);
	for (size_t i = 0; i < COUNT(jobs); i++) {
		snprintf(lead, sizeof(lead), "%zu", i);
		init_accept(&jobs[i], lead, &left);
		outbox_submit(room->ob, &jobs[i].job);
	}
	outbox_close(room->ob);
	room->ob = NULL;
	assert_int_equal(atomic_load(&left), 0);
	must_open(room, OUTBOX_READ);
	assert_int_equal(stats_of(room->ob).events_undelivered, COUNT(jobs));
}

/* A job that submits the next when it is done. */
struct chain {
	struct outbox_job job;
	struct outbox *ob;
	int left;
};

static int
run_chain(struct store *store, struct outbox_job *job)
{
	(void)job;
	return store_try_write(store);
}

static void
done_chain(struct outbox_job *job, const struct store_fault *fault)
{
	struct chain *c = (struct chain *)job;

	assert_null(fault);
	if (--c->left > 0)
		outbox_submit(c->ob, &c->job);
}

static void
test_done_may_submit(void **state)
{
	struct room *room = *state;
	struct chain c = { .job = { .run = run_chain, .done = done_chain }, .left = 3 };

	must_open(room, OUTBOX_REQUEST);
	c.ob = room->ob;
	outbox_submit(room->ob, &c.job);
	assert_int_equal(c.left, 0);
}

static void
test_modes(void **state)
{
	static const enum outbox_mode never[] = { OUTBOX_COMMAND, OUTBOX_READ };
	struct room *room = *state;
	struct accept_job job;
	atomic_int left = 1;

	for (size_t i = 0; i < COUNT(never); i++) {
		assert_null(outbox_open(&room->config, never[i], &room->fault));
		assert_int_equal(room->fault.kind, STORE_FAULT_ABSENT);
	}
	must_open(room, OUTBOX_REQUEST);
	init_accept(&job, "1", &left);
	outbox_submit(room->ob, &job.job);
	assert_int_equal(atomic_load(&left), 0);
	assert_true(job.ok);
	outbox_close(room->ob);

	must_open(room, OUTBOX_COMMAND);
	assert_int_equal(stats_of(room->ob).events_undelivered, 1);
	outbox_close(room->ob);

	must_open(room, OUTBOX_READ);
	assert_int_equal(stats_of(room->ob).events_undelivered, 1);
}

static int
write_something(struct store *store, void *arg)
{
	(void)arg;
	return store_try_write(store);
}

static void
test_read_writes_nothing(void **state)
{
	struct room *room = *state;

	must_open(room, OUTBOX_SERVE);
	assert_int_equal(outbox_run(room->ob, write_something, NULL, NULL), 0);
	outbox_close(room->ob);
	must_open(room, OUTBOX_READ);
	assert_int_equal(outbox_run(room->ob, write_something, NULL,
	    &room->fault), -1);
	assert_int_equal(room->fault.kind, STORE_FAULT_IO);
}

/* Numbers follow names, whatever their order in the file. */
static void
test_destinations(void **state)
{
	struct room *room = *state;
	int64_t crm, mail;

	must_open(room, OUTBOX_SERVE);
	crm = outbox_destination(room->ob, 0);
	mail = outbox_destination(room->ob, 1);
	assert_true(crm > 0 && mail > 0 && crm != mail);
	outbox_close(room->ob);
	room->destinations[0].name = (char *)(uintptr_t)"mail";
	room->destinations[1].name = (char *)(uintptr_t)"new";
	must_open(room, OUTBOX_READ);
	assert_int_equal(outbox_destination(room->ob, 0), mail);
	assert_int_equal(outbox_destination(room->ob, 1), 0);
	outbox_close(room->ob);
	must_open(room, OUTBOX_COMMAND);
	assert_int_equal(outbox_destination(room->ob, 0), mail);
	assert_true(outbox_destination(room->ob, 1) > 0);
}

static void
test_backends(void **state)
{
	const char *location = NULL;

	(void)state;
	assert_ptr_equal(outbox_backend("sqlite:/a/b", &location),
	    &store_sqlite);
	assert_string_equal(location, "/a/b");
	assert_null(outbox_backend("sqlite", &location));
	assert_null(outbox_backend("postgresql://h/d", &location));
	assert_null(outbox_backend("", &location));
}

/* Take the relay's lock in a child, say so, and hold it until killed. */
static pid_t
relay_in_child(struct room *room)
{
	int pipe_fds[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(pipe_fds), 0);
	if ((pid = fork()) == 0) {
		room->ob = outbox_open(&room->config, OUTBOX_COMMAND,
		    &room->fault);
		if (room->ob == NULL || outbox_lock_relay(room->ob) != 1)
			_exit(1);
		outbox_beat(room->ob, 1700000000123);
		if (write(pipe_fds[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(pipe_fds[1]);
	assert_int_equal(read(pipe_fds[0], &byte, 1), 1);
	close(pipe_fds[0]);
	return pid;
}

static void
test_relay_lock(void **state)
{
	struct room *room = *state;
	struct store_stats stats;
	pid_t pid;
	int status;

	must_open(room, OUTBOX_REQUEST);
	outbox_close(room->ob);
	room->ob = NULL;
	pid = relay_in_child(room);
	must_open(room, OUTBOX_SERVE);
	assert_int_equal(outbox_lock_relay(room->ob), 0);
	stats = stats_of(room->ob);
	assert_true(stats.relay_alive);
	assert_int_equal(stats.relay_pid, pid);
	assert_int_equal(stats.relay_seen_ms, 1700000000123);

	/* The kernel frees it with its holder. */
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	assert_false(stats_of(room->ob).relay_alive);
	assert_int_equal(outbox_lock_relay(room->ob), 1);
	assert_int_equal(outbox_lock_relay(room->ob), 1);
	stats = stats_of(room->ob);
	assert_true(stats.relay_alive);
	assert_int_equal(stats.relay_pid, getpid());
	outbox_unlock_relay(room->ob);
	assert_false(stats_of(room->ob).relay_alive);
}

static void
test_wake(void **state)
{
	struct room *room = *state;
	struct outbox *other;
	struct pollfd pfd = { .events = POLLIN };

	must_open(room, OUTBOX_SERVE);
	other = outbox_open(&room->config, OUTBOX_REQUEST, &room->fault);
	assert_non_null(other);
	pfd.fd = outbox_wake_fd(room->ob);
	assert_true(pfd.fd >= 0);
	assert_int_equal(poll(&pfd, 1, 0), 0);
	for (int i = 0; i < 100000; i++)
		outbox_wake(other);	/* more than a pipe holds */
	assert_int_equal(poll(&pfd, 1, 0), 1);
	outbox_drain_wake(room->ob);
	assert_int_equal(poll(&pfd, 1, 0), 0);
	outbox_close(other);
}

/* What lies where the FIFO should be is left alone; the clock must do then. */
static void
test_no_fifo(void **state)
{
	struct room *room = *state;
	char path[128];

	snprintf(path, sizeof(path), "%s/outbox.db-wake", room->folder);
	fclose(fopen(path, "w"));
	must_open(room, OUTBOX_SERVE);
	assert_int_equal(outbox_wake_fd(room->ob), -1);
	outbox_wake(room->ob);
	outbox_drain_wake(room->ob);
}

static void
test_configure(void **state)
{
	struct room *room = *state;
	int64_t crm, mail;
	struct accept_job jobs[3];
	atomic_int left = COUNT(jobs);

	must_open(room, OUTBOX_REQUEST);	/* a job is done when it is submitted */
	crm = outbox_destination(room->ob, 0);
	mail = outbox_destination(room->ob, 1);
	for (size_t i = 0; i < COUNT(jobs); i++)
		init_accept(&jobs[i], (const char *[]){ "1", "2", "3" }[i], &left);
	outbox_submit(room->ob, &jobs[0].job);
	assert_int_equal(jobs[0].out.deliveries, 2);

	room->config.destination_count = 1;
	assert_int_equal(outbox_configure(room->ob, &room->config, &room->fault), 0);
	outbox_submit(room->ob, &jobs[1].job);
	assert_int_equal(jobs[1].out.deliveries, 1);

	room->config.destination_count = 2;
	room->destinations[0].name = (char *)(uintptr_t)"new";
	assert_int_equal(outbox_configure(room->ob, &room->config, &room->fault), 0);
	assert_true(outbox_destination(room->ob, 0) > mail);
	assert_int_not_equal(outbox_destination(room->ob, 0), crm);
	assert_int_equal(outbox_destination(room->ob, 1), mail);
	outbox_submit(room->ob, &jobs[2].job);
	assert_int_equal(jobs[2].out.deliveries, 2);
	assert_true(jobs[0].ok && jobs[1].ok && jobs[2].ok);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_many_threads),
		TEST(test_failed_group),
		TEST(test_close_finishes),
		TEST(test_done_may_submit),
		TEST(test_modes),
		TEST(test_read_writes_nothing),
		TEST(test_destinations),
		TEST(test_configure),
		TEST(test_backends),
		TEST(test_relay_lock),
		TEST(test_wake),
		TEST(test_no_fifo)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
