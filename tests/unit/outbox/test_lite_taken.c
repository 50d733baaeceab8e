/*
 * What is taken and what is begun: who may write of a delivery, what a person may
 * still do to it, and what the next relay makes of it.
 */
#include "box_lite.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Another process on the same outbox; it finds the relay lock taken. */
static struct box
other_process(const struct box *box)
{
	struct box other = *box;

	other.store = NULL;
	memset(&other.out, 0, sizeof(other.out));
	assert_true(box_open(&other));
	return other;
}

static void
end_process(struct box *other)
{
	box_close(other);
	free(other->out.violations);
}

/* What was only taken is waiting to everybody, costs nothing, and is due again. */
static void
test_taken_is_waiting(void **state)
{
	struct box *box = *state;
	struct box other = other_process(box);
	struct delivery_claim claim;
	char id[UUID7_SIZE];

	strcpy(id, box_put(box, "1", "A", BOX_NOW));
	assert_int_equal(box_take(box, 0, BOX_NOW, 1, &claim), 1);
	assert_int_equal(box_take(box, 0, BOX_NOW, 1, &(struct delivery_claim){ 0 }),
	    0);
	assert_int_equal(box_state(&other, id, 0), DELIVERY_WAITING);
	assert_int_equal(box_counts(&other, 0).count[DELIVERY_WAITING], 1);
	assert_int_equal(box_counts(&other, 0).count[DELIVERY_SENDING], 0);
	box->store->ops->let_go(box->store, &claim.ticket);
	delivery_claim_free(&claim);
	assert_int_equal(box_claim(box, 0, BOX_NOW, 1, &claim), 1);
	assert_int_equal(claim.attempts, 1);
	assert_int_equal(box_state(&other, id, 0), DELIVERY_SENDING);
	assert_int_equal(box_counts(&other, 0).count[DELIVERY_WAITING], 0);
	assert_int_equal(box_counts(&other, 0).count[DELIVERY_SENDING], 1);
	assert_int_equal(box_number(box, "SELECT attempts FROM delivery"), 0);
	delivery_claim_free(&claim);
	end_process(&other);
}

/*
 * Between taking the lock and the first commit, what the last relay had begun is still
 * in the table; a webhook or a command that comes in then sees it there.
 */
static void
test_before_the_first_commit(void **state)
{
	struct box *box = *state;
	struct box other = other_process(box);
	struct delivery_claim claim;
	char id[UUID7_SIZE];

	strcpy(id, box_put(box, "1", "A", BOX_NOW));
	assert_int_equal(box_claim(box, 0, BOX_NOW, 1, &claim), 1);
	delivery_claim_free(&claim);
	box_put(box, "2", "A", BOX_NOW);
	box->store->ops->unlock_relay(box->store);
	assert_int_equal(other.store->ops->lock_relay(other.store), 1);
	alarm(20);			/* not for ever */
	assert_int_equal(box_act(&other, STORE_DISCARD, box->out.id, false,
	    BOX_NOW).result, STORE_ACT_DONE);
	assert_int_equal(box_act(&other, STORE_DISCARD, id, false, BOX_NOW).result,
	    STORE_ACT_SENDING);
	alarm(0);
	(void)box_recover(&other, BOX_NOW);
	assert_int_equal(box_act(&other, STORE_DISCARD, id, false, BOX_NOW).result,
	    STORE_ACT_DONE);
	end_process(&other);
}

/* A person's command on what was only taken wins; on what was begun it waits. */
static void
test_command_wins(void **state)
{
	static const enum store_action actions[] = { STORE_DISCARD, STORE_RETRY };
	struct box *box = *state;
	struct box other = other_process(box);
	struct delivery_claim claim;
	char id[UUID7_SIZE], lead[8];

	for (size_t i = 0; i < COUNT(actions); i++)
		for (int begun = 0; begun < 2; begun++) {
			snprintf(lead, sizeof(lead), "%zu%d", i, begun);
			strcpy(id, box_put(box, lead, "A", BOX_NOW));
			assert_int_equal(box_take(box, 0, BOX_NOW, 1, &claim), 1);
			if (begun)
				assert_true(box->store->ops->start(box->store,
				    &claim.ticket, BOX_NOW));
			assert_int_equal(box_act(&other, actions[i], id, false,
			    BOX_NOW).result, begun ? STORE_ACT_SENDING :
			    STORE_ACT_DONE);
			if (!begun)
				assert_false(box->store->ops->start(box->store,
				    &claim.ticket, BOX_NOW));
			/* Whatever is said of that claim, the command stands. */
			box_settle(box, &claim, DELIVERY_DEAD, 0, BOX_NOW);
			delivery_claim_free(&claim);
			assert_int_equal(box_state(&other, id, 0), begun ?
			    DELIVERY_DEAD : actions[i] == STORE_DISCARD ?
			    DELIVERY_DISCARDED : DELIVERY_WAITING);
			(void)box_act(&other, STORE_DISCARD, id, false, BOX_NOW);
			box_check(box);
		}
	end_process(&other);
}

/* An older event that is let go stands before a newer one that was only taken. */
static void
test_older_goes_first(void **state)
{
	struct box *box = *state;
	struct box other = other_process(box);
	struct event_in in = box_in("1", "A", BOX_NOW);
	struct delivery_claim claim;
	char old[UUID7_SIZE];

	in.hold = EVENT_HOLD_RULES;
	assert_int_equal(box_accept(box, &in), EVENT_STORED);
	strcpy(old, box->out.id);
	box_put(box, "1", "B", BOX_NOW);
	assert_int_equal(box_take(box, 0, BOX_NOW, 1, &claim), 1);
	assert_int_equal(box_act(&other, STORE_RELEASE, old, false,
	    BOX_NOW).result, STORE_ACT_DONE);
	assert_false(box->store->ops->start(box->store, &claim.ticket, BOX_NOW));
	box->store->ops->let_go(box->store, &claim.ticket);
	delivery_claim_free(&claim);
	assert_string_equal(box_send(box, 0, DELIVERY_DELIVERED, 0, BOX_NOW), old);
	box_check(box);
	end_process(&other);
}

/* Only the newest claim's outcome counts, however late another one comes. */
static void
test_outcome_of_another_claim(void **state)
{
	struct box *box = *state;
	struct delivery_claim first, second;
	struct delivery_outcome late;

	box_put(box, "1", "A", BOX_NOW);
	assert_int_equal(box_claim(box, 0, BOX_NOW, 1, &first), 1);
	late = (struct delivery_outcome){ .ticket = first.ticket,
	    .state = DELIVERY_DEAD, .attempted = true };
	box_settle(box, &first, DELIVERY_WAITING, BOX_NOW, BOX_NOW);
	assert_int_equal(box_claim(box, 0, BOX_NOW, 1, &second), 1);
	assert_true(second.ticket.claim > first.ticket.claim);
	/* The batch of the first one, written again after a commit in doubt. */
	box_begin(box);
	assert_int_equal(store_settle(box->store, &late, 1, BOX_NOW), 0);
	box_commit(box);
	assert_int_equal(box_state(box, second.id, 0), DELIVERY_SENDING);
	assert_int_equal(box_number(box, "SELECT count(*) FROM attempt"), 1);
	box_settle(box, &second, DELIVERY_DELIVERED, 0, BOX_NOW);
	assert_int_equal(box_state(box, second.id, 0), DELIVERY_DELIVERED);
	delivery_claim_free(&first);
	delivery_claim_free(&second);
	box_check(box);
}

/* Whoever lost the lock, to somebody who took the file away, changes nothing. */
static void
test_old_epoch(void **state)
{
	struct box *box = *state;
	struct destination_state paused = { .paused_ms = BOX_NOW }, now = { 0 };
	struct delivery_claim claims[2], theirs;
	char path[128];
	struct box other;
	size_t count;

	box_put(box, "1", "A", BOX_NOW);
	box_put(box, "2", "A", BOX_NOW);
	assert_int_equal(box_claim(box, 0, BOX_NOW, 1, claims), 1);
	assert_int_equal(box_take(box, 0, BOX_NOW, 1, claims + 1), 1);
	snprintf(path, sizeof(path), "%s-relay", box->path);
	assert_int_equal(unlink(path), 0);
	other = other_process(box);
	assert_int_equal(other.store->ops->lock_relay(other.store), 1);
	assert_int_equal(box_claim(&other, 0, BOX_NOW, 1, &theirs), 1);

	assert_int_equal(box->store->ops->begin(box->store, true), 0);
	assert_int_equal(store_claim(box->store,
	    box->destinations[0].number, BOX_NOW, 1, claims, &count), -1);
	assert_int_equal(box->store->fault.kind, STORE_FAULT_FENCED);
	box->store->ops->rollback(box->store);
	box_settle(box, &claims[0], DELIVERY_DEAD, 0, BOX_NOW);
	box_settle(box, &claims[1], DELIVERY_DEAD, 0, BOX_NOW);
	paused.number = now.number = box->destinations[0].number;
	box_begin(box);
	assert_int_equal(store_save_state(box->store, &paused), 0);
	assert_int_equal(store_load_state(box->store, &now), 0);
	box_commit(box);
	assert_int_equal(now.paused_ms, 0);
	assert_int_equal(box_counts(&other, 0).count[DELIVERY_DEAD], 0);
	/* What the first had begun is not known to the second. */
	assert_true(theirs.doubt);
	box_settle(&other, &theirs, DELIVERY_DELIVERED, 0, BOX_NOW);
	assert_int_equal(box_counts(&other, 0).count[DELIVERY_DELIVERED], 1);
	delivery_claim_free(&claims[0]);
	delivery_claim_free(&claims[1]);
	delivery_claim_free(&theirs);
	end_process(&other);
}

/* Take three, begin one, and be killed. */
static void
live_and_die(struct box *box, int fd)
{
	struct delivery_claim claims[3];

	if (!box_open(box) || box_take(box, 0, BOX_NOW, 3, claims) != 3 ||
	    !box->store->ops->start(box->store, &claims[1].ticket, BOX_NOW + 7) ||
	    write(fd, claims[1].id, UUID7_SIZE) != UUID7_SIZE)
		_exit(1);
	for (;;)
		pause();
}

/* Kill a relay that has taken three and begun one, whose id goes to ${begun}. */
static void
kill_relay(struct box *box, char begun[UUID7_SIZE])
{
	int fds[2], status;
	pid_t pid;

	box_close(box);
	assert_int_equal(pipe(fds), 0);
	if ((pid = fork()) == 0)
		live_and_die(box, fds[1]);
	assert_int_equal(read(fds[0], begun, UUID7_SIZE), UUID7_SIZE);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	close(fds[0]);
	close(fds[1]);
}

/* After a kill, what was begun has an unknown outcome; what was taken has none. */
static void
test_killed_relay(void **state)
{
	struct box *box = *state;
	struct destination_state state_of = { 0 };
	struct delivery_claim claims[3];
	char begun[UUID7_SIZE];

	box_put(box, "1", "A", BOX_NOW);
	box_put(box, "2", "A", BOX_NOW);
	box_put(box, "3", "A", BOX_NOW);
	kill_relay(box, begun);
	assert_true(box_open(box));
	state_of.number = box->destinations[0].number;
	box_begin(box);
	assert_int_equal(store_load_state(box->store, &state_of), 0);
	box_commit(box);
	assert_int_equal(state_of.last_request_us, (BOX_NOW + 7) * 1000);
	assert_int_equal(box_number(box, "SELECT count(*) FROM attempt "
	    "WHERE status = 0 AND counted = 1"), 1);
	assert_int_equal(box_claim(box, 0, BOX_NOW, 3, claims), 3);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(claims[i].unknown,
		    strcmp(claims[i].id, begun) == 0);
		assert_int_equal(claims[i].attempts, claims[i].unknown ? 2 : 1);
		assert_int_equal(claims[i].begun, claims[i].unknown);
		assert_int_equal(claims[i].first_attempt_ms,
		    claims[i].unknown ? BOX_NOW + 7 : 0);
		assert_false(claims[i].doubt);
		delivery_claim_free(&claims[i]);
	}
	box_check(box);
}

/* Write over what the relay's file says of its boot. */
static void
change_boot(const struct box *box)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s-relay", box->path);
	fd = open(path, O_WRONLY);
	assert_int_equal(pwrite(fd, "another boot", 12, 4096 + 8), 12);
	close(fd);
}

/*
 * After a power cut nothing is known: whatever was there may have been begun, but
 * counts for nothing; what came later was not, and one outcome ends the doubt.
 */
static void
test_power_cut(void **state)
{
	struct box *box = *state;
	struct delivery_claim claims[4];
	char begun[UUID7_SIZE];

	box_put(box, "1", "A", BOX_NOW);
	box_put(box, "2", "A", BOX_NOW);
	box_put(box, "3", "A", BOX_NOW);
	kill_relay(box, begun);
	change_boot(box);
	assert_true(box_open(box));
	box_put(box, "4", "A", BOX_NOW);
	assert_int_equal(box_claim(box, 0, BOX_NOW, 4, claims), 4);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(claims[i].doubt, i < 3);
		assert_false(claims[i].unknown);
		assert_int_equal(claims[i].begun, 0);
		assert_int_equal(claims[i].attempts, 1);
	}
	box_settle(box, &claims[0], DELIVERY_WAITING, BOX_NOW, BOX_NOW);
	delivery_claim_free(&claims[0]);
	assert_int_equal(box_claim(box, 0, BOX_NOW, 1, claims), 1);
	assert_false(claims[0].doubt);
	for (int i = 0; i < 4; i++)
		delivery_claim_free(&claims[i]);
	box_check(box);
}

enum { SLOTS = 4096 };

static void
put_many(struct box *box, int count)
{
	struct event_in in;
	char lead[16];

	box_begin(box);
	for (int i = 0; i < count; i++) {
		snprintf(lead, sizeof(lead), "%d", i);
		in = box_in(lead, "A", BOX_NOW);
		free(box->out.violations);
		assert_int_equal(store_accept(box->store, &in,
		    &box->out, 1), 0);
	}
	box_commit(box);
}

static int64_t
next_due(struct box *box, size_t index)
{
	int64_t due;

	box_begin(box);
	assert_int_equal(store_next_due(box->store,
	    box->destinations[index].number, &due), 0);
	box_commit(box);
	return due;
}

/* There is room for so many in hand; the rest waits its turn. */
static void
test_room(void **state)
{
	static struct delivery_claim claims[SLOTS + 1];
	struct box *box = *state;

	put_many(box, SLOTS + 1);
	assert_int_equal(box_claim(box, 0, BOX_NOW, SLOTS + 1, claims), SLOTS);
	assert_int_equal(next_due(box, 0), 0);
	box_settle(box, &claims[77], DELIVERY_DELIVERED, 0, BOX_NOW);
	delivery_claim_free(&claims[77]);
	assert_int_equal(next_due(box, 0), BOX_NOW);
	assert_int_equal(box_claim(box, 0, BOX_NOW, 9, &claims[77]), 1);
	assert_string_equal(claims[77].lead, "4096");
	for (int i = 0; i < SLOTS; i++)
		delivery_claim_free(&claims[i]);
}

/* Whatever others have in hand, and whoever came first: each destination has its share. */
static void
test_shares(void **state)
{
	enum { SHARE = SLOTS / 2 / 4, FIRST = SLOTS - 3 * SHARE };
	static struct delivery_claim claims[SLOTS];
	struct box *box = *state;
	size_t n;

	box_close(box);
	box->destination_count = 4;
	for (int i = 1; i < 4; i++)
		box->destinations[i].name = (const char *[]){ "", "a", "b", "c" }[i];
	assert_true(box_open(box));
	put_many(box, FIRST + 1);
	n = box_claim(box, 0, BOX_NOW, FIRST + 1, claims);
	assert_int_equal(n, FIRST);
	assert_int_equal(next_due(box, 0), 0);
	for (size_t i = 1; i < 4; i++) {
		assert_int_equal(next_due(box, i), BOX_NOW);
		assert_int_equal(box_claim(box, i, BOX_NOW, FIRST, claims + n), SHARE);
		assert_int_equal(next_due(box, i), 0);
		n += SHARE;
	}
	/* What one lets go of is nobody else's, nor its own beyond its share. */
	box_settle(box, &claims[0], DELIVERY_DELIVERED, 0, BOX_NOW);
	box_settle(box, &claims[n - 1], DELIVERY_DELIVERED, 0, BOX_NOW);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(next_due(box, i), i == 3 ? BOX_NOW : 0);
	delivery_claim_free(&claims[n - 1]);
	assert_int_equal(box_claim(box, 3, BOX_NOW, FIRST, &claims[n - 1]), 1);
	for (size_t i = 0; i < n; i++)
		delivery_claim_free(&claims[i]);
}

/* The lock is ours, the recovery still to come: a lead or a command may be quicker. */
static void
test_before_recovery(void **state)
{
	struct box *box = *state;
	struct store_options options = box->options;
	struct store_act_out out;
	struct store_fault fault;
	struct store *other;
	char id[UUID7_SIZE];

	strcpy(id, box_put(box, "1", "A", BOX_NOW));
	store_sqlite.unlock_relay(box->store);
	options.location = box->path;
	other = store_sqlite.open(&options, &fault);
	assert_non_null(other);
	assert_int_equal(store_sqlite.lock_relay(other), 1);
	assert_int_equal(store_sqlite.begin(other, true), 0);
	assert_int_equal(store_sqlite.act(other, STORE_DISCARD, id, NULL, 0,
	    BOX_NOW, &out), 0);
	assert_int_equal(store_sqlite.commit(other), 0);
	assert_int_equal(out.result, STORE_ACT_DONE);
	store_sqlite.close(other);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, box_setup, box_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_taken_is_waiting),
		TEST(test_before_the_first_commit),
		TEST(test_command_wins),
		TEST(test_older_goes_first),
		TEST(test_outcome_of_another_claim),
		TEST(test_old_epoch),
		TEST(test_killed_relay),
		TEST(test_power_cut),
		TEST(test_room),
		TEST(test_shares),
		TEST(test_before_recovery)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
